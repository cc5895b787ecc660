"""Values that references can have: which exist, their types, and when they are known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from stagewright.document.lists import first_item, type_name
from stagewright.document.pipeline import Pipeline
from stagewright.stages.registry import AnyStage
from stagewright.syntax.fields import Scalar
from stagewright.syntax.findings import LIKELY_TYPO, closest_match, nearest
from stagewright.syntax.references import Meaning, Reference, render


@dataclass(frozen=True)
class InvalidReference:
    """The reason why a reference has no value."""

    message: str
    remedy: str


@dataclass(frozen=True)
class Value:
    """A value that exists in every document."""

    meaning: Meaning
    description: str


@dataclass(frozen=True)
class StageValue:
    """A value of a stage: `${stages.<stage>.<word>}`, or `${stages.<stage>.<word>.<name>}` if `named`."""

    meaning: Meaning
    named: bool
    description: str


def _text(sample: str, description: str) -> Value:
    return Value(Meaning("text", "plan", sample), description)


VALUES: Mapping[tuple[str, ...], Value] = {
    ("run", "id"): _text("house-price-20260131t140000-0a1b2c", "The id of the run."),
    ("run", "date"): _text("2026-01-31", "The date of the run, UTC."),
    ("trigger", "type"): _text("code", "The type of the trigger, `manual` or `backfill`."),
    ("trigger", "date"): _text(
        "2026-01-31",
        "The date of the event in UTC, or in the time zone of a schedule. For data and backfills, the date of"
        " the data, which may be a month: `2026-01`.",
    ),
    ("trigger", "uri"): _text(
        "s3://bucket/raw/2026-01-31/_SUCCESS",
        "The S3 URI of the object that started the run, or of the trigger's prefix if it has `settle`. Empty"
        " for other triggers.",
    ),
    ("trigger", "package"): _text(
        "arn:aws:sagemaker:eu-west-1:123456789012:model-package/group/1",
        "The ARN of the approved model package. Empty for other triggers.",
    ),
    ("trigger", "run"): _text(
        "house-price-20260131t140000-0a1b2c",
        "The upstream run that succeeded, or the run that registered the approved model, if known. Empty for"
        " other triggers.",
    ),
    ("trigger", "time"): _text("2026-01-31T14:00:00.000Z", "The time of the event, UTC."),
    ("trigger", "key"): _text("manual:0a1b2c", "The permanent identifier of the event."),
    ("bucket",): _text("bucket", "The installation's bucket."),
    ("region",): _text("eu-west-1", "The installation's AWS region."),
    ("account",): _text("123456789012", "The installation's AWS account."),
    ("environment",): _text("local", "The installation's environment. `local` on the local target."),
    ("partition",): _text("2026-01", "The run's partition."),
    ("pipeline",): _text("house-price", "The document's `name`."),
}

STAGE_VALUES: Mapping[str, StageValue] = {
    "outputs": StageValue(
        Meaning("uri", "plan", "s3://bucket/output"),
        True,
        "The S3 URI of an output, without a slash at the end. For transform, the output is `predictions`.",
    ),
    "metrics": StageValue(
        Meaning("number", "run", 0.5),
        True,
        "A number from `metrics_file`, `metrics` (for tuning, of the best job), or a function's answer.",
    ),
    "model": StageValue(
        Meaning("uri", "run", "s3://bucket/output/model.tar.gz"),
        False,
        "The S3 URI of the model artifact. For tuning, that of the best job.",
    ),
    "name": StageValue(
        Meaning("model", "run", "house-price-model-1"), False, "The name of the SageMaker model."
    ),
    "package": StageValue(
        Meaning("package", "run", "arn:aws:sagemaker:eu-west-1:123456789012:model-package/group/1"),
        False,
        "The ARN of the model package.",
    ),
    "endpoint": StageValue(Meaning("text", "run", "house-price-local"), False, "The name of the endpoint."),
    "job": StageValue(
        Meaning("text", "run", "house-price-prepare-1"),
        False,
        "The name of the SageMaker job.",
    ),
    "best": StageValue(
        Meaning("text", "run", "house-price-tune-1-001-0a1b2c3d"),
        False,
        "The name of the best training job.",
    ),
    "hyperparameters": StageValue(
        Meaning("text", "run", "0.1"),
        True,
        "A hyperparameter of the best training job, tuned or fixed, as its script received it.",
    ),
    "answer": StageValue(Meaning("text", "run", "ok"), True, "A text from a function's answer."),
}


EACH = "each"
"""The first word of a reference to the item that a stage with `for_each` runs for."""


def meaning(
    pipeline: Pipeline, reference: Reference, stage_name: str | None = None
) -> Meaning | InvalidReference:
    """Return what is known about a value in this document. `stage_name`: the stage of the text."""
    match reference.path:
        case ("each", *rest):
            return _item_value(pipeline, reference, ".".join(rest), stage_name)
        case ("stages", stage, "all", *rest) if stage in pipeline.stages:
            return _gathered_value(pipeline, reference, stage, rest)
        case ("parameters", *rest):
            return _parameter(pipeline, ".".join(rest))
        case ("stages", stage, *rest) if stage in pipeline.stages:
            return _stage_value(stage, pipeline.stages[stage], rest)
        case ("stages", stage, *_):
            return InvalidReference(
                f"{reference.text}: no such stage", nearest(stage, pipeline.stages, "stages")
            )
        case ("champion", *rest):
            return _champion_value(pipeline, reference, rest)
        case path if path in VALUES:
            return VALUES[path].meaning
        case _:
            return InvalidReference(f"{reference.text} is unknown", _near_value(pipeline, reference))


def _parameter(pipeline: Pipeline, name: str) -> Meaning | InvalidReference:
    if name not in pipeline.parameters:
        return InvalidReference(
            f"${{parameters.{name}}}: no such parameter", nearest(name, pipeline.parameters, "declared")
        )
    declared = pipeline.parameters[name]
    if isinstance(declared, str):
        return Meaning("text", "plan", str(render(declared, _sample)))
    return Meaning("flag" if isinstance(declared, bool) else "number", "plan", declared)


def _sample(reference: Reference) -> Scalar:
    known = VALUES.get(reference.path)
    return known.meaning.sample if known else reference.text


def _stage_value(name: str, stage: AnyStage, rest: list[str]) -> Meaning | InvalidReference:
    text = f"${{stages.{'.'.join([name, *rest])}}}"
    available = [word for word in STAGE_VALUES if word in stage.values]
    word = rest[0] if rest else ""
    if word not in available:
        kind = f"{_with_article(stage.kind)} stage"
        remedy = nearest(word, available, f"{kind} has") or f"{kind} has no results"
        missing = f"has no {word}" if word else "has no value of its own"
        return InvalidReference(f"{text}: {name} is {kind} and {missing}", remedy)
    value = STAGE_VALUES[word]
    if value.named:
        return _named_value(text, name, stage, word, ".".join(rest[1:]))
    if len(rest) > 1:
        return InvalidReference(f"{text} has too many parts", f"write ${{stages.{name}.{word}}}")
    return value.meaning


def _named_value(text: str, name: str, stage: AnyStage, word: str, item: str) -> Meaning | InvalidReference:
    """Return the meaning of `${stages.<name>.<word>.<item>}`."""
    known = stage.value_names(word)
    if not item:
        return InvalidReference(f"{text} names none of the {word}", _near_name(item, name, word, known))
    if "." in item or (known is not None and item not in known):
        message = f"{text}: {name} has no {word.removesuffix('s')} {item!r}"
        return InvalidReference(message, _near_name(item, name, word, known))
    meaning = STAGE_VALUES[word].meaning
    # With retries, each attempt writes to its own location.
    return replace(meaning, known="run") if word == "outputs" and stage.retry else meaning


def registers(pipeline: Pipeline) -> list[str]:
    """Return the stages that register a model."""
    return [name for name, stage in pipeline.stages.items() if stage.registers_model]


def _champion_value(pipeline: Pipeline, reference: Reference, rest: list[str]) -> Meaning | InvalidReference:
    """Return the meaning of a stage's metric, but known before the run."""
    if len(stages := registers(pipeline)) != 1:
        message = f"{reference.text} needs one register stage; the document has {len(stages)}"
        return InvalidReference(message, "add or remove register stages")
    if pipeline.stages[stages[0]].for_each:
        message = (
            f"{reference.text}: {stages[0]} registers a model for each item of a list, so there are many"
        )
        return InvalidReference(
            message, "compare with a number, or let a script compare with the last version"
        )
    if len(rest) < 2 or rest[1] != "metrics":
        return InvalidReference(f"{reference.text} is unknown", "write ${champion.<stage>.metrics.<name>}")
    if rest[0] not in pipeline.stages:
        return InvalidReference(
            f"{reference.text}: no such stage", nearest(rest[0], pipeline.stages, "stages")
        )
    known = _stage_value(rest[0], pipeline.stages[rest[0]], rest[1:])
    return known if isinstance(known, InvalidReference) else replace(known, known="plan")


