"""Values of a document in DynamoDB's own types, and back, with every digit.

Values that a document cannot hold (sets, binary data, null, numbers that a double does not keep) become
`Unusable`. Writing an `Unusable` stores the original value: removing one of two bad values keeps the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from stagewright.document.overrides import Unusable, number

_UNSUPPORTED = {
    "B": "binary data",
    "BS": "a set of binary data",
    "NS": "a set of numbers",
    "SS": "a set of texts",
}
_REMEDY = "a document holds S, N, BOOL, M and L"


def from_typed(typed: Mapping[str, Any]) -> Any:
    """Return the document value of an attribute value such as `{"N": "1"}`."""
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
            return Unusable("null is not a value", "remove the entry: stagewright unset PIPELINE PATH", typed)
        case _:
            return Unusable(f"{_UNSUPPORTED.get(kind, kind)} ({kind})", _REMEDY, typed)


def to_typed(value: Any) -> dict[str, Any]:
    """Return the attribute value of a document value."""
    match value:
        case Unusable():
            return dict(value.stored)
        case bool():
            return {"BOOL": value}
        case int() | float():
            return {"N": plain_digits(repr(value))}
        case Mapping():
            return {"M": {name: to_typed(element) for name, element in value.items()}}
        case list() | tuple():
            return {"L": [to_typed(element) for element in value]}
        case _:
            return {"S": str(value)}


def plain_digits(text: str) -> str:
    """Return a number without exponent."""
    return format(Decimal(text), "f")
