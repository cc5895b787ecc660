"""The inputs of a stage as a flat mapping, and their digest: the fingerprint that identifies the result.

| input | value |
|---|---|
| `code.<path>` | SHA-256 of a file of the stage's bundle |
| `image` | image URI |
| `hyperparameters.<name>`, `environment.<name>` | as the job receives them |
| `request.<operation>.<path>` | the rest of the request |
| `external.<uri>` | digest of the objects there |
| `upstream.<stage>` | fingerprint of a stage that this one depends on |
| `metrics_file`, `metrics.<name>` | where the numbers of the result are read |
| `champion.<stage>.metrics.<name>` | a metric of the champion that a gate compares with |
| `uncached` | the run, if `cache` means that the inputs do not determine the result |

The request is rendered with symbols for job names, run ids, output locations and upstream results, and
without roles and tags, because these differ between runs that compute the same. A result is identified by its
inputs, not by its content.
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
"""Fields that are not inputs. `ModelName` is one: in a transform job it may be a model of the document."""
JOBS = ("CreateProcessingJob", "CreateTrainingJob", "CreateHyperParameterTuningJob", "CreateTransformJob")
OF_JOBS = frozenset(
    (
        *("CheckpointConfig", "EnableManagedSpotTraining", "MaxPendingTimeInSeconds", "MaxWaitTimeInSeconds"),
        *("KeepAlivePeriodInSeconds", "KmsKeyId", "VolumeKmsKeyId"),
        *("VpcConfig", "EnableNetworkIsolation", "EnableInterContainerTrafficEncryption"),
    )
)
"""Fields of jobs that are not inputs: where and when a job runs does not change what it computes. So a
changed network or key of the installation runs no stage again. Endpoints and models take the new ones."""
NAMED = ("HyperParameters", "StaticHyperParameters", "Environment")
"""Fields whose keys are names of the document."""
NAMES = ("ChannelName", "InputName", "OutputName", "VariantName", "Name")
"""Fields that name the entries of lists, so that a path stays the same when an entry is inserted."""

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
ORDER = (
    "code", "image", "hyperparameters", "environment", "request", "metrics_file", "metrics", "champion",
    "external", "upstream",
)  # fmt: skip


def inputs(
    requests: Requests,
    files: Collection[str],
    release: Release,
    external: Mapping[str, str],
    upstream: Mapping[str, str],
) -> dict[str, str]:
    """Return the inputs of a stage.

    Args:
        requests: Rendered with symbols.
        files: Paths of the stage's bundle in the release.
        external: S3 URI -> digest of the objects there.
        upstream: Stage -> fingerprint.
    """
    entries = {f"code.{path}": release.files[path].sha256 for path in files}
    for operation, request in requests.items():
        leaves = _leaves(_relevant(request, operation), f"request.{operation}")
        entries |= {_short_path(path): value for path, value in leaves}
    entries |= {f"external.{uri}": value for uri, value in external.items()}
    entries |= {f"upstream.{stage}": value for stage, value in upstream.items()}
    return entries


def digest(inputs: Mapping[str, str]) -> str:
    """Return the SHA-256 of the inputs' canonical JSON, in hexadecimal."""
    text = json.dumps(inputs, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def differences(
    old: Mapping[str, str], new: Mapping[str, str], running: Collection[str] | None = None
) -> tuple[str, ...]:
    """Return each difference between two mappings of inputs as text, code first.

    `running`: the stages that run, or None if unknown. An upstream stage that changed without running reuses
    another result.
    """
    changed = [path for path in {**old, **new} if old.get(path) != new.get(path) and path != UNCACHED]
    changed.sort(key=_rank)
    return tuple(dict.fromkeys(_difference(path, old.get(path), new.get(path), running) for path in changed))


def explain(old: Mapping[str, str], new: Mapping[str, str], running: Collection[str] | None = None) -> str:
    """Return the first differences on one line, or "" if there are none. `running`: as in `differences`."""
    changes = differences(old, new, running)
    more = f" and {len(changes) - SHOWN} more" if len(changes) > SHOWN else ""
    return ", ".join(changes[:SHOWN]) + more


def _relevant(request: Any, operation: str) -> Any:
    """Return a request without fields that are not inputs. Steps of a gate are reduced to their values."""
    if isinstance(request, Mapping):
        ignored = IGNORED | OF_JOBS if operation in JOBS else IGNORED
        return _without(request, ignored, operation in JOBS)
    return [step.get("value", step["op"]) for step in request]


def _without(request: Mapping[str, Any], ignored: Collection[str], deep: bool) -> dict[str, Any]:
    """Return a request without some fields. `deep`: also those of the objects in it."""
    return {
        field: _without(value, ignored, deep)
        if deep and field not in NAMED and isinstance(value, Mapping)
        else value
        for field, value in request.items()
        if field not in ignored
    }


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    match value:
        case Mapping():
            for key, item in value.items():
                yield from _leaves(item, f"{path}.{key}")
        case list() | tuple():
            for index, item in enumerate(value):
                field, name = _name(item, index)
                rest = {key: part for key, part in item.items() if key != field} if field else item
                yield from _leaves(rest, f"{path}.{name}")
        case str():
            yield path, value
        case _:
            yield path, json.dumps(value)


def _name(item: Any, index: int) -> tuple[str, str]:
    """Return the field that names an entry of a list, and the name, or "" and the index."""
    fields = item if isinstance(item, Mapping) else {}
    return next(((field, str(fields[field])) for field in NAMES if field in fields), ("", str(index)))


def _short_path(path: str) -> str:
    """Return `hyperparameters.<name>`, `environment.<name>` or `image` for a path to such a value."""
    for field in ("HyperParameters", "Environment"):
        _, dot, name = path.replace(".StaticHyperParameters.", ".HyperParameters.").partition(f".{field}.")
        if dot:
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
        case "request" if name.startswith("Gate.") and None in (old, new):
            return f"require has {'more' if old is None else 'fewer'} conditions"
        case "image":
            return f"image {_short(old, image=True)} -> {_short(new, image=True)}"
        case _:
            return _changed(document_field(path.removeprefix("request.")), old, new)


def _changed(field: str, old: str | None, new: str | None) -> str:
    if old is None:
        return f"{field} is new ({_short(new)})"
    return f"{field} {_short(old)} is gone" if new is None else f"{field} {_short(old)} -> {_short(new)}"


@cache
def _fields() -> tuple[tuple[re.Pattern[str], str], ...]:
    names = (*(pair for kind in KINDS.values() for pair in kind.request.field_names), *FIELDS)
    return tuple((re.compile(pattern), field) for pattern, field in dict(names).items())


def document_field(path: str) -> str:
    """Return the document's name for a field of a request, or the path itself if it has none."""
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
