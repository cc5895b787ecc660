"""The script of a stage, with the files and the image that it runs with."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from stagewright.catalog import images
from stagewright.code_checks import python_files
from stagewright.code_checks.python_files import PythonFile
from stagewright.document.pipeline import Pipeline
from stagewright.errors import NotFoundError, PlanError, Problem
from stagewright.planner.release import CodeFile, Release
from stagewright.planner.stage_files import bundle, script_of
from stagewright.stages.base.schema import JobService
from stagewright.stages.registry import AnyStage
from stagewright.syntax.references import Reference, render, sole_reference

REGION = "us-east-1"
"""Any region: the framework images are the same in all of them."""


@dataclass(frozen=True)
class StageScript:
    """A script and what it runs with.

    Fields:
        service: The service that runs the script.
        field: The stage's field that names the script.
        path: The script, relative to the code folder.
        files: Path -> content of the stage's files.
        code: Path -> content of all code files of the pipeline.
        image: The framework image. None: another image, or one that is not known yet.
        values: The stage's own fields. References to parameters are replaced by their values.
    """

    stage: str
    service: JobService
    field: str
    path: str
    files: Mapping[str, bytes]
    code: Mapping[str, bytes]
    image: images.Image | None
    values: Mapping[str, Any]

    @property
    def is_python(self) -> bool:
        return self.path.endswith(".py")

    @property
    def python(self) -> tuple[int, int] | None:
        """Version of the image's Python, None if it is not known."""
        match = re.fullmatch(r"(\d+)\.(\d+)", self.image.python if self.image else "")
        return (int(match[1]), int(match[2])) if match else None

    @cached_property
    def modules(self) -> Mapping[str, PythonFile]:
        """Path -> the script, and each of its files that is surely imported with it."""
        return python_files.imported(self.path, self.files, self.python) if self.is_python else {}

    def problem(self, message: str, remedy: str = "", field: str = "") -> Problem:
        """Return a problem of the stage's field, by default the one that names the script."""
        return Problem(f"stages.{self.stage}.{field or self.field}", message, remedy)

    def problem_in(self, file: str, line: int | None, message: str, remedy: str = "") -> Problem:
        """Return a problem of one of the stage's files. `file` is relative to the code folder."""
        return Problem(f"stages.{self.stage}", message, remedy, file, line)


def scripts(pipeline: Pipeline, code: Mapping[str, bytes]) -> Iterator[StageScript]:
    """Yield the script of each enabled stage that has one. Stages with missing files are left out."""
    release = Release(pipeline.name, {path: CodeFile("") for path in code})
    for name, stage in pipeline.stages.items():
        field, script = script_of(stage)
        try:
            files = {path: code[path] for path in bundle(stage, name, release)}
        except PlanError:
            continue
        if script in files and stage.enabled:
            image, values = _image(pipeline, stage), _values(pipeline, stage)
            yield StageScript(name, stage.job_service, field, script, files, code, image, values)


def _values(pipeline: Pipeline, stage: AnyStage) -> Mapping[str, Any]:
    dumped = stage.model_dump(mode="json", exclude_unset=True)
    return {field: _rendered(pipeline, value) for field, value in dumped.items()}


def _rendered(pipeline: Pipeline, value: Any) -> Any:
    """Replace the references to parameters that are plain values. Others stay as they are written."""

    def find(reference: Reference) -> Any:
        name = ".".join(reference.path[1:])
        value = pipeline.parameters.get(name) if reference.path[0] == "parameters" else None
        return reference.text if value is None or "${" in str(value) else value

    return render(value, find)


def _image(pipeline: Pipeline, stage: AnyStage) -> images.Image | None:
    if "image" not in type(stage).model_fields:  # AWS Glue chooses its own Python
        return None
    alias = _rendered(pipeline, _image_name(pipeline, stage))
    instance = _rendered(pipeline, stage.main_instance_type or pipeline.defaults.instance_type or "")
    if "${" in alias:
        return None
    try:
        return images.alias_of(images.resolve(alias, REGION, "" if "${" in instance else instance))
    except (NotFoundError, PlanError):
        return None


def _image_name(pipeline: Pipeline, stage: AnyStage) -> str:
    """Return the image of the stage, of the stage that trains its model, or the document's default."""
    own = getattr(stage, "image", None)
    model = sole_reference(getattr(stage, "model", None) or "")
    trained = pipeline.stages.get(model.stage or "") if model else None
    return str(own or (trained and trained.training_image) or pipeline.defaults.image or "")
