"""Settings that an installation gives every job, model and endpoint: network, keys, tags, instance types.

A document may narrow them. `FIELDS` is the one table of where AWS's requests have them. It decides which
requests get them, what is checked, and which actions an enforced installation denies without them.

Sources: the request syntax of each operation (SageMaker API reference); "Actions, resources, and condition
keys for Amazon SageMaker AI" (service authorization reference).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from sagemaker_rules.instances import has_local_storage
from stagewright.errors import Problem, TargetError
from stagewright.stages.base.schema import JobFields

Request = dict[str, Any]
Fields = Mapping[str, str]
"""Setting -> path in a request."""

TRAINING: Fields = {
    "vpc": "VpcConfig",
    "network_isolation": "EnableNetworkIsolation",
    "kms_volume_key": "ResourceConfig.VolumeKmsKeyId",
    "kms_output_key": "OutputDataConfig.KmsKeyId",
}
FIELDS: Mapping[str, Fields] = {
    # Without EnableInterContainerTrafficEncryption: the optimized integration does not accept it.
    "CreateTrainingJob": TRAINING,
    "CreateHyperParameterTuningJob": {**TRAINING, "encrypt_traffic": "EnableInterContainerTrafficEncryption"},
    "CreateProcessingJob": {
        "vpc": "NetworkConfig.VpcConfig",
        "network_isolation": "NetworkConfig.EnableNetworkIsolation",
        "encrypt_traffic": "NetworkConfig.EnableInterContainerTrafficEncryption",
        "kms_volume_key": "ProcessingResources.ClusterConfig.VolumeKmsKeyId",
        "kms_output_key": "ProcessingOutputConfig.KmsKeyId",
    },
    "CreateTransformJob": {
        "kms_volume_key": "TransformResources.VolumeKmsKeyId",
        "kms_output_key": "TransformOutput.KmsKeyId",
    },
    "CreateModel": {"vpc": "VpcConfig", "network_isolation": "EnableNetworkIsolation"},
    "CreateEndpointConfig": {"kms_volume_key": "KmsKeyId", "kms_output_key": "DataCaptureConfig.KmsKeyId"},
}
"""Operation -> where its request has each setting. Of a tuning job, its training jobs have them."""
TAGGED = (*FIELDS, "CreateEndpoint", "CreateModelPackageGroup")
"""Operations whose requests have tags."""
DEFINITIONS = ("TrainingJobDefinition", "TrainingJobDefinitions")
TUNING_RESOURCES = "HyperParameterTuningResourceConfig"
"""Replaces ResourceConfig in a definition of a tuning job that has several instance types."""
NEEDED: Mapping[str, Request] = {"ProcessingOutputConfig": {"Outputs": []}}
"""Structure -> its required members, for requests without it."""
OPTIONAL = ("DataCaptureConfig",)
"""Structures that requests without them do not get."""
LISTS = ("subnets", "security_groups", "instance_types", "output_locations")
"""Settings that are lists in JSON."""
REMEDY = "leave the field out: the installation sets it"
TAGS_REMEDY = "set other tags in defaults.tags"
NO_VPC = "this installation has no VPC for jobs, so their role may not create network interfaces"
VPC_REMEDY = "set job_subnet_ids and job_security_group_ids of the installation"


@dataclass(frozen=True)
class JobSettings:
    """The settings of an installation, or of one stage. Empty fields set nothing.

    `instance_types`: patterns such as `ml.m5.*` of the types that stages may use. Empty: all.
    `output_locations`: S3 URIs of the folders, besides the installation's own, that jobs may write to.
    `max_concurrency`: the most stages of a run at the same time, whatever the document allows. 0: no limit.
    """

    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    network_isolation: bool = False
    encrypt_traffic: bool = False
    kms_volume_key: str = ""
    kms_output_key: str = ""
    instance_types: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    output_locations: tuple[str, ...] = ()
    max_concurrency: int = 0

    @classmethod
    def from_json(cls, text: str) -> JobSettings:
        """Parse the functions' environment variable STAGEWRIGHT_JOBS. Raises TargetError if it is wrong."""
        try:
            data = json.loads(text or "{}")
            lists = {name: tuple(data[name]) for name in LISTS if name in data}
            return cls(**{**data, **lists})
        except (ValueError, TypeError) as error:
            message = f"STAGEWRIGHT_JOBS is not valid: {error}"
            raise TargetError(message, "apply the installation's Terraform module again") from None

    def narrowed(self, fields: JobFields) -> JobSettings:
        """Return the settings with those that a document or a stage sets itself."""
        return replace(self, **own_fields(fields))

    def widened(self, fields: JobFields, path: str) -> Iterator[Problem]:
        """Yield the fields of a document or a stage that are wider than the installation's settings."""
        for name, value in own_fields(fields).items():
            installed, where = getattr(self, name), f"{path}.{name}"
            if isinstance(value, tuple):
                yield from _others(value, installed, where)
            elif installed and value != installed:
                yield Problem(where, f"this installation requires {shown(installed)}", REMEDY)

    @property
    def vpc(self) -> Request | None:
        """The value of VpcConfig."""
        if not self.subnets:
            return None
        return {"SecurityGroupIds": list(self.security_groups), "Subnets": list(self.subnets)}

    def applied(self, requests: Mapping[str, Any]) -> dict[str, Any]:
        """Return the requests with the settings, where AWS has a field for them."""
        return {operation: self._applied(operation, request) for operation, request in requests.items()}

    def _applied(self, operation: str, request: Request) -> Request:
        definition = DEFINITIONS[0]
        if definition in request:
            return {**request, definition: self._with_fields(operation, request[definition])}
        return self._with_fields(operation, request)

    def _with_fields(self, operation: str, request: Request) -> Request:
        for setting, path in FIELDS.get(operation, {}).items():
            value = getattr(self, setting)
            if value and not (setting == "kms_volume_key" and uses_local_storage(request)):
                request = _with(request, path, value)
        return request


