"""DynamoDB's own types as values of a document, and back, with every digit.

What a document cannot hold (sets, binary, null, numbers that a double does not keep) comes out as `Unusable`,
which goes back as it was: whoever removes one of two bad values keeps the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from stagewright.document.overrides import Unusable, number

_OTHERS = {
    "B": "binary data",
    "BS": "a set of binary data",
    "NS": "a set of numbers",
    "SS": "a set of texts",
}
_KEPT = "a document holds S, N, BOOL, M and L"


def from_typed(typed: Mapping[str, Any]) -> Any:
    ((kind, content),) = typed.items()
    match kind:
        case "S" | "BOOL":
            return content
        case "N":
            return number(plain_digits(content), typed)
        case "M":
            return {name: from_typed(value) for name, value in content.items()}
        case "L":
            return [from_typed(value) for value in content]
        case "NULL":
            return Unusable("null says nothing", "remove the entry: stagewright unset", typed)
        case _:
            return Unusable(f"{_OTHERS.get(kind, kind)} ({kind})", _KEPT, typed)


def to_typed(value: Any) -> dict[str, Any]:
    match value:
        case Unusable():
            return dict(value.stored)
        case bool():
            return {"BOOL": value}
        case int() | float():
            return {"N": plain_digits(repr(value))}
        case Mapping():
            return {"M": {name: to_typed(each) for name, each in value.items()}}
        case list() | tuple():
            return {"L": [to_typed(each) for each in value]}
        case _:
            return {"S": str(value)}


def plain_digits(text: str) -> str:
    """A number without exponent."""
    return format(Decimal(text), "f")
