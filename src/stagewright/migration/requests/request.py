"""A request that is being converted: fields are taken from it, and what remains goes into `request:`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from stagewright.errors import Problem
from stagewright.migration.code_files import CodeFiles
from stagewright.migration.converted import Note, Stage
from stagewright.migration.images import image_of
from stagewright.syntax.fields import NAME
from stagewright.syntax.references import sole_reference

Parameters = Mapping[str, Any]
MISSING = "give the folder with the code files with --scripts"

DROPPED = {
    "ExperimentConfig": ("a run records what the stage did", "compare runs with stagewright diff RUN RUN"),
    "ProfilerConfig": ("profiles are not converted", "add it to `request`"),
    "ProfilerRuleConfigurations": ("profiles are not converted", "add it to `request`"),
    "DebugHookConfig": ("debug tensors are not converted", "add it to `request`"),
    "VpcConfig": ("the installation sets the network", "set subnets and security_groups in Terraform"),
    "Tags": ("the installation tags every resource", "add tags to `defaults`"),
}
"""Field that no stage keeps -> reason and remedy."""
DEFAULT_VOLUME = 30


@dataclass
class Findings:
    """What a conversion finds. `problems`: what no stage can express. `missing`: code that was not found."""

    notes: list[Note] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    missing: list[Problem] = field(default_factory=list)


class Request:
    """Fields are taken away with `take`. `parameters`: name -> default value."""

    def __init__(
        self, stage: str, path: str, data: Any, code: CodeFiles, findings: Findings, parameters: Parameters
    ) -> None:
        self.stage, self.path, self.code = stage, path, code
        self.findings, self.parameters = findings, parameters
        self.data: dict[str, Any] = deepcopy(dict(data))

    def inner(self, name: str) -> Request:
        """The object at a field, which is taken, as a request of its own."""
        data = self.take(name)
        data = data if isinstance(data, dict) else {}
        return Request(self.stage, f"{self.path}.{name}", data, self.code, self.findings, self.parameters)

    def take(self, *path: str) -> Any:
        """Remove the value at a path and return it, None if there is none."""
        inner: Any = self.data
        for name in path[:-1]:
            inner = inner.get(name) if isinstance(inner, dict) else None
        return inner.pop(path[-1], None) if isinstance(inner, dict) else None

    def note(self, field: str, reason: str, remedy: str = "") -> None:
        self.findings.notes.append(Note(f"{self.path}.{field}", reason, remedy))

    def refuse(self, field: str, message: str, remedy: str = "correct it") -> None:
        self.findings.problems.append(Problem(f"{self.path}.{field}", message, remedy))

    def miss(self, field: str, message: str) -> None:
        """Report a file that the user has to add."""
        self.findings.missing.append(Problem(f"{self.path}.{field}", message, MISSING))

    def fixed(self, value: Any, field: str) -> Any:
        """The value of a field that takes no references: parameters have their default values."""
        if isinstance(value, list):
            return [self.fixed(item, field) for item in value]
        reference = sole_reference(value) if isinstance(value, str) else None
        if reference is None:
            return value
        if reference.path[0] != "parameters":
            self.refuse(field, f"{value} must be known before the run", "use a constant")
            return None
        default = self.parameters.get(".".join(reference.path[1:]))
        self.note(
            field, f"{reference.text} became its default value {default!r}", "edit the document to change it"
        )
        return default

    def mappings(self, *path: str) -> list[dict[str, Any]]:
        """Take a list of objects. Anything else is a problem."""
        value = self.take(*path) or []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self.refuse(".".join(path), "must be a list of objects", "correct it")
            return []
        return value

    def name(self, text: Any, field: str) -> str:
        """A name that a document accepts: the text, with hyphens in place of other characters."""
        name = str(text)
        if re.fullmatch(NAME, name) and len(name) <= 64:
            return name
        changed = re.sub(r"[^A-Za-z0-9_]+", "-", name).strip("-_")[:64].rstrip("-") or "unnamed"
        self.note(field, f"{name!r} became {changed!r}", "use the new name in scripts")
        return changed

    def compute(self, image: Any, *cluster: str) -> Stage:
        """Image and machines. `cluster`: the path of InstanceType, InstanceCount and VolumeSizeInGB."""
        instance_type = self.take(*cluster, "InstanceType")
        count, volume = self.take(*cluster, "InstanceCount"), self.take(*cluster, "VolumeSizeInGB")
        is_known = isinstance(instance_type, str) and "${" not in instance_type
        stage: Stage = {"image": image_of(image, instance_type if is_known else "")} if image else {}
        stage |= {"instance_type": instance_type} if instance_type else {}
        stage |= {"instance_count": count} if count not in (None, 1) else {}
        return stage | ({"volume_size_gb": volume} if volume not in (None, DEFAULT_VOLUME) else {})

    def environment(self, *path: str) -> Stage:
        variables = self.take(*path) or {}
        return {"environment": dict(variables)} if variables else {}

    def network(self, *path: str) -> Stage:
        """Isolation and encrypted traffic. The installation sets the rest."""
        isolated = self.take(*path, "EnableNetworkIsolation")
        encrypted = self.take(*path, "EnableInterContainerTrafficEncryption")
        stage: Stage = {"network_isolation": True} if isolated else {}
        return stage | ({"encrypt_traffic": True} if encrypted else {})

    def drop(self) -> None:
        """Take what the installation or the run decides. What could be missed is noted."""
        if self.take("NetworkConfig", "VpcConfig"):
            self.note("NetworkConfig.VpcConfig", *DROPPED["VpcConfig"])
        for name in ("RoleArn", "ExecutionRoleArn", *DROPPED):
            value = self.take(name)
            is_default = name in ("DebugHookConfig", "ProfilerConfig") and _is_default(value)
            if value and name in DROPPED and not is_default:
                self.note(name, f"dropped: {DROPPED[name][0]}", DROPPED[name][1])

    def rest(self) -> Stage:
        """What no field of a stage expresses, merged into the request of the stage."""
        rest = _without_empty(self.data)
        return {"request": rest} if rest else {}


def _is_default(value: Any) -> bool:
    """Whether the SageMaker SDK added it by itself: a location, and no rule."""
    return (
        isinstance(value, dict)
        and not value.get("CollectionConfigurations")
        and not value.get("ProfilingParameters")
    )


def _without_empty(value: Any) -> Any:
    """The value without empty objects, lists and nulls."""
    if isinstance(value, dict):
        kept = {key: _without_empty(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in ({}, [], None)}
    return value
