"""Reads a definition of SageMaker Pipelines: its parameters, and its steps with what guards them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from stagewright.document.parameters import parse_parameter
from stagewright.document.schema_errors import shown
from stagewright.errors import DocumentError, Problem
from stagewright.migration.shapes import shape_problems

VERSIONS = ("2020-12-01",)
BRANCHES = ("IfSteps", "ElseSteps")
SCALARS: Mapping[str, tuple[type, ...]] = {
    "String": (str,),
    "Integer": (int,),
    "Float": (int, float),
    "Boolean": (bool,),
}
"""Type of a parameter -> the types of its value."""
REMEDY = "write pipeline.definition() of the SageMaker SDK, or the PipelineDefinition of describe-pipeline"
STEP_KEYS = frozenset(
    [
        "Name",
        "Type",
        "Arguments",
        "DependsOn",
        "DisplayName",
        "Description",
        "CacheConfig",
        "RetryPolicies",
        "PropertyFiles",
        "FunctionArn",
        "SqsQueueUrl",
        "OutputParameters",
    ]
)
"""The keys of a step that has a counterpart."""


@dataclass(frozen=True)
class Step:
    """A step. `path`: where it is. `condition`: the Condition step and the branch that it is in."""

    name: str
    type: str
    data: Mapping[str, Any]
    path: str
    condition: tuple[str, str] | None = None

    @property
    def arguments(self) -> Mapping[str, Any]:
        arguments: Mapping[str, Any] = self.data.get("Arguments") or {}
        return arguments


@dataclass(frozen=True)
class Definition:
    """`parameters`: name -> the parameter. `steps`: name -> the step, those of branches included."""

    name: str
    parameters: Mapping[str, Mapping[str, Any]]
    steps: Mapping[str, Step]
    experiment: bool = False


@dataclass
class _Reader:
    problems: list[Problem] = field(default_factory=list)

    def refuse(self, path: str, message: str, remedy: str = "correct the definition") -> None:
        self.problems.append(Problem(path, message, remedy))

    def mappings(self, value: Any, path: str) -> list[Mapping[str, Any]]:
        """A list of mappings with a text `Name`. Anything else is a problem."""
        if not isinstance(value, list):
            self.refuse(path, f"must be a list, not {shown(value)}")
            return []
        named: list[Mapping[str, Any]] = [
            item for item in value if isinstance(item, dict) and isinstance(item.get("Name"), str)
        ]
        if len(named) < len(value):
            self.refuse(path, "must be a list of objects with a Name")
        return named

    def steps(self, value: Any, path: str, within: tuple[str, str] | None = None) -> Iterator[Step]:
        for data in self.mappings(value, path):
            name, kind = data["Name"], data.get("Type")
            where = f"{path}.{name}"
            arguments = data.get("Arguments", {})
            if not isinstance(kind, str) or not isinstance(arguments, dict):
                self.refuse(where, "must have a Type, and Arguments that are an object")
                continue
            yield Step(name, kind, data, where, within)
            if kind == "Condition":
                for branch in BRANCHES:
                    yield from self.steps(
                        arguments.get(branch) or [], f"{where}.Arguments.{branch}", (name, branch)
                    )


def is_definition(data: Any) -> bool:
    """Whether parsed JSON is a definition, or the answer of DescribePipeline."""
    return isinstance(data, dict) and ("PipelineDefinition" in data or {"Steps", "Version"} <= data.keys())


def read(data: Mapping[str, Any], values: Mapping[str, Any] | None = None) -> Definition:
    """Read a definition. `values` replace the default values of its parameters.

    DocumentError lists everything that is not as SageMaker accepts it.
    """
    name = str(data.get("PipelineName") or "")
    data = _unwrapped(data)
    reader = _Reader(list(shape_problems(data)))
    if reader.problems:
        raise DocumentError(tuple(reader.problems))
    if data.get("Version") not in VERSIONS:
        reader.refuse("Version", f"must be one of {', '.join(VERSIONS)}, not {shown(data.get('Version'))}")
    parameters = {item["Name"]: item for item in reader.mappings(data.get("Parameters") or [], "Parameters")}
    steps: dict[str, Step] = {}
    for step in reader.steps(data.get("Steps"), "Steps"):
        if step.name in steps:
            reader.refuse(step.path, f"the name {step.name} is used twice")
        steps[step.name] = step
    if not steps and not reader.problems:
        reader.refuse("Steps", "the definition has no steps", REMEDY)
    parameters = _with_values(reader, parameters, values or {})
    if reader.problems:
        raise DocumentError(tuple(reader.problems))
    return Definition(name, parameters, steps, bool(data.get("PipelineExperimentConfig")))


def parse_values(data: Mapping[str, Any], texts: Mapping[str, str]) -> dict[str, Any]:
    """Values of parameters, written as text, with the types that the definition declares."""
    listed = _Reader().mappings(_unwrapped(data).get("Parameters") or [], "Parameters")
    samples = {item["Name"]: SCALARS.get(str(item.get("Type")), (str,))[-1]() for item in listed}
    return {name: parse_parameter(text, samples.get(name, ""), name) for name, text in texts.items()}


def _unwrapped(data: Mapping[str, Any]) -> Mapping[str, Any]:
    inner = data.get("PipelineDefinition", data)
    if isinstance(inner, str):
        try:
            inner = json.loads(inner)
        except (ValueError, RecursionError) as error:
            raise _wrong(f"PipelineDefinition is not JSON: {error}") from None
    if not isinstance(inner, dict):
        raise _wrong("a definition is a JSON object with Version and Steps")
    return inner


def _wrong(message: str) -> DocumentError:
    return DocumentError((Problem("", message, REMEDY),))


def _with_values(
    reader: _Reader, parameters: Mapping[str, Mapping[str, Any]], values: Mapping[str, Any]
) -> dict[str, Mapping[str, Any]]:
    """The parameters with the given values as defaults. A value must fit, and every parameter needs one."""
    for name in values.keys() - parameters.keys():
        reader.refuse(f"Parameters.{name}", "the definition has no such parameter", "leave it out")
    complete: dict[str, Mapping[str, Any]] = {}
    for name, parameter in parameters.items():
        path, kind = f"Parameters.{name}", parameter.get("Type")
        value = values.get(name, parameter.get("DefaultValue"))
        if not isinstance(kind, str) or kind not in SCALARS:
            reader.refuse(path, f"the type must be one of {', '.join(SCALARS)}, not {shown(kind)}")
        elif value is None:
            reader.refuse(path, "has no default value", f"set one with -p {name}=VALUE")
        elif not _fits(value, kind):
            reader.refuse(path, f"must be of the type {kind}, not {shown(value)}")
        elif parameter.get("EnumValues") and value not in parameter["EnumValues"]:
            reader.refuse(path, f"{shown(value)} is not one of its EnumValues")
        complete[name] = {**parameter, "DefaultValue": value}
    return complete


def _fits(value: Any, kind: str) -> bool:
    return isinstance(value, SCALARS[kind]) and (kind == "Boolean" or not isinstance(value, bool))
