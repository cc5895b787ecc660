"""The one JSON text of a document: what is stored, hashed and compared.

Byte for byte what Terraform's `jsonencode(yamldecode(file(...)))` makes of a file (compared with 1.11): keys
sorted, whole numbers without a fraction, no exponents, `<`, `>`, `&` and the two line separators escaped. So
the hash of a document is the same wherever it was made.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from unicodedata import normalize

from stagewright.document.pipeline import Pipeline

ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_ESCAPES = str.maketrans(ESCAPES)


def document_json(pipeline: Pipeline) -> str:
    """What the user set, and nothing else; `load` of it gives an equal pipeline."""
    return canonical_json(pipeline.model_dump(mode="json", by_alias=True, exclude_unset=True))


def sha256_of(text: str) -> str:
    """SHA-256 of UTF-8 text, 64 hex digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def canonical_json(value: Any) -> str:
    """The canonical text of any JSON value. NaN and infinities are a ValueError."""
    match value:
        case Mapping():
            members = (f"{_string(key)}:{canonical_json(value[key])}" for key in sorted(value))
            return "{" + ",".join(members) + "}"
        case str():
            return _string(value)
        case Sequence():
            return "[" + ",".join(map(canonical_json, value)) + "]"
        case float():
            return _number(value)
        case _:
            return json.dumps(value)


def normalized(value: Any) -> Any:
    """A JSON value as every store gives it back: whole floats as integers, text in Unicode's NFC."""
    match value:
        case Mapping():
            return {normalized(key): normalized(each) for key, each in value.items()}
        case str():
            return value if value.isascii() else normalize("NFC", value)
        case list() | tuple():
            return [normalized(each) for each in value]
        case float() if value.is_integer():
            return int(Decimal(repr(value)))
        case _:
            return value


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).translate(_ESCAPES)


def _number(value: float) -> str:
    if value - value != 0:
        raise ValueError(f"{value} is not a JSON number")
    if value.is_integer():
        return str(int(Decimal(repr(value))))
    return format(Decimal(repr(value)), "f")
