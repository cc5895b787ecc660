"""What a stage's result was made from, as a flat mapping, and the digest that identifies the result.

| input | value |
|---|---|
| `code.<path>` | SHA-256 of a file of the stage's bundle |
| `image` | image URI |
| `hyperparameters.<name>`, `environment.<name>` | as the job gets them |
| `request.<operation>.<path>` | all else in the request |
| `external.<uri>` | digest of the objects there |
| `upstream.<stage>` | fingerprint of a stage that this one waits for |
| `champion.<stage>.metrics.<name>` | a metric of the champion that a gate judges by |
| `uncached` | the run, where `cache` says that the inputs do not tell everything |

The request is rendered with symbols for job names, run ids, output places and upstream results, and without
roles and tags: these differ between runs that compute the same. A result is identified by what went in, not
by what came out.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import Any

from stagewright.planner.release import Release
from stagewright.stages.base.request import Requests
from stagewright.stages.registry import KINDS

IGNORED = frozenset(
    (
        "Tags",
        "RoleArn",
        "ExecutionRoleArn",
        "TrainingJobName",
        "ProcessingJobName",
        "HyperParameterTuningJobName",
        "TransformJobName",
    )
)
"""Not `ModelName`: of a transform job it may be a model that the document names."""
NAMES = ("ChannelName", "InputName", "OutputName", "VariantName", "Name")
"""Entries of lists are called by these fields, so that a path stays the same when an entry is added
before."""

FIELDS = (
    (r".*\.InstanceType", "instance_type"),
    (r".*\.(?:Initial)?InstanceCount", "instance_count"),
    (r".*\.VolumeSizeInGB", "volume_size_gb"),
    (r".*\.StoppingCondition\.MaxRuntimeInSeconds", "max_runtime_seconds"),
)
"""Regular expression of a path in the requests -> the document's name for the field, for all kinds. Other
paths keep AWS's names."""

UNCACHED = "uncached"
SHOWN = 3
ORDER = ("code", "image", "hyperparameters", "environment", "request", "champion", "external", "upstream")


def inputs(
    requests: Requests,
    files: Collection[str],
    release: Release,
    external: Mapping[str, str],
    upstream: Mapping[str, str],
) -> dict[str, str]:
    """`requests` rendered with symbols; `files` of the bundle; `external` URI -> digest; `upstream` ->
    fingerprint."""
    found = {f"code.{path}": release.files[path].sha256 for path in files}
    for operation, request in requests.items():
        found |= {
            _renamed(path): value for path, value in _leaves(_relevant(request), f"request.{operation}")
        }
    found |= {f"external.{uri}": value for uri, value in external.items()}
    found |= {f"upstream.{stage}": value for stage, value in upstream.items()}
    return found


def digest(inputs: Mapping[str, str]) -> str:
    """SHA-256 of the canonical JSON, in hexadecimal."""
    text = json.dumps(inputs, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def differences(
    old: Mapping[str, str], new: Mapping[str, str], running: Collection[str] | None = None
) -> tuple[str, ...]:
    """What changed, each in a few words, code first.

    `running`: stages that run in this run. Another upstream result comes from elsewhere: an older one is used
    again, or the stage is off. None: nobody knows.
    """
    changed = [path for path in {**old, **new} if old.get(path) != new.get(path) and path != UNCACHED]
    changed.sort(key=_rank)
    return tuple(dict.fromkeys(_difference(path, old.get(path), new.get(path), running) for path in changed))


def explain(old: Mapping[str, str], new: Mapping[str, str], running: Collection[str] | None = None) -> str:
    """What changed, in one short line; "" where nothing did. `running` as in `differences`."""
    said = differences(old, new, running)
    more = f" and {len(said) - SHOWN} more" if len(said) > SHOWN else ""
    return ", ".join(said[:SHOWN]) + more


def _relevant(request: Any) -> Any:
    """A request without those of its fields that are no input; a gate's steps without wording."""
    if isinstance(request, Mapping):
        return {
            field: _relevant(value) if field == "TrainingJobDefinition" else value
            for field, value in request.items()
            if field not in IGNORED
        }
    return [step.get("value", step["op"]) for step in request]


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    match value:
        case Mapping():
            for key, item in value.items():
                yield from _leaves(item, f"{path}.{key}")
        case list() | tuple():
            for index, item in enumerate(value):
                field, name = _name(item, index)
                rest = {key: each for key, each in item.items() if key != field} if field else item
                yield from _leaves(rest, f"{path}.{name}")
        case str():
            yield path, value
        case _:
            yield path, json.dumps(value)


def _name(item: Any, index: int) -> tuple[str, str]:
    """The field that names an entry of a list, and the name; "" and the index where there is none."""
    named = item if isinstance(item, Mapping) else {}
    return next(((field, str(named[field])) for field in NAMES if field in named), ("", str(index)))


def _renamed(path: str) -> str:
    """The short name of what a document has a field for."""
    for field in ("HyperParameters", "Environment"):
        _, found, name = path.replace(".StaticHyperParameters.", ".HyperParameters.").partition(f".{field}.")
        if found:
            return f"{field.lower()}.{name}"
    return "image" if path.endswith((".TrainingImage", ".Image", ".ImageUri")) else path


def _rank(path: str) -> tuple[int, str]:
    return ORDER.index(path.partition(".")[0]), path


def _difference(path: str, old: str | None, new: str | None, running: Collection[str] | None) -> str:
    kind, _, name = path.partition(".")
    match kind:
        case "code":
            return f"code {name} {_verb(old, new)}"
        case "external":
            return f"{name} {_verb(old, new)}"
        case "upstream":
            if old is None or new is None:
                return f"{'no longer after' if new is None else 'now after'} {name}"
            return f"{name} runs again" if running is None or name in running else f"another result of {name}"
        case "image":
            return f"image {_short(old, image=True)} -> {_short(new, image=True)}"
        case _:
            return _changed(_field(path.removeprefix("request.")), old, new)


def _changed(field: str, old: str | None, new: str | None) -> str:
    if old is None:
        return f"{field} is new ({_short(new)})"
    return f"{field} {_short(old)} is gone" if new is None else f"{field} {_short(old)} -> {_short(new)}"


@cache
def _fields() -> tuple[tuple[re.Pattern[str], str], ...]:
    names = (*(pair for kind in KINDS.values() for pair in kind.request.field_names), *FIELDS)
    return tuple((re.compile(pattern), field) for pattern, field in dict(names).items())


def _field(path: str) -> str:
    for pattern, field in _fields():
        if match := pattern.fullmatch(path):
            return match.expand(field)
    return path


def _verb(old: str | None, new: str | None) -> str:
    return "added" if old is None else "removed" if new is None else "changed"


def _short(value: str | None, image: bool = False) -> str:
    if value is None:
        return "nothing"
    text = value.rpartition("/")[2] if image else value
    return text if len(text) <= 40 else f"{text[:37]}..."
