"""Plain YAML scalars that different YAML readers interpret differently, and how to write each one safely.

Compared readers: PyYAML 6 (YAML 1.1), `yamldecode` of Terraform 1.11 (between YAML 1.1 and 1.2), and the core
schema of YAML 1.2.2.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

_SOME = "is read as {} by some YAML readers and as {} by others"
_EXACT = 2**53 - 1
"""The largest whole number that every JSON reader keeps (RFC 8259, section 6)."""

_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FRACTION = re.compile(r"[-+]?(0|[1-9][0-9]*)\.[0-9]*([eE][-+][0-9]+)?")
CONSTANTS: Mapping[str, bool | None] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("", "null", "Null", "NULL"), None),
}


@dataclass(frozen=True)
class AmbiguousScalar:
    """A form of scalar that readers interpret differently.

    Fields:
        pattern: Matches the whole scalar.
        reading: How readers interpret it, as the end of a sentence that begins with the scalar.
        instead: Returns the unambiguous spelling of a scalar, or "" if only quotes help.
        examples: Shown in the reference.
    """

    pattern: re.Pattern[str]
    reading: str
    instead: Callable[[str], str]
    examples: tuple[str, ...]


def _flag(text: str) -> str:
    return "true" if text.lower() in ("y", "yes", "on") else "false"


def _decimal(text: str) -> str:
    return format(Decimal(text.replace("_", "")), "f")


def _without_zeros(text: str) -> str:
    sign = "-" if text.startswith("-") else ""
    digits = text.lstrip("+-").replace("_", "").lstrip("0")
    return sign + ("0" + digits if not digits or digits.startswith(".") else digits)


def _prefixed(text: str) -> str:
    return str(int(text.replace("_", ""), 0))


def _nothing(_: str) -> str:
    return ""


def _form(pattern: str, reading: str, instead: Callable[[str], str], *examples: str) -> AmbiguousScalar:
    return AmbiguousScalar(re.compile(pattern), reading, instead, examples)


AMBIGUOUS_SCALARS = (
    _form(
        r"y|Y|n|N|(?i:yes|no|on|off)",
        _SOME.format("text", "true or false"),
        _flag,
        *("on", "off", "yes", "no", "y", "n", "YES"),
    ),
    _form(r"[-+]?0o[0-7]+", _SOME.format("text", "an octal number"), _prefixed, "0o10"),
    _form(r"[-+]?0x[0-9a-fA-F_]*[0-9a-fA-F]", _SOME.format("a number", "text"), _prefixed, "0x1F"),
    _form(r"[-+]?0b[01_]*[01]", _SOME.format("a number", "text"), _prefixed, "0b11"),
    _form(
        r"[-+]?0[0-9_]+(\.[0-9_]*)?",
        _SOME.format("octal", "decimal or text"),
        _without_zeros,
        *("010", "-007", "08", "01.5"),
    ),
    _form(
        r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)[eE][-+]?[0-9]+",
        _SOME.format("text", "a number"),
        _decimal,
        *("1e-3", "1E5", "1.5e3", ".5e1"),
    ),
    _form(r"[-+]?\.[0-9][0-9_]*", _SOME.format("text", "a number"), _decimal, ".5", "-.5"),
    _form(
        r"[-+]?[0-9][0-9_]*(\.[0-9_]*)?",
        _SOME.format("a number", "text"),
        lambda text: _decimal(text.rstrip("_")),
        *("1_000", "1_0.5"),
    ),
    _form(
        r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?",
        _SOME.format("a number (base 60)", "text"),
        _nothing,
        *("12:30", "12:30:45", "1:2"),
    ),
    _form(
        r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt \t].*)?",
        _SOME.format("a date", "text"),
        _nothing,
        *("2026-01-01", "2026-1-1", "2026-01-01T00:00:00Z", "2026-01-01 10:00:00"),
    ),
    _form(
        r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "is not a JSON number",
        _nothing,
        ".inf",
        "-.Inf",
        ".nan",
    ),
    _form(r"~", "is nothing (null) to YAML readers", lambda _: "null", "~"),
    _form(r"=", "stops some YAML readers", _nothing, "="),
    _form(r"<<", "merges mappings in some YAML readers and is text to others", _nothing, "<<"),
)


def ambiguity(text: str, key: bool = False) -> tuple[str, str] | None:
    """Return a message and a remedy if the plain scalar `text` is ambiguous or inexact, else None.

    `key`: `text` is the key of a mapping, so quoting it is the only remedy.
    """
    if _WHOLE.fullmatch(text) or _FRACTION.fullmatch(text):
        return inexact(text)
    form = next((form for form in AMBIGUOUS_SCALARS if form.pattern.fullmatch(text)), None)
    if form is None:
        return None
    instead = "" if key else form.instead(text)
    return (
        f"{text} {form.reading}",
        f'write {instead}, or "{text}" for text' if instead else f'write "{text}"',
    )


def likely_value(text: str) -> bool | int | float | str | None:
    """Return the likely value of an ambiguous scalar, so that the rest of the document can be checked."""
    if _WHOLE.fullmatch(text) or _FRACTION.fullmatch(text):
        return 0
    form = next(form for form in AMBIGUOUS_SCALARS if form.pattern.fullmatch(text))
    return resolve(form.instead(text) or text)


def inexact(text: str) -> tuple[str, str] | None:
    """Return a message and a remedy if a store would change the number `text`, else None."""
    remedy = f'write fewer digits, or "{text}" for text'
    if len(text) > 400:
        return "this number has too many digits", "write fewer digits"
    value = float(text)
    if value == 0 and text.startswith("-"):
        return f"{text} is read as 0 by some readers and as minus zero by others", "write 0"
    if value - value != 0:
        return f"{text} is too large for a number", remedy
    if value.is_integer() and abs(Decimal(text)) > _EXACT:
        return f"{text} is larger than {_EXACT}, the largest whole number that every reader keeps", remedy
    if Decimal(repr(value)) != Decimal(text):
        return f"{text} has more digits than a number can keep", remedy
    return None


def resolve(text: str) -> bool | int | float | str | None:
    """Return the value of an unambiguous plain scalar."""
    if text in CONSTANTS:
        return CONSTANTS[text]
    if _WHOLE.fullmatch(text):
        return int(text)
    if _FRACTION.fullmatch(text):
        return float(text)
    return text
