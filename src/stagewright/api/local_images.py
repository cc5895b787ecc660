"""Which images of a document have a Python environment on this machine, and which are built by a run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stagewright.api import notes
from stagewright.api.target import Session, state_folder
from stagewright.naming import stage_of

if TYPE_CHECKING:
    from stagewright.document.pipeline import Pipeline
    from stagewright.stages.registry import AnyStage


def warn(session: Session, pipeline: Pipeline) -> None:
    """Print a warning for each image that this machine cannot provide. Does nothing for AWS."""
    if session.is_local:
        for problem in problems(pipeline):
            notes.warn(f"{problem}")


def problems(pipeline: Pipeline) -> Iterator[str]:
    """A sentence for each image that this machine cannot provide, with the stages that use it."""
    from stagewright.local import environments

    for image, stages in _images(pipeline).items():
        if problem := environments.problem(state_folder(), image):
            yield f"{', '.join(stages)}: {problem}"


def _images(pipeline: Pipeline) -> dict[str, list[str]]:
    """Image -> enabled stages that use it. Images that depend on a parameter are left out."""
    from sagemaker_local.state_folder import REGION
    from stagewright.catalog.images import resolve
    from stagewright.errors import PlanError

    stages: dict[str, list[str]] = {}
    for name, stage in pipeline.stages.items():
        image = getattr(stage, "image", None) or pipeline.defaults.image or ""
        instance = getattr(stage, "instance_type", None) or pipeline.defaults.instance_type or ""
        if not (stage.enabled and hasattr(stage, "image") and image) or "${" in f"{image}{instance}":
            continue
        try:
            stages.setdefault(resolve(image, REGION, instance), []).append(name)
        except PlanError:  # planning reports it
            continue
    return stages


def note_builds(session: Session, pipeline: Pipeline, run: str) -> None:
    """Print which Python environments the run builds first, so that the wait is not taken for a hang."""
    from stagewright.local import environments
    from stagewright.runs.history import run_history
    from stagewright.stages.registry import KINDS

    images = {
        name: image_of(pipeline, stage)
        for name, stage in pipeline.stages.items()
        if KINDS[stage.kind].has_job and KINDS[stage.kind].request.image
    }
    state = state_folder()
    missing = {name: alias for name, image in images.items() if (alias := environments.unbuilt(state, image))}
    if not missing:
        return
    running = [stage.name for stage in run_history.show(session.gateway, run).stages if stage.action == "run"]
    for alias in dict.fromkeys(missing[name] for name in map(stage_of, running) if name in missing):
        notes.info(f"building the Python environment of {alias} (once, 20 s or more)")


def image_of(pipeline: Pipeline, stage: AnyStage) -> str:
    """Image of the stage, of the stage whose model it uses, or the document's default."""
    from stagewright.syntax.references import sole_reference

    if own := getattr(stage, "image", None):
        return str(own)
    model = sole_reference(getattr(stage, "model", None) or "")
    if model and model.stage:
        return image_of(pipeline, pipeline.stages[model.stage])
    return pipeline.defaults.image or ""
