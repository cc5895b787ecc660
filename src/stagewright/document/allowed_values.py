"""The closed lists of a document: the values that a parameter may have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stagewright.document.pipeline import Pipeline
from stagewright.document.schema_errors import shown, type_of
from stagewright.document.triggers import AnyTrigger
from stagewright.syntax.fields import Scalar
from stagewright.syntax.findings import Finding, Path, nearest
from stagewright.syntax.references import find_references


def allowed_value_findings(pipeline: Pipeline) -> Iterator[Finding]:
    """Yield the lists that are wrong, and the values of parameters that their list does not have."""
    for name, values in pipeline.allowed_values.items():
        path: Path = ("allowed_values", name)
        if name not in pipeline.parameters:
            remedy = nearest(name, pipeline.parameters, "declared") or "the document declares none"
            yield Finding(path, "no such parameter", remedy)
            continue
        yield from _list(path, pipeline.parameters[name], values)
        yield from _value(("parameters", name), pipeline.parameters[name], values)
        for index, trigger in enumerate(pipeline.triggers):
            yield from _of_trigger(trigger, ("triggers", index, "parameters", name), name, values)


def _list(path: Path, declared: Scalar, values: tuple[Scalar, ...]) -> Iterator[Finding]:
    for index, value in enumerate(values):
        if type_of(value) != (expected := type_of(declared)):
            yield Finding((*path, index), f"must be {expected}, not {shown(value)}")
        elif isinstance(value, str) and "${" in value:
            yield Finding((*path, index), "a value of this list cannot contain references", "write it out")


def _value(path: Path, value: Scalar, values: tuple[Scalar, ...]) -> Iterator[Finding]:
    if not any(type_of(value) == type_of(allowed) and value == allowed for allowed in values):
        yield Finding(path, f"must be one of {', '.join(map(shown, values))}, not {shown(value)}")


def _of_trigger(trigger: AnyTrigger, path: Path, name: str, values: tuple[Scalar, ...]) -> Iterator[Finding]:
    """A reference of the trigger's parameter is known when an event comes; the router checks it then."""
    parameters: Mapping[str, Scalar] = trigger.parameters
    if name in parameters and not find_references(str(parameters[name])):
        yield from _value(path, parameters[name], values)
