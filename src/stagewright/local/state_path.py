"""The path of the local state folder, in a module that imports almost nothing."""

from __future__ import annotations

import os


def state_path() -> str:
    """Return STAGEWRIGHT_STATE, or .stagewright in the current folder, as an absolute path."""
    return os.path.abspath(os.environ.get("STAGEWRIGHT_STATE") or ".stagewright")  # noqa: PTH100 -- pathlib is slow to import
