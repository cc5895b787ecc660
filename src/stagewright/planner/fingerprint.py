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
from typing import Any

from stagewright.planner.release import Release
from stagewright.stages.base.request import Requests

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

FIELDS = tuple(
    (re.compile(pattern), field)
    for pattern, field in (
        (r"Gate\.\d+", "require"),
        (r".*\.ContainerArguments\.\d+", "arguments"),
        (r".*\.ContainerEntrypoint\.\d+", "entrypoint"),
        (r".*\.ProcessingInputs\.([^.]+)\..*S3Uri", r"inputs.\1"),
        (r".*\.ProcessingOutputConfig\.Outputs\.([^.]+)\..*", r"outputs.\1"),
        (r".*\.InputDataConfig\.([^.]+)\..*S3Uri", r"channels.\1"),
        (r".*\.MetricDefinitions\.([^.]+)\.Regex", r"metrics.\1"),
        (r".*\.InstanceType", "instance_type"),
        (r".*\.(?:Initial)?InstanceCount", "instance_count"),
        (r".*\.VolumeSizeInGB", "volume_size_gb"),
        (r".*\.StoppingCondition\.MaxRuntimeInSeconds", "max_runtime_seconds"),
        (r"CreateModelPackage\.ModelApprovalStatus", "approval"),
        (r"CreateModelPackage(?:Group)?\.ModelPackageGroupName", "group"),
        (r".*\.SupportedContentTypes\.\d+", "content_types"),
        (r".*\.SupportedResponseMIMETypes\.\d+", "response_types"),
        (r"Endpoint\.(.+)", r"\1"),
        (r".*\.EndpointName", "name"),
        (r".*\.ParameterRanges\.\w+\.(.+)\.MinValue", r"ranges.\1.min"),
        (r".*\.ParameterRanges\.\w+\.(.+)\.MaxValue", r"ranges.\1.max"),
        (r".*\.ParameterRanges\.\w+\.(.+)\.ScalingType", r"ranges.\1.scaling"),
        (r".*\.ParameterRanges\.\w+\.(.+)\.Values\.\d+", r"ranges.\1.values"),
        (r".*\.HyperParameterTuningJobObjective\.MetricName", "objective.metric"),
        (r".*\.HyperParameterTuningJobObjective\.Type", "objective.goal"),
        (r".*\.ResourceLimits\.MaxNumberOfTrainingJobs", "max_jobs"),
        (r".*\.ResourceLimits\.MaxParallelTrainingJobs", "max_parallel_jobs"),
        (r".*\.TrainingJobEarlyStoppingType", "early_stopping"),
        (r".*\.HyperParameterTuningJobConfig\.Strategy", "strategy"),
        (r".*\.TransformInput\..*S3Uri", "input"),
        (r".*\.TransformOutput\.S3OutputPath", "output"),
        (r".*\.TransformInput\.ContentType", "content_type"),
        (r".*\.TransformInput\.SplitType", "split_by"),
        (r".*\.TransformOutput\.Accept", "accept"),
        (r".*\.TransformOutput\.AssembleWith", "assemble_with"),
        (r".*\.BatchStrategy", "strategy"),
        (r".*\.MaxPayloadInMB", "max_payload_mb"),
        (r".*\.MaxConcurrentTransforms", "max_concurrent"),
        (r".*\.DataProcessing\.InputFilter", "input_filter"),
        (r".*\.DataProcessing\.OutputFilter", "output_filter"),
        (r".*\.DataProcessing\.JoinSource", "join"),
        (r"CreateTransformJob\.ModelName", "model"),
        (r"CreateModel\.PrimaryContainer\.(?:ModelDataUrl|ModelPackageName)", "model"),
        (r"Approval\.(\w+)", r"\1"),
        (r"DescribeModelPackage\.ModelPackageName", "package"),
        (r"Invoke\.FunctionName", "function"),
        (r"Invoke\.Payload\.(.+)", r"payload.\1"),
        (r"StartJobRun\.Arguments\.--(.+)", r"arguments.\1"),
        (r"StartJobRun\.JobName", "job"),
        (r"StartJobRun\.MaxCapacity", "capacity"),
        (r"StartJobRun\.NumberOfWorkers", "workers"),
        (r"StartJobRun\.Timeout", "max_runtime_seconds"),
        (r"StartJobRun\.WorkerType", "worker_type"),
    )
)
"""What the document calls what a request says at such a place; the rest is called as AWS does."""

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


def _field(path: str) -> str:
    for pattern, field in FIELDS:
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
