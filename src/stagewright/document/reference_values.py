"""."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from stagewright.document.pipeline import Pipeline
from stagewright.stages.registry import AnyStage
from stagewright.syntax.fields import Scalar
from stagewright.syntax.findings import LIKELY_TYPO, closest_match, nearest
from stagewright.syntax.references import Meaning, Reference, render


@dataclass(frozen=True)
class InvalidReference:
    """Why a reference stands for nothing."""

    message: str
    remedy: str


@dataclass(frozen=True)
class Value:
    """A reference that every document has."""

    meaning: Meaning
    description: str


@dataclass(frozen=True)
class StageValue:
    """`${stages.<stage>.<word>}`, or `...<word>.<name>` where `named`."""

    meaning: Meaning
    named: bool
    description: str


def _text(sample: str, description: str) -> Value:
    return Value(Meaning("text", "plan", sample), description)


VALUES: Mapping[tuple[str, ...], Value] = {
    ("run", "id"): _text("house-price-20260131t140000-0a1b2c", "The run."),
    ("run", "date"): _text("2026-01-31", "Day of the run, UTC."),
    ("trigger", "type"): _text("code", "The trigger's type, `manual` or `backfill`."),
    ("trigger", "date"): _text(
        "2026-01-31",
        "Day of the event, UTC (of a schedule in its time zone); of data and backfills their date, which may"
        " be a month: `2026-01`.",
    ),
    ("trigger", "uri"): _text(
        "s3://bucket/raw/2026-01-31/_SUCCESS",
        "S3 URI of the object that started the run, or of the trigger's prefix where its data has settled;"
        " empty for other triggers.",
    ),
    ("trigger", "package"): _text(
        "arn:aws:sagemaker:eu-west-1:123456789012:model-package/group/1",
        "ARN of the model package that was approved; empty for other triggers.",
    ),
    ("trigger", "run"): _text(
        "house-price-20260131t140000-0a1b2c",
        "The upstream run that ended well, or the run that registered the approved model, if known; empty for"
        " other triggers.",
    ),
    ("trigger", "time"): _text("2026-01-31T14:00:00.000Z", "Time of that event, UTC."),
    ("trigger", "key"): _text("manual:0a1b2c", "Names that event for ever."),
    ("bucket",): _text("bucket", "The installation's bucket."),
    ("region",): _text("eu-west-1", "The installation's AWS region."),
    ("account",): _text("123456789012", "The installation's AWS account."),
    ("environment",): _text("local", "The installation's environment; `local` on a laptop."),
    ("partition",): _text("2026-01", "The run's partition."),
    ("pipeline",): _text("house-price", "The document's `name`."),
}

STAGE_VALUES: Mapping[str, StageValue] = {
    "outputs": StageValue(
        Meaning("uri", "plan", "s3://bucket/output"),
        True,
        "S3 URI of an output, no slash at its end; of a transform stage `predictions`.",
    ),
    "metrics": StageValue(
        Meaning("number", "run", 0.5),
        True,
        "A number from `metrics_file`, `metrics` (a tuning stage's best job) or a function's answer.",
    ),
    "model": StageValue(
        Meaning("uri", "run", "s3://bucket/output/model.tar.gz"),
        False,
        "S3 URI of the model artifact; of the best job of a tuning stage.",
    ),
    "name": StageValue(Meaning("model", "run", "house-price-model-1"), False, "Name of the SageMaker model."),
    "package": StageValue(
        Meaning("package", "run", "arn:aws:sagemaker:eu-west-1:123456789012:model-package/group/1"),
        False,
        "ARN of the model package.",
    ),
    "endpoint": StageValue(Meaning("text", "run", "house-price-local"), False, "Name of the endpoint."),
    "job": StageValue(
        Meaning("text", "run", "house-price-prepare-1"),
        False,
        "Name of the SageMaker job.",
    ),
    "best": StageValue(
        Meaning("text", "run", "house-price-tune-1-001-0a1b2c3d"),
        False,
        "Name of the best training job.",
    ),
    "hyperparameters": StageValue(
        Meaning("text", "run", "0.1"),
        True,
        "A hyperparameter of the best training job, tuned or fixed, as its script was given it.",
    ),
    "answer": StageValue(Meaning("text", "run", "ok"), True, "A text in a function's answer."),
}


def meaning(pipeline: Pipeline, reference: Reference) -> Meaning | InvalidReference:
    """What `reference` stands for in this document."""
    match reference.path:
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
    offered = [word for word in STAGE_VALUES if word in stage.values]
    word = rest[0] if rest else ""
    if word not in offered:
        remedy = (
            nearest(word, offered, f"{named(stage.kind)} stage has")
            or f"{named(stage.kind)} stage has no results"
        )
        return InvalidReference(
            f"{text}: {name} is {named(stage.kind)} stage and has no {word or 'value of its own'}", remedy
        )
    value = STAGE_VALUES[word]
    if not value.named:
        return (
            value.meaning
            if len(rest) == 1
            else InvalidReference(f"{text} goes too far", f"write ${{stages.{name}.{word}}}")
        )
    item = ".".join(rest[1:])
    known = stage.value_names(word)
    if not item or (known is not None and item not in known) or "." in item:
        what = f"{name} has no {word.removesuffix('s')} {item!r}" if item else f"which of the {word}?"
        return InvalidReference(f"{text}: {what}", _near_name(item, name, word, known))
    if word == "outputs" and stage.retry:  # each attempt writes to a place of its own
        return replace(value.meaning, known="run")
    return value.meaning


def registers(pipeline: Pipeline) -> list[str]:
    """The stages that register a model."""
    return [name for name, stage in pipeline.stages.items() if stage.registers_model]


def _champion_value(pipeline: Pipeline, reference: Reference, rest: list[str]) -> Meaning | InvalidReference:
    """A metric as the stage has it, of an earlier run."""
    if len(found := registers(pipeline)) != 1:
        message = f"{reference.text} is of the newest approved version of what the document registers"
        return InvalidReference(f"{message}, and it has {len(found)} register stages", "have exactly one")
    if len(rest) < 2 or rest[1] != "metrics":
        return InvalidReference(f"{reference.text} is unknown", "write ${champion.<stage>.metrics.<name>}")
    if rest[0] not in pipeline.stages:
        return InvalidReference(
            f"{reference.text}: no such stage", nearest(rest[0], pipeline.stages, "stages")
        )
    known = _stage_value(rest[0], pipeline.stages[rest[0]], rest[1:])
    return known if isinstance(known, InvalidReference) else replace(known, known="plan")


def named(kind: str) -> str:
    """The kind with its article."""
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
