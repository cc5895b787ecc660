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


def parts(installation: Installation) -> dict[str, Any]:
    """Return installation.json."""
    parts: dict[str, Any] = json.loads(
        fill((FOLDER / "installation.json").read_text(encoding="utf-8"), installation)
    )
    return parts
