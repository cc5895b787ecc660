"""The Python environments of job images, in Stagewright's cache and with the local.toml of a state."""

from __future__ import annotations

from pathlib import Path

from sagemaker_local.images.environments import Environment, Environments
from stagewright.local.errors import translated
from stagewright.local.program import STAGEWRIGHT


def problem(state: Path, image: str) -> str:
    """Return why jobs with this image fail; empty if it has an environment or can get one."""
    with translated():
        return _environments(state).problem(image)


def unbuilt(state: Path, image: str) -> str:
    """Return the image's alias if its environment is not built yet, otherwise an empty string."""
    with translated():
        return _environments(state).unbuilt(image)


def resolve(image: str) -> Environment:
    """Return the environment of an image, built if needed. No local.toml applies."""
    with translated():
        return Environments(None, STAGEWRIGHT).resolve(image)


def _environments(state: Path) -> Environments:
    return Environments(state / "local.toml", STAGEWRIGHT)