NO_SETTINGS = JobSettings()


def own_fields(fields: JobFields) -> dict[str, Any]:
    """Return the settings that a document or a stage sets."""
    names = fields.model_fields_set & JobFields.model_fields.keys()
    values = {name: getattr(fields, name) for name in JobFields.model_fields if name in names}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def _others(values: tuple[str, ...], installed: tuple[str, ...], path: str) -> Iterator[Problem]:
    """Yield a problem for subnets or security groups that the installation does not have."""
    if values and not installed:
        yield Problem(path, NO_VPC, VPC_REMEDY)
    elif others := sorted(set(values) - set(installed)):
        remedy = f"use some of {', '.join(installed)}"
        yield Problem(path, f"{', '.join(others)} is not of this installation", remedy)
    elif not values:
        yield Problem(path, "this installation requires a VPC", REMEDY)


def uses_local_storage(request: Mapping[str, Any]) -> bool:
    """Whether a request names an instance type with local storage, which takes no key of its own."""
    return any(has_local_storage(instance_type) for _, instance_type in instance_types(request))


def instance_types(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield path and value of every instance type in a request."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            if name == "InstanceType" and isinstance(item, str):
                yield f"{path}{name}", item
            else:
                yield from instance_types(item, f"{path}{name}.")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from instance_types(item, f"{path}{index}.")


def definitions(operation: str, request: Request) -> Iterator[tuple[str, Request]]:
    """Yield path and request of each part that has the settings: the definitions of a tuning job."""
    if operation != "CreateHyperParameterTuningJob":
        yield "", request
        return
    one, several = (request.get(name) for name in DEFINITIONS)
    if one is not None:
        yield f"{DEFINITIONS[0]}.", one
    for index, definition in enumerate(several or ()):
        yield f"{DEFINITIONS[1]}[{index}].", definition


def problems(operation: str, request: Request, installed: JobSettings) -> Iterator[Problem]:
    """Yield what a request does not have as the installation wants it. Paths begin inside the request."""
    for prefix, part in definitions(operation, request):
        for setting, path in FIELDS.get(operation, {}).items():
            for problem in _setting(setting, path, part, installed):
                yield replace(problem, path=f"{prefix}{problem.path}")
    if operation in TAGGED:
        yield from _tags(request, installed.tags)
    for path, instance_type in instance_types(request):
        patterns = installed.instance_types
        if patterns and not any(fnmatchcase(instance_type, pattern) for pattern in patterns):
            message = f"{instance_type} is not an instance type of this installation"
            yield Problem(path, message, f"use one of {', '.join(patterns)}")


def _setting(setting: str, path: str, part: Request, installed: JobSettings) -> Iterator[Problem]:
    if setting == "kms_volume_key" and TUNING_RESOURCES in part:
        path = f"{TUNING_RESOURCES}.VolumeKmsKeyId"
    wanted, value = getattr(installed, setting), value_at(part, path)
    if setting == "vpc":
        yield from _vpc(path, value, installed)
    elif not wanted or value == wanted or (setting == "kms_volume_key" and uses_local_storage(part)):
        return
    elif path.split(".")[0] not in OPTIONAL or path.split(".")[0] in part:
        message = f"this installation requires {shown(wanted)}, not {shown(value)}"
        yield Problem(path, message, REMEDY)


def _vpc(path: str, value: Any, installed: JobSettings) -> Iterator[Problem]:
    value = value or {}
    if installed.subnets or value:
        yield from _others(tuple(value.get("Subnets", ())), installed.subnets, f"{path}.Subnets")
        groups = tuple(value.get("SecurityGroupIds", ()))
        yield from _others(groups, installed.security_groups, f"{path}.SecurityGroupIds")


def _tags(request: Request, installed: Mapping[str, str]) -> Iterator[Problem]:
    tags = {tag.get("Key"): tag.get("Value") for tag in request.get("Tags", ()) if isinstance(tag, Mapping)}
    for key, value in installed.items():
        if tags.get(key) != value:
            yield Problem("Tags", f"this installation requires the tag {key}: {value}", TAGS_REMEDY)


def shown(value: Any) -> str:
    """Return a setting's value as a message shows it."""
    if value in (None, ""):
        return "nothing"
    return str(value).lower() if isinstance(value, bool) else str(value)


def value_at(request: Request, path: str) -> Any:
    """Return the value at a dotted path, or None."""
    value: Any = request
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _with(request: Request, path: str, value: Any) -> Request:
    """Return the request with a value at a path, unless it lacks an optional structure on the way."""
    first, _, rest = path.partition(".")
    if first in OPTIONAL and first not in request:
        return request
    inner = request.get(first, NEEDED.get(first, {}))
    return {**request, first: _with(inner, rest, value) if rest else value}
