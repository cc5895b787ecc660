"""What the fields of one stage must be to one another, kind by kind."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from stagewright.spec import limits
from stagewright.spec.duration import seconds
from stagewright.spec.endpoint_rules import endpoint_rules
from stagewright.spec.findings import Finding, Path, nearest
from stagewright.spec.glue_rules import glue
from stagewright.spec.kinds import (
    Approval,
    Endpoint,
    Function,
    Gate,
    Glue,
    ModelStage,
    Processing,
    Register,
    Training,
    Transform,
    Tuning,
)
from stagewright.spec.kinds.training import Trains
from stagewright.spec.model import Defaults, Model, Serving, Stage
from stagewright.spec.pipeline import Pipeline
from stagewright.spec.references import source_of, whole
from stagewright.spec.transform_rules import transform
from stagewright.spec.tuning_rules import tuning

RESERVED = "code"
LONGEST_WAIT = 365 * 86_400
"""Seconds: no execution of Step Functions lasts longer than a year (its quotas)."""


def stage_rules(pipeline: Pipeline, name: str) -> Iterator[Finding]:
    """All that is wrong within the stage `name`, references aside."""
    stage, path = pipeline.stages[name], ("stages", name)
    yield from _RULES[type(stage)](stage, pipeline, path)
    if isinstance(stage, Serving):
        yield from _code(stage.entry_point, stage.include, (*path, "entry_point"))
    if isinstance(stage, Processing | Trains | Serving):
        yield from limits.environment(stage, pipeline.defaults, (*path, "environment"))


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


def _processing(stage: Processing, pipeline: Pipeline, path: Path) -> Iterator[Finding]:
    yield from _needs(stage, pipeline.defaults, path, "image", "instance_type")
    if not stage.code and not stage.entrypoint:
        yield Finding(path, "nothing to run", "give code (a script) or entrypoint (the container's command)")
    if stage.code and stage.entrypoint:
        yield Finding((*path, "entrypoint"), "both code and entrypoint", "keep the one that is to run")
    if stage.code and not stage.code.endswith((".py", ".sh")):
        yield Finding(
            (*path, "code"), f"{stage.code!r} is neither .py nor .sh", "use entrypoint for anything else"
        )
    yield from _code(stage.code, stage.include, (*path, "code"))
    for field in ("inputs", "outputs"):
        if RESERVED in getattr(stage, field):
            place = (*path, field, RESERVED) if field == "inputs" else (*path, field)
            yield Finding(
                place, f'"{RESERVED}" is reserved for the stage\'s own script', "choose another name"
            )
    yield from _outputs(stage, path)
    own = 1 if stage.code else 0
    what = "inputs (the script is one of ten)" if own else "inputs"
    yield from limits.at_most(limits.INPUTS - own, stage.inputs, (*path, "inputs"), what)
    yield from limits.at_most(limits.OUTPUTS, stage.outputs, (*path, "outputs"), "outputs")
    yield from limits.arguments(stage.arguments, (*path, "arguments"))
    yield from limits.arguments(stage.entrypoint, (*path, "entrypoint"))


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


def _training(stage: Trains, pipeline: Pipeline, path: Path) -> Iterator[Finding]:
    yield from _needs(stage, pipeline.defaults, path, "image", "instance_type")
    image = stage.image or pipeline.defaults.image
    if not stage.entry_point and image and "${" not in image and not is_image_uri(image):
        yield Finding(
            path, f"no entry_point, and {image} needs one", "give entry_point, or the URI of an own image"
        )
    yield from _code(stage.entry_point, stage.include, (*path, "entry_point"))
    script_mode = bool(stage.entry_point)
    yield from limits.hyperparameters(stage.hyperparameters, script_mode, (*path, "hyperparameters"))
    yield from limits.at_most(limits.CHANNELS, stage.channels, (*path, "channels"), "channels")
    yield from limits.at_most(limits.METRICS, stage.metrics, (*path, "metrics"), "metrics")
    for name, regex in stage.metrics.items():
        yield from _regex(regex, (*path, "metrics", name))


def _tuning(stage: Tuning, pipeline: Pipeline, path: Path) -> Iterator[Finding]:
    yield from _training(stage, pipeline, path)
    yield from tuning(stage, path)


def _regex(regex: str, path: Path) -> Iterator[Finding]:
    yield from limits.length(regex, limits.METRIC_REGEX, path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of a meaning that `[[` may have one day
            groups = re.compile(regex).groups
    except (re.error, OverflowError, RecursionError) as error:
        yield Finding(path, f"{regex!r} is no regular expression: {error}", "such as 'MAE: ([0-9.]+)'")
        return
    if groups != 1:
        remedy = "put ( ) around the number alone, (?: ) around the rest"
        yield Finding(path, f"{regex!r} has {groups} groups, and needs exactly one", remedy)


def _register(stage: Register, pipeline: Pipeline, path: Path) -> Iterator[Finding]:
    yield from _serving_image(stage, stage.model, pipeline, path)
    for index, instance_type in enumerate(stage.instance_types):
        yield from limits.instance_type(instance_type, (*path, "instance_types", index))


def _hosted(stage: Endpoint | Transform, pipeline: Pipeline, path: Path) -> Iterator[Finding]:
    yield from _needs(stage, pipeline.defaults, path, "instance_type")
    yield from _served(stage, stage.model, pipeline, path)


def _transform(stage: Transform, pipeline: Pipeline, path: Path) -> Iterator[Finding]:
    yield from _hosted(stage, pipeline, path)
    yield from transform(stage, path)


def _endpoint(stage: Endpoint, pipeline: Pipeline, path: Path) -> Iterator[Finding]:
    yield from _hosted(stage, pipeline, path)
    yield from endpoint_rules(stage, path)


def _model(stage: ModelStage, pipeline: Pipeline, path: Path) -> Iterator[Finding]:
    yield from _served(stage, stage.model, pipeline, path)


def _glue(stage: Glue, _pipeline: Pipeline, path: Path) -> Iterator[Finding]:
    yield from _code(stage.code, stage.include, (*path, "code"))
    yield from _outputs(stage, path)
    yield from glue(stage, path)


def _approval(stage: Approval, pipeline: Pipeline, path: Path) -> Iterator[Finding]:
    yield from _requestless(stage, pipeline, path)
    if seconds(stage.timeout) > LONGEST_WAIT:
        yield Finding((*path, "timeout"), f"{stage.timeout} is more than a year", "at most 365d")
    if stage.retry:
        message = "nobody is asked twice: a rejection is an answer, and so is none"
        yield Finding((*path, "retry"), message, "leave it out, or give more time with timeout")


def _requestless(stage: Gate | Approval | Function, _pipeline: Pipeline, path: Path) -> Iterator[Finding]:
    if stage.request:
        remedy = "leave it out"
        yield Finding((*path, "request"), f"a {stage.kind} stage makes no request of SageMaker's", remedy)


def _served(stage: Serving, model: str, pipeline: Pipeline, path: Path) -> Iterator[Finding]:
    source = source_of(model)
    if source == "artefact":
        yield from _serving_image(stage, model, pipeline, path)
        return
    for field in ("image", "entry_point", "include"):
        if getattr(stage, field):
            what = "a model package" if source == "package" else "a SageMaker model"
            remedy = f"leave {field} out, or serve an artefact"
            yield Finding((*path, field), f"{what} brings its own", remedy)


def _serving_image(stage: Serving, model: str, pipeline: Pipeline, path: Path) -> Iterator[Finding]:
    """A model that a stage of the document trains is served with that stage's image."""
    reference = whole(model)
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


_RULES: Mapping[type[Stage], Callable[[Any, Pipeline, Path], Iterator[Finding]]] = {
    Processing: _processing,
    Training: _training,
    Tuning: _tuning,
    ModelStage: _model,
    Register: _register,
    Approval: _approval,
    Gate: _requestless,
    Transform: _transform,
    Endpoint: _endpoint,
    Function: _requestless,
    Glue: _glue,
}
