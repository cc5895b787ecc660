"""What the fields of one stage must be to one another, kind by kind."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from stagewright.stages.approval.schema import Approval
from stagewright.stages.base.schema import Defaults, Serving
from stagewright.stages.endpoint.schema import Endpoint
from stagewright.stages.gate.schema import Gate
from stagewright.stages.glue.schema import Glue
from stagewright.stages.lambda_function.schema import Function
from stagewright.stages.processing.schema import Processing
from stagewright.stages.training.schema import Trains
from stagewright.stages.transform.schema import Transform
from stagewright.syntax.fields import Model
from stagewright.syntax.findings import Finding, Path, nearest
from stagewright.syntax.references import sole_reference, source_of

if TYPE_CHECKING:
    from stagewright.document.pipeline import Pipeline

RESERVED = "code"


def is_image_uri(image: str) -> bool:
    """A full image URI has a registry before its name; an alias (`sklearn-1.4`) has none."""
    return "/" in image


def relative(text: str, path: Path) -> Iterator[Finding]:
    """Paths of code and data are relative, written with `/`, and stay in their folder."""
    parts = text.split("/")
    if (
        not text
        or text.startswith(("/", "~"))
        or ".." in parts
        or "\\" in text
        or re.match(r"[A-Za-z]:", text)
    ):
        yield Finding(
            path, f"{text!r} is not a path inside the folder", "write it relative, with / and without .."
        )


def _outputs(stage: Processing | Glue, path: Path) -> Iterator[Finding]:
    names = list(stage.outputs)
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Finding(
            (*path, "outputs"), f"{name} is there more than once", "each output has a name of its own"
        )
    if stage.metrics_file is None:
        return
    place = (*path, "metrics_file")
    output, _, file = stage.metrics_file.partition("/")
    if not file.endswith(".json") or ".." in file.split("/"):
        yield Finding(
            place, f"{stage.metrics_file!r} is not <output>/<file>.json", "such as report/metrics.json"
        )
    elif output not in names:
        yield Finding(
            place, f"no output {output!r}", nearest(output, names, "outputs") or f"outputs: [{output}]"
        )


def _hosted(stage: Endpoint | Transform, pipeline: Pipeline, path: Path) -> Iterator[Finding]:
    yield from _needs(stage, pipeline.defaults, path, "instance_type")
    yield from _served(stage, stage.model, pipeline, path)


def _requestless(stage: Gate | Approval | Function, _pipeline: Pipeline, path: Path) -> Iterator[Finding]:
    if stage.request:
        remedy = "leave it out"
        yield Finding((*path, "request"), f"a {stage.kind} stage makes no request of SageMaker's", remedy)


def _served(stage: Serving, model: str, pipeline: Pipeline, path: Path) -> Iterator[Finding]:
    source = source_of(model)
    if source == "artifact":
        yield from _serving_image(stage, model, pipeline, path)
        return
    for field in ("image", "entry_point", "include"):
        if getattr(stage, field):
            what = "a model package" if source == "package" else "a SageMaker model"
            remedy = f"leave {field} out, or serve an artifact"
            yield Finding((*path, field), f"{what} brings its own", remedy)


def _serving_image(stage: Serving, model: str, pipeline: Pipeline, path: Path) -> Iterator[Finding]:
    """A model that a stage of the document trains is served with that stage's image."""
    reference = sole_reference(model)
    trained = pipeline.stages.get(reference.stage or "") if reference else None
    if not isinstance(trained, Trains) or not trained.image:
        yield from _needs(stage, pipeline.defaults, path, "image")


def _needs(stage: Model, defaults: Defaults, path: Path, *fields: str) -> Iterator[Finding]:
    for field in fields:
        if not getattr(stage, field) and not getattr(defaults, field):
            yield Finding(path, f"no {field}", f"give {'.'.join(map(str, path))}.{field} or defaults.{field}")


def _code(script: str | None, include: Iterable[str], path: Path) -> Iterator[Finding]:
    if script is not None:
        yield from relative(script, path)
    for index, each in enumerate(include):
        yield from relative(each, (*path[:-1], "include", index))
    if include and not script:
        remedy = f"give {path[-1]}, or leave include out"
        yield Finding((*path[:-1], "include"), "files beside a script, and there is no script", remedy)
