"""The Python environments of job images, in Stagewright's cache and with the local.toml of a state."""

from __future__ import annotations

from pathlib import Path

from sagemaker_local.images import interpreters
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


def built_modules(state: Path, image: str) -> frozenset[str] | None:
    """Return the installed modules of an image's environment. None: it is not built, or has none."""
    with translated():
        environments = _environments(state)
        if environments.problem(image) or environments.unbuilt(image):
            return None
        sites = interpreters.inspect(environments.resolve(image).python).sites
    names = (entry.name for site in sites for entry in Path(site).iterdir())
    return frozenset(name.partition(".")[0] for name in names if not name.endswith(".dist-info"))


def resolve(image: str) -> Environment:
    """Return the environment of an image, built if needed. No local.toml applies."""
    with translated():
        return Environments(None, STAGEWRIGHT).resolve(image)


def _environments(state: Path) -> Environments:
    return Environments(state / "local.toml", STAGEWRIGHT)
