"""What the overrides of a document may say. They come from a table that people edit by hand."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stagewright.document.merge import leaves
from stagewright.document.schema_errors import shown, type_of
from stagewright.stages.base.schema import Defaults
from stagewright.stages.registry import KINDS
from stagewright.syntax.ambiguous_scalars import inexact
from stagewright.syntax.findings import Finding, Path, nearest

SECTIONS = ("parameters", "stages", "defaults")
FREE = frozenset(
    (
        "cache",
        "capacity",
        "early_stopping",
        "enabled",
        "hyperparameters",
        "instance_count",
        "instance_type",
        "max_concurrent",
        "max_jobs",
        "max_parallel_jobs",
        "max_payload_mb",
        "max_runtime_seconds",
        "max_wait_seconds",
        "pin",
        "ranges",
        "require",
        "retry",
        "time_to_live",
        "timeout",
        "volume_size_gb",
        "worker_type",
        "workers",
    )
)
"""Fields of a stage, or of `defaults`, that overrides may always change: what is on, where it runs, how long,
with which numbers. Every other field only where the installation allows it."""
GUARDED: Mapping[str, str] = {
    "approval": "it stands for a person's approval",
    "arguments": "it is the command that runs",
    "code": "it names the code that runs",
    "entry_point": "it names the code that runs",
    "entrypoint": "it is the command that runs",
    "environment": "variables such as PYTHONPATH decide which code runs",
    "function": "it names the code that runs",
    "image": "it is the code that runs",
    "include": "it names the code that runs",
    "job": "it names the code that runs",
    "model": "a model is code to whoever loads it",
    "request": "it can change every field of the AWS request, image and role among them",
}
"""Field -> why it is not free."""
REVIEWED = "it belongs to the reviewed document"
TOOLKIT = "sagemaker_"
"""Hyperparameters that begin so are AWS's toolkits' own: which script to run, from where (params.py of
aws/sagemaker-training-toolkit: sagemaker_program, sagemaker_submit_directory)."""
REMEDY = "change it in the repository, or set STAGEWRIGHT_CODE_OVERRIDES of the router to yes"
LEAST = 1e-130
"""The smallest magnitude that DynamoDB keeps (developer guide, "Supported data types": Number)."""


@dataclass(frozen=True)
class Unusable:
    """In place of a value that no document can hold. `stored` is that value as it was found."""

    message: str
    remedy: str = ""
    stored: Any = None


def readable(value: Any) -> Any:
    """The value as JSON has it, with a word in place of what is unusable."""
    match value:
        case Unusable():
            return f"({value.message})"
        case Mapping():
            return {name: readable(each) for name, each in value.items()}
        case list():
            return [readable(each) for each in value]
        case _:
            return value


def number(text: str, stored: Any = None) -> int | float | Unusable:
    """The number that `text` is, where a double and DynamoDB keep every digit of it."""
    if problem := inexact(text):
        return Unusable(*problem, stored)
    value = float(text)
    if 0 < abs(value) < LEAST:
        return Unusable(f"{text} is smaller than a number that DynamoDB keeps ({LEAST})", "write 0", stored)
    return int(value) if value.is_integer() else value


def unusable(value: Any, path: Path = ()) -> Iterator[Finding]:
    """Every value, also within lists, that no document can hold."""
    for place, each in leaves(value, path):
        if isinstance(each, Unusable):
            yield Finding(place, each.message, each.remedy)
        elif isinstance(each, list):
            for index, inner in enumerate(each):
                yield from unusable(inner, (*place, index))
        elif isinstance(each, float) and not math.isfinite(each):
            yield Finding(place, f"{each} is no number that JSON has")


def shape_findings(content: Mapping[str, Any]) -> Iterator[Finding]:
    """What keeps `content` from being laid over a document at all."""
    for key, section in content.items():
        if key not in SECTIONS:
            yield Finding((key,), f'unknown key "{key}"', nearest(key, SECTIONS, "overrides have"))
        elif not isinstance(section, Mapping | Unusable):
            yield Finding((key,), f"takes a mapping, not {shown(section)}", "in DynamoDB: the type M")
    yield from unusable(content)


def value_findings(document: Mapping[str, Any], content: Mapping[str, Any]) -> Iterator[Finding]:
    """What `content`, of a right shape, may not say over a correct `document`."""
    yield from _parameters(document.get("parameters", {}), content.get("parameters", {}))
    stages = document["stages"]
    for name, stage in content.get("stages", {}).items():
        if name not in stages:
            yield Finding(("stages", name), "no such stage", nearest(name, stages, "stages"))
        elif not isinstance(stage, Mapping):
            yield Finding(("stages", name), f"takes a mapping, not {shown(stage)}")


def guarded_findings(document: Mapping[str, Any], content: Mapping[str, Any]) -> Iterator[Finding]:
    """What `content` may say only where the installation allows it."""
    yield from _fields(Defaults.model_fields, content.get("defaults", {}), ("defaults",))
    for name, stage in content.get("stages", {}).items():
        if name in document["stages"] and isinstance(stage, Mapping):
            kind = document["stages"][name]["kind"]
            yield from _fields(KINDS[kind].schema.model_fields, stage, ("stages", name))


def _parameters(declared: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[Finding]:
    for name, value in given.items():
        path = ("parameters", name)
        if name not in declared:
            yield Finding(path, "no such parameter", nearest(name, declared, "declared"))
        elif (expected := type_of(declared[name])) != type_of(value):
            yield Finding(path, f"takes {expected}, not {shown(value)}")


def _fields(known: Mapping[str, Any], given: Mapping[str, Any], path: Path) -> Iterator[Finding]:
    """Of fields that there are: of others the document's own check says more."""
    for field, value in given.items():
        if field in known and field not in FREE:
            yield _refused((*path, field), GUARDED.get(field, REVIEWED))
        elif isinstance(value, Mapping):
            for name in value:
                if name.startswith(TOOLKIT):
                    yield _refused((*path, field, name), "it tells the SageMaker toolkits what to run")


def _refused(path: Path, why: str) -> Finding:
    return Finding(path, f"overrides may not change it: {why}", REMEDY)
