"""Rules that several stage kinds share. Each kind's own rules are in its `rules` module."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from stagewright.stages.base import limits
from stagewright.stages.base.schema import Defaults, Measured, Serving, Stage
from stagewright.syntax import metric_path
from stagewright.syntax.fields import Model
from stagewright.syntax.findings import Finding, Path, nearest
from stagewright.syntax.references import sole_reference, source_of

RESERVED = "code"
"""Name of the input that carries a processing stage's script."""


@dataclass(frozen=True)
class RuleContext:
    """The parts of a document, besides the stage itself, that a kind's rules depend on."""

    defaults: Defaults
    stages: Mapping[str, Stage]


def is_image_uri(image: str) -> bool:
    """Whether `image` is a URI. A URI has a registry before its name; an alias (`sklearn-1.4`) has none."""
    return "/" in image


def relative(text: str, path: Path) -> Iterator[Finding]:
    """A finding if `text` is not a relative path inside its folder, written with `/`."""
    parts = text.split("/")
    if (
        not text
        or text.startswith(("/", "~"))
        or ".." in parts
        or "\\" in text
        or re.match(r"[A-Za-z]:", text)
    ):
        yield Finding(
            path, f"{text!r} is not a path inside the folder", "write a relative path with / and without .."
        )


def outputs(names: Collection[str], metrics_file: str | None, path: Path) -> Iterator[Finding]:
    """Findings for repeated output names and for a metrics file that is not in an output."""
    names = list(names)
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Finding((*path, "outputs"), f"{name} is listed more than once", "give each output its own name")
    if metrics_file is None:
        return
    field = (*path, "metrics_file")
    output, _, file = metrics_file.partition("/")
    if not file.endswith(".json") or ".." in file.split("/"):
        yield Finding(field, f"{metrics_file!r} is not <output>/<file>.json", "such as report/metrics.json")
    elif output not in names:
        yield Finding(
            field, f"no output {output!r}", nearest(output, names, "outputs") or f"outputs: [{output}]"
        )


def measured(stage: Measured, path: Path) -> Iterator[Finding]:
    """Findings for the paths of metrics in a metrics file."""
    field = (*path, "metrics")
    if stage.metrics and stage.metrics_file is None:
        remedy = "set metrics_file, such as report/metrics.json"
        yield Finding(field, "values of a metrics file, but there is no metrics_file", remedy)
    yield from limits.at_most(limits.METRICS, stage.metrics, field, "metrics")
    for name, value in stage.metrics.items():
        if problem := metric_path.problem(value):
            yield Finding((*field, name), problem, metric_path.REMEDY)


def requestless(stage: Stage, path: Path) -> Iterator[Finding]:
    """A finding if a stage that makes no SageMaker request has a `request`."""
    if stage.request:
        remedy = "leave it out"
        yield Finding((*path, "request"), f"stages of kind {stage.kind} make no SageMaker request", remedy)


def served(stage: Serving, model: str, context: RuleContext, path: Path) -> Iterator[Finding]:
    """Findings for the container fields of a stage that serves `model`.

    Only a model artifact takes them: a model package and a SageMaker model bring their own.
    """
    source = source_of(model)
    if source == "artifact":
        yield from serving_image(stage, model, context, path)
        return
    for field in ("image", "entry_point", "include"):
        if getattr(stage, field):
            what = "a model package" if source == "package" else "a SageMaker model"
            remedy = f"leave {field} out, or serve an artifact"
            yield Finding((*path, field), f"{what} already includes it", remedy)


def serving_image(stage: Serving, model: str, context: RuleContext, path: Path) -> Iterator[Finding]:
    """A finding if no image is known. A model that a stage trains is served with that stage's image."""
    reference = sole_reference(model)
    trained = context.stages.get(reference.stage or "") if reference else None
    if trained is None or not trained.training_image:
        yield from required(stage, context.defaults, path, "image")


def required(stage: Model, defaults: Defaults, path: Path, *fields: str) -> Iterator[Finding]:
    """A finding for each of `fields` that neither the stage nor the defaults set."""
    for field in fields:
        if not getattr(stage, field) and not getattr(defaults, field):
            yield Finding(path, f"no {field}", f"set {'.'.join(map(str, path))}.{field} or defaults.{field}")


def code(script: str | None, include: Iterable[str], path: Path) -> Iterator[Finding]:
    """Findings for a script and its included files. `path` is the script's."""
    if script is not None:
        yield from relative(script, path)
    for index, file in enumerate(include):
        yield from relative(file, (*path[:-1], "include", index))
    if include and not script:
        remedy = f"set {path[-1]}, or leave include out"
        yield Finding((*path[:-1], "include"), "files for a script, but there is no script", remedy)
