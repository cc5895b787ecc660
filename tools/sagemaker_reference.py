"""Generates docs/sagemaker.md: the operations and fields of the local SageMaker.

The sources are the service's operations, the fields that its resources declare, and botocore's models.
"""

from __future__ import annotations

import tempfile
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.session
from botocore.model import Shape

from sagemaker_local.api.fields import Fields
from sagemaker_local.api.protocol import service_model
from sagemaker_local.service import RECORDED, SageMaker
from sagemaker_local.settings import Settings

INTRODUCTION = """\
# Operations and fields of the local SageMaker

This page is generated from the service's code and botocore's model (`make docs`).
[sagemaker-alone.md](sagemaker-alone.md) describes how to use the service.

The service validates requests by botocore's model: types, required members, enums, ranges, patterns.
A field that could change a result is supported or rejected, never ignored:

| here | meaning |
|---|---|
| supported | The field has the same effect as on AWS. |
| supported: values | These values are supported. Others are rejected. |
| recorded | The field is stored and returned. It selects machines or permissions, which are yours here. |
| no effect | The field is accepted, and a warning is logged. It cannot change a result. |
| rejected | The response is a `ValidationException` with the field's name. |

A resource may also reject combinations of supported fields. The error names them.
"""
SUPPORTED = "supported"
REJECTED = "**rejected**"
WIDTH = 120
TABLES = ("Create", "Update")
INVOKE = "InvokeEndpoint"


@dataclass(frozen=True)
class Field:
    path: str
    here: str


def sagemaker_reference() -> str:
    with _service() as operations:
        parts = [INTRODUCTION, _operations(operations)]
        parts += [_fields(name, declared) for name, declared in operations.items() if name.startswith(TABLES)]
    return "\n".join(parts)


@contextmanager
def _service() -> Iterator[Mapping[str, Fields]]:
    with tempfile.TemporaryDirectory() as folder:
        service = SageMaker(
            Settings(Path(folder) / "sagemaker", "http://127.0.0.1:1", "", ""), _discard_event
        )
        try:
            yield service.operations
        finally:
            service.close()


def _discard_event(_detail_type: str, _detail: Mapping[str, Any]) -> None: ...


def _operations(supported: Mapping[str, Fields]) -> str:
    runtime = botocore.session.get_session().get_service_model("sagemaker-runtime").operation_names
    served = [*supported, INVOKE]
    others = sorted({*service_model().operation_names, *runtime} - {*served})
    lines = [f"| `{name}` | {_summary(name, supported.get(name, Fields()))} |" for name in served]
    return "\n".join(
        [
            "## Operations",
            "| operation | supported fields |",
            "|---|---|",
            *lines,
            "",
            "These operations are rejected (`UnknownOperationException`), as are SageMaker's other APIs:",
            "",
            textwrap.fill(", ".join(others) + ".", WIDTH),
            "",
        ]
    )


def _summary(operation: str, declared: Fields) -> str:
    """A link to the operation's table, or the fields that are not fully supported."""
    if operation.startswith(TABLES):
        return f"[fields](#{operation.lower()})"
    if operation == INVOKE:
        return "all"
    others = [f"`{field.path}` {field.here}" for field in _of(operation, declared) if field.here != SUPPORTED]
    return "; ".join(["all but " + others[0], *others[1:]]) if others else "all"


def _of(operation: str, declared: Fields) -> list[Field]:
    return rows(service_model().operation_model(operation).input_shape, "", declared)


def _fields(operation: str, declared: Fields) -> str:
    lines = [f"| `{field.path}` | {field.here} |" for field in _of(operation, declared)]
    return "\n".join([f"## {operation}", "| field | here |", "|---|---|", *lines, ""])


def rows(shape: Shape | None, path: str, declared: Fields, above: tuple[str, ...] = ()) -> list[Field]:
    """A row for each field. A member whose members are all treated alike has one row."""
    while shape is not None and shape.type_name == "list":
        shape, path = shape.member, f"{path}[]"  # type: ignore[attr-defined]
    if shape is None or shape.type_name != "structure" or not shape.members or shape.name in above:  # type: ignore[attr-defined]
        return [Field(path, _here(path, declared))]
    fields = []
    for name, member in shape.members.items():  # type: ignore[attr-defined]
        below = rows(member, f"{path}.{name}" if path else name, declared, (*above, shape.name))
        fields += below
    if path and len({field.here for field in fields}) == 1:
        return [Field(path, fields[0].here)]
    return fields


def _here(path: str, declared: Fields) -> str:
    for rule, values in declared.rules.items():
        if _covers(rule, path):
            return f"supported: {', '.join(f'`{_shown(value)}`' for value in values)}" if values else REJECTED
    if any(_covers(idle, path) for idle in declared.idle):
        return "no effect"
    return "recorded" if path.rpartition(".")[2] in RECORDED else SUPPORTED


def _covers(declared: str, path: str) -> bool:
    whole, part = path.replace("[]", ""), declared.replace("[]", "")
    return whole == part or whole.startswith(f"{part}.")


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
