"""The artifacts of an installation with their placeholders filled."""

from __future__ import annotations

import json
from typing import Any

from stagewright.installation.artifacts import FOLDER
from stagewright.installation.state_machine import DEFINITION
from stagewright.installation.template import fill
from stagewright.naming import Installation


def definition(installation: Installation) -> str:
    return fill((FOLDER / DEFINITION).read_text(encoding="utf-8"), installation)


def parts(installation: Installation, file: str = "installation.json") -> dict[str, Any]:
    """Return a file of the artifacts, without it installation.json."""
    text = fill((FOLDER / file).read_text(encoding="utf-8"), installation)
    parts: dict[str, Any] = json.loads(text)
    return parts
