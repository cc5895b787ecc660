"""Checks of overrides, which come from a table that people may edit by hand."""

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
        "keep_alive",
        "max_concurrent",
        "max_jobs",
        "max_parallel_jobs",
        "max_payload_mb",
        "max_runtime_seconds",
        "max_wait_seconds",
        "pin",
        "ranges",
        "retry",
        "spot",
        "time_to_live",
        "timeout",
        "volume_size_gb",
        "worker_type",
        "workers",
    )
)
"""Fields of a stage, or of `defaults`, that overrides may always change: whether it runs, where, how long,
and with which numbers. Overrides may change other fields only if the installation allows it."""
GUARDED: Mapping[str, str] = {
    "approval": "it replaces a person's approval",
    "arguments": "it is the command that runs",
    "code": "it names the code that runs",
    "entry_point": "it names the code that runs",
    "entrypoint": "it is the command that runs",
    "environment": "variables such as PYTHONPATH decide which code runs",
    "function": "it names the code that runs",
    "image": "it is the code that runs",
    "include": "it names the code that runs",
    "job": "it names the code that runs",
    "model": "loading a model runs code",
    "request": "it can change every field of the AWS request, including image and role",
}
"""Field -> why it is guarded."""
REVIEWED = "it is part of the reviewed document"
TOOLKIT = "sagemaker_"
"""Prefix of the hyperparameters that select the script to run (params.py of aws/sagemaker-training-toolkit:
sagemaker_program, sagemaker_submit_directory)."""
REMEDY = "change it in the repository, or set STAGEWRIGHT_CODE_OVERRIDES of the router to yes"
LEAST = 1e-130
"""The smallest magnitude that DynamoDB stores (developer guide, "Supported data types": Number)."""


@dataclass(frozen=True)
class Unusable:
    """Replaces a stored value that no document can contain. `stored`: that value."""

    message: str
    remedy: str = ""
    stored: Any = None


def readable(value: Any) -> Any:
    """Return the value as JSON. An unusable value is replaced by its message in parentheses."""
    match value:
        case Unusable():
            return f"({value.message})"
        case Mapping():
            return {name: readable(item) for name, item in value.items()}
        case list():
            return [readable(item) for item in value]
        case _:
            return value


def number(text: str, stored: Any = None) -> int | float | Unusable:
    """Parse a number. Returns Unusable if a double or DynamoDB cannot keep all its digits."""
    if problem := inexact(text):
        return Unusable(*problem, stored)
    value = float(text)
    if 0 < abs(value) < LEAST:
        return Unusable(f"{text} is too small for DynamoDB (minimum {LEAST})", "write 0", stored)
    return int(value) if value.is_integer() else value


def unusable(value: Any, path: Path = ()) -> Iterator[Finding]:
    """Yield every value that no document can contain, also in lists."""
    for leaf_path, leaf in leaves(value, path):
        if isinstance(leaf, Unusable):
            yield Finding(leaf_path, leaf.message, leaf.remedy)
        elif isinstance(leaf, list):
            for index, item in enumerate(leaf):
                yield from unusable(item, (*leaf_path, index))
        elif isinstance(leaf, float) and not math.isfinite(leaf):
            yield Finding(leaf_path, f"{leaf} is not a JSON number")


def shape_findings(content: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield what prevents merging the overrides with a document at all."""
    for key, section in content.items():
        if key not in SECTIONS:
            yield Finding((key,), f'unknown key "{key}"', nearest(key, SECTIONS, "overrides have"))
        elif not isinstance(section, Mapping | Unusable):
            yield Finding((key,), f"must be a mapping, not {shown(section)}", "in DynamoDB, use the type M")
    yield from unusable(content)


def value_findings(document: Mapping[str, Any], content: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield unknown parameters and stages, and parameters of another type. `document`: a valid document."""
    yield from _parameters(document.get("parameters", {}), content.get("parameters", {}))
    stages = document["stages"]
    for name, stage in content.get("stages", {}).items():
        if name not in stages:
            yield Finding(("stages", name), "no such stage", nearest(name, stages, "stages"))
        elif not isinstance(stage, Mapping):
            yield Finding(("stages", name), f"must be a mapping, not {shown(stage)}")


def guarded_findings(document: Mapping[str, Any], content: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield the overrides that require the installation's permission."""
    yield from _fields(Defaults.model_fields, content.get("defaults", {}), ("defaults",))
    for name, stage in content.get("stages", {}).items():
        if name in document["stages"] and isinstance(stage, Mapping):
            kind = document["stages"][name]["kind"]
            yield from _fields(KINDS[kind].schema.model_fields, stage, ("stages", name))


def _parameters(declared: Mapping[str, Any], overridden: Mapping[str, Any]) -> Iterator[Finding]:
    for name, value in overridden.items():
        path = ("parameters", name)
        if name not in declared:
            yield Finding(path, "no such parameter", nearest(name, declared, "declared"))
        elif (expected := type_of(declared[name])) != type_of(value):
            yield Finding(path, f"must be {expected}, not {shown(value)}")


def _fields(known: Mapping[str, Any], overridden: Mapping[str, Any], path: Path) -> Iterator[Finding]:
    """Yield guarded fields. Unknown fields are left to the check of the document, which reports more."""
    for field, value in overridden.items():
        if field in known and field not in FREE:
            yield _guarded((*path, field), GUARDED.get(field, REVIEWED))
        elif isinstance(value, Mapping):
            for name in value:
                if name.startswith(TOOLKIT):
                    yield _guarded((*path, field, name), "it selects what the SageMaker toolkits run")


def _guarded(path: Path, why: str) -> Finding:
    return Finding(path, f"overrides may not change this field: {why}", REMEDY)
