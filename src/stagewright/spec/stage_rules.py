"""What the fields of one stage must be to one another, kind by kind."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator

from stagewright.spec import limits
from stagewright.spec.findings import Finding, Path, nearest
from stagewright.spec.kinds import AnyStage, Endpoint, Gate, Processing, Register, Training
from stagewright.spec.model import Defaults
from stagewright.spec.pipeline import Pipeline
from stagewright.spec.references import Meaning, meaning, whole

RESERVED = "code"


def stage_rules(pipeline: Pipeline, name: str) -> Iterator[Finding]:
    """All that is wrong within the stage `name`, references aside."""
    stage, path = pipeline.stages[name], ("stages", name)
    match stage:
        case Processing():
            yield from _processing(stage, pipeline.defaults, path)
        case Training():
            yield from _training(stage, pipeline.defaults, path)
        case Register():
            yield from _serving_image(stage, pipeline, path)
            yield from _code(stage.entry_point, stage.include, (*path, "entry_point"))
            for index, instance_type in enumerate(stage.instance_types):
                yield from limits.instance_type(instance_type, (*path, "instance_types", index))
        case Endpoint():
            yield from _endpoint(stage, pipeline, path)
        case Gate():
            if stage.request:
                yield Finding((*path, "request"), "a gate makes no AWS request", "leave it out")
            return
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


def _processing(stage: Processing, defaults: Defaults, path: Path) -> Iterator[Finding]:
    yield from _needs(stage, defaults, path, "image", "instance_type")
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


def _outputs(stage: Processing, path: Path) -> Iterator[Finding]:
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


def _training(stage: Training, defaults: Defaults, path: Path) -> Iterator[Finding]:
    yield from _needs(stage, defaults, path, "image", "instance_type")
    image = stage.image or defaults.image
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


def _endpoint(stage: Endpoint, pipeline: Pipeline, path: Path) -> Iterator[Finding]:
    yield from _needs(stage, pipeline.defaults, path, "instance_type")
    if not _is_package(stage.model, pipeline):
        yield from _serving_image(stage, pipeline, path)
        yield from _code(stage.entry_point, stage.include, (*path, "entry_point"))
        return
    for field in ("image", "entry_point", "include"):
        if getattr(stage, field):
            yield Finding(
                (*path, field), "a model package brings its own", f"leave {field} out, or serve an artefact"
            )


def _serving_image(stage: Register | Endpoint, pipeline: Pipeline, path: Path) -> Iterator[Finding]:
    """A model that a stage of the document trains is served with that stage's image."""
    reference = whole(stage.model)
    trained = pipeline.stages.get(reference.stage or "") if reference else None
    if not isinstance(trained, Training) or not trained.image:
        yield from _needs(stage, pipeline.defaults, path, "image")


def _is_package(model: str, pipeline: Pipeline) -> bool:
    reference = whole(model)
    known = meaning(pipeline, reference) if reference else None
    return model.startswith("arn:") or (isinstance(known, Meaning) and known.type == "package")


def _needs(stage: AnyStage, defaults: Defaults, path: Path, *fields: str) -> Iterator[Finding]:
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
