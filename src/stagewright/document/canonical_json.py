"""Canonical JSON: the text of a document that is stored, hashed and compared.

It equals the output of Terraform's `jsonencode(yamldecode(file(...)))` byte for byte (compared with 1.11):
keys are sorted, whole numbers have no fraction, numbers have no exponent, and `<`, `>`, `&` and the two
Unicode line separators are escaped. A document therefore has the same hash everywhere.
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
    """Return the canonical JSON of the fields that the user set. `load` of it returns an equal pipeline."""
    return canonical_json(pipeline.model_dump(mode="json", by_alias=True, exclude_unset=True))


def sha256_of(text: str) -> str:
    """Return the SHA-256 of the text in UTF-8, as 64 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def canonical_json(value: Any) -> str:
    """Return the canonical text of any JSON value. Raises ValueError for NaN and infinities."""
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
    """Return a JSON value as every store returns it: whole floats as integers, text in Unicode's NFC."""
    match value:
        case Mapping():
            return {normalized(key): normalized(item) for key, item in value.items()}
        case str():
            return value if value.isascii() else normalize("NFC", value)
        case list() | tuple():
            return [normalized(item) for item in value]
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
