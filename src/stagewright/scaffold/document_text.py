"""The text of a new document, with its comments."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from stagewright.syntax.ambiguous_scalars import AMBIGUOUS_SCALARS

PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")


def scalar(value: Any) -> str:
    """A value as every YAML reader reads it."""
    if isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, float):
        return number(value)
    if isinstance(value, str) and not is_safe(value):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def is_safe(text: str) -> bool:
    """Whether a text needs no quotes."""
    words = ("true", "false", "null")
    ambiguous = any(form.pattern.fullmatch(text) for form in AMBIGUOUS_SCALARS)
    return bool(PLAIN.fullmatch(text)) and text.lower() not in words and not ambiguous


def number(value: float) -> str:
    """A float: `0.00001` for 1e-05, which some readers take for a text."""
    text = repr(value)
    if "e" not in text:
        return text
    digits, _, exponent = text.partition("e")
    return f"{digits if '.' in digits else f'{digits}.0'}e{int(exponent):+03d}"


def quoted(regex: str) -> str:
    return "'" + regex.replace("'", "''") + "'"


def block(key: str, lines: Iterable[str], indent: int) -> str:
    """A key with lines below it; nothing without lines."""
    rows = list(lines)
    blanks = " " * indent
    return (
        "".join(f"{line}\n" for line in (f"{blanks}{key}:", *(f"{blanks}  {row}" for row in rows)))
        if rows
        else ""
    )


def entries(values: Mapping[str, Any]) -> list[str]:
    return [f"{scalar(key)}: {scalar(value)}" for key, value in values.items()]


def comments(reasons: Mapping[str, str]) -> list[str]:
    return [f"# {name}: {reason}" for name, reason in reasons.items()]
