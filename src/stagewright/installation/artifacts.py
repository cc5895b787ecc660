"""The four generated files that Terraform and the local target read.

They are committed. A test fails when they are stale.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stagewright.installation.archive import PACKAGE, archive
from stagewright.installation.functions import ARCHIVE
from stagewright.installation.resources import resources
from stagewright.installation.roles.ci import ci
from stagewright.installation.roles.people import people
from stagewright.installation.state_machine import DEFINITION, definition

FOLDER = PACKAGE / "artifacts"


def artifacts() -> dict[str, bytes]:
    """Return the content per file name."""
    return {
        "installation.json": _text(resources()),
        "ci.json": _text(ci()),
        "people.json": _text(people()),
        DEFINITION: definition(),
        ARCHIVE: archive(),
    }


def write(folder: Path = FOLDER) -> list[Path]:
    """Write the files that changed and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    changed = []
    for name, content in artifacts().items():
        path = folder / name
        if not path.exists() or path.read_bytes() != content:
            path.write_bytes(content)
            changed.append(path)
    return changed


def _text(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()
