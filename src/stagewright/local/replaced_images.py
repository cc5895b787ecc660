"""The overlay of a converted pipeline on this machine: images that it can provide in place of others."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sagemaker_local.state_folder import REGION
from stagewright.catalog.images import alias_of, resolve
from stagewright.errors import NotFoundError, PlanError
from stagewright.local import environments

LOCAL = {"sklearn": "sklearn-1.4", "xgboost": "xgboost-1.7"}
"""Framework -> the image that this machine can provide."""
TRAINS = ("training", "tuning")


def local_overlay(document: Mapping[str, Any], state: Path) -> dict[str, Any]:
    """Content of `environments/local.yaml`: replaces the images that this machine cannot provide."""
    stages = {name: _image(stage, state) for name, stage in document["stages"].items()}
    default = _replacement(document.get("defaults", {}).get("image", ""), state)
    return {
        **({"defaults": {"image": default}} if default else {}),
        **({"stages": kept} if (kept := {name: image for name, image in stages.items() if image}) else {}),
    }


def _image(stage: Mapping[str, Any], state: Path) -> dict[str, str]:
    """A job of a built-in algorithm has no script, so it needs a URI."""
    image = _replacement(stage.get("image", ""), state)
    needs_uri = stage["kind"] in TRAINS and not stage.get("entry_point")
    return {"image": resolve(image, REGION) if needs_uri else image} if image else {}


def _replacement(image: str, state: Path) -> str:
    """The image that replaces one which this machine cannot provide. Empty: none is needed, or known."""
    try:
        uri = resolve(image, REGION)
        replacement = LOCAL.get(alias_of(uri).framework, "")
    except (NotFoundError, PlanError):
        return ""
    return replacement if replacement and environments.problem(state, uri) else ""
