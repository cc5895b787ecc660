"""On the local target: stages whose image has no Python environment here are named before anything starts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stagewright.cli.common import output
from stagewright.cli.common.target import Session, state_folder

if TYPE_CHECKING:
    from stagewright.document.pipeline import Pipeline


def warn(connected: Session, pipeline: Pipeline) -> None:
    if connected.is_local:
        for problem in problems(pipeline):
            output.note(f"warning: {problem}")


def problems(pipeline: Pipeline) -> Iterator[str]:
    """A sentence for each image that could not be had, with the stages that ask for it."""
    from sagemaker_local.images.environments import Environments

    environments = Environments(state_folder() / "local.toml")
    for image, stages in _images(pipeline).items():
        if problem := environments.problem(image):
            yield f"{', '.join(stages)}: {problem}"


def _images(pipeline: Pipeline) -> dict[str, list[str]]:
    """Image -> names of the enabled stages that run in it. What a parameter decides is not known yet."""
    from sagemaker_local.state_folder import REGION
    from stagewright.catalog.images import resolve
    from stagewright.errors import PlanError

    found: dict[str, list[str]] = {}
    for name, stage in pipeline.stages.items():
        image = getattr(stage, "image", None) or pipeline.defaults.image or ""
        where = getattr(stage, "instance_type", None) or pipeline.defaults.instance_type or ""
        if not (stage.enabled and hasattr(stage, "image") and image) or "${" in f"{image}{where}":
            continue
        try:
            found.setdefault(resolve(image, REGION, where), []).append(name)
        except PlanError:  # the plan says so itself
            continue
    return found
