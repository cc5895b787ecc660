"""."""

from __future__ import annotations

import os


def state_path() -> str:
    """Where the local target keeps everything: STAGEWRIGHT_STATE, or .stagewright in the current folder."""
    return os.path.abspath(os.environ.get("STAGEWRIGHT_STATE") or ".stagewright")  # noqa: PTH100 -- see the top