def _item_value(
    pipeline: Pipeline, reference: Reference, field: str, stage_name: str | None
) -> Meaning | InvalidReference:
    """Return the meaning of `${each.<field>}`. Its sample is that of the first item."""
    stage = pipeline.stages.get(stage_name or "")
    declared = pipeline.lists.get(stage.for_each or "") if stage else None
    if declared is None:
        return InvalidReference(f"{reference.text}: the stage runs for no list", "set for_each: <list>")
    first = first_item(declared, pipeline.parameters)
    if first is None:
        return Meaning("text", "plan", "")
    if field not in first.values:
        message = (
            f"{reference.text}: the items have no {field}" if field else f"{reference.text} names no field"
        )
        return InvalidReference(message, nearest(field, first.values, "they have"))
    value = first.values[field]
    return Meaning(type_name(value), "plan", value)


def _gathered_value(
    pipeline: Pipeline, reference: Reference, name: str, rest: list[str]
) -> Meaning | InvalidReference:
    """Return the meaning of `${stages.<name>.all...}`: the folder with one folder per instance."""
    stage = pipeline.stages[name]
    if not stage.for_each:
        remedy = f"write ${{stages.{name}.{'.'.join(rest)}}}"
        return InvalidReference(f"{reference.text}: {name} has no for_each", remedy)
    if rest == ["model"] and stage.job_service == "training":
        return Meaning("uri", "plan", "s3://bucket/runs/")
    if not rest or rest[0] != "outputs":
        remedy = "gather outputs" + (" or the model" if stage.job_service == "training" else "")
        return InvalidReference(f"{reference.text}: {'.'.join(rest) or 'nothing'} cannot be gathered", remedy)
    known = _stage_value(name, stage, rest)
    if isinstance(known, InvalidReference):
        return known
    if rest[1] in stage.own_locations:
        message = f"{reference.text}: the document chooses the location of {rest[1]}"
        return InvalidReference(message, f"remove the location of {rest[1]} in stages.{name}")
    return replace(known, known="plan")


def _with_article(kind: str) -> str:
    """Return the kind with its article."""
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _near_name(item: str, stage: str, word: str, known: tuple[str, ...] | None) -> str:
    if known:
        return nearest(item, known, "declared")
    if known is None:
        return f"write ${{stages.{stage}.{word}.<name>}}"
    return f"declare {'metrics_file or ' if word == 'metrics' else ''}{word} in stages.{stage}"


def _near_value(pipeline: Pipeline, reference: Reference) -> str:
    words = [word.strip() for word in re.split(r"[.\[\]'\"]+", ".".join(reference.path)) if word.strip()]
    first = words[0] if words else ""
    if len(words) > 1 and first in pipeline.stages:
        words.insert(0, "stages")
    elif len(words) == 1 and first in pipeline.parameters:
        words.insert(0, "parameters")
    elif close := closest_match(first, ("stages", "parameters", "champion"), LIKELY_TYPO):
        words[0] = close
    if len(words) > 1 and tuple(words) != reference.path:
        return f"write ${{{'.'.join(words)}}}"
    known = [".".join(path) for path in VALUES]
    return nearest(".".join(reference.path), [*known, "parameters.<name>", "stages.<stage>.<value>"], "known")
