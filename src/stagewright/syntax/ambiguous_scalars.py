"""Plain YAML scalars that readers disagree about, each with what to write instead.

Compared: PyYAML 6 (YAML 1.1), yamldecode of Terraform 1.11 (between the two) and YAML 1.2.2's core schema.
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
    """`pattern` of the whole scalar, what readers make of it, and what to write `instead`."""

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


def _trap(pattern: str, reading: str, instead: Callable[[str], str], *examples: str) -> AmbiguousScalar:
    return AmbiguousScalar(re.compile(pattern), reading, instead, examples)


AMBIGUOUS_SCALARS = (
    _trap(
        r"y|Y|n|N|(?i:yes|no|on|off)",
        _SOME.format("text", "true or false"),
        _flag,
        *("on", "off", "yes", "no", "y", "n", "YES"),
    ),
    _trap(r"[-+]?0o[0-7]+", _SOME.format("text", "an octal number"), _prefixed, "0o10"),
    _trap(r"[-+]?0x[0-9a-fA-F_]*[0-9a-fA-F]", _SOME.format("a number", "text"), _prefixed, "0x1F"),
    _trap(r"[-+]?0b[01_]*[01]", _SOME.format("a number", "text"), _prefixed, "0b11"),
    _trap(
        r"[-+]?0[0-9_]+(\.[0-9_]*)?",
        _SOME.format("octal", "decimal or text"),
        _without_zeros,
        *("010", "-007", "08", "01.5"),
    ),
    _trap(
        r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)[eE][-+]?[0-9]+",
        _SOME.format("text", "a number"),
        _decimal,
        *("1e-3", "1E5", "1.5e3", ".5e1"),
    ),
    _trap(r"[-+]?\.[0-9][0-9_]*", _SOME.format("text", "a number"), _decimal, ".5", "-.5"),
    _trap(
        r"[-+]?[0-9][0-9_]*(\.[0-9_]*)?",
        _SOME.format("a number", "text"),
        lambda text: _decimal(text.rstrip("_")),
        *("1_000", "1_0.5"),
    ),
    _trap(
        r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?",
        _SOME.format("a number (base 60)", "text"),
        _nothing,
        *("12:30", "12:30:45", "1:2"),
    ),
    _trap(
        r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt \t].*)?",
        _SOME.format("a date", "text"),
        _nothing,
        *("2026-01-01", "2026-1-1", "2026-01-01T00:00:00Z", "2026-01-01 10:00:00"),
    ),
    _trap(
        r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "is no number that JSON has",
        _nothing,
        ".inf",
        "-.Inf",
        ".nan",
    ),
    _trap(r"~", "is nothing (null) to YAML readers", lambda _: "null", "~"),
    _trap(r"=", "stops some YAML readers", _nothing, "="),
    _trap(r"<<", "merges mappings in some YAML readers and is text to others", _nothing, "<<"),
)


def ambiguity(text: str, key: bool = False) -> tuple[str, str] | None:
    """Message and remedy where readers disagree about the plain scalar `text`."""
    if _WHOLE.fullmatch(text) or _FRACTION.fullmatch(text):
        return inexact(text)
    trap = next((trap for trap in AMBIGUOUS_SCALARS if trap.pattern.fullmatch(text)), None)
    if trap is None:
        return None
    instead = "" if key else trap.instead(text)
    return (
        f"{text} {trap.reading}",
        f'write {instead}, or "{text}" for text' if instead else f'write "{text}"',
    )


def likely_value(text: str) -> bool | int | float | str | None:
    """The value that the trap `text` most likely stands for, so that what is around it can be judged."""
    if _WHOLE.fullmatch(text) or _FRACTION.fullmatch(text):
        return 0
    trap = next(trap for trap in AMBIGUOUS_SCALARS if trap.pattern.fullmatch(text))
    return resolve(trap.instead(text) or text)


def inexact(text: str) -> tuple[str, str] | None:
    """Message and remedy where the number `text` does not come back from every store as it is."""
    remedy = f'write fewer digits, or "{text}" for text'
    if len(text) > 400:
        return "this number has too many digits", "write fewer digits"
    value = float(text)
    if value == 0 and text.startswith("-"):
        return f"{text} is 0 to some readers and minus zero to others", "write 0"
    if value - value != 0:
        return f"{text} is larger than a number can be", remedy
    if value.is_integer() and abs(Decimal(text)) > _EXACT:
        return f"{text} is larger than the whole numbers that all readers keep exactly ({_EXACT})", remedy
    if Decimal(repr(value)) != Decimal(text):
        return f"{text} has more digits than a number keeps", remedy
    return None


def resolve(text: str) -> bool | int | float | str | None:
    """The value of a plain scalar that is no trap."""
    if text in CONSTANTS:
        return CONSTANTS[text]
    if _WHOLE.fullmatch(text):
        return int(text)
    if _FRACTION.fullmatch(text):
        return float(text)
    return text
