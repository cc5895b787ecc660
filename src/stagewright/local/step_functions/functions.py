"""The functions that Step Functions adds to JSONata, and those that differ from the package jsonata-python.

"Transforming data with JSONata in Step Functions" (developer guide) lists the additions. What AWS does at
their edges was measured by sfnx (docs/design.md; docstrings in sfnx/testing.py, 3.1.0): an undefined argument
makes the result undefined unless a docstring says otherwise, and another type or too many arguments fail.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
import uuid
from collections.abc import Callable
from typing import Any

from jsonata.functions import Functions
from jsonata.utils import Utils

ALGORITHMS = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}
LARGEST = 0xFFFF
"""The last character that is one unit of UTF-16."""


def partition(array: Any = None, size: Any = None) -> list[Any] | None:
    """Return batches of `size` items: one batch without a size, nothing for no items or a size of 0."""
    if array is None:
        return None
    if not isinstance(array, list):
        raise TypeError('T0412: Argument 1 of function "partition" must be an array of undefined')
    if size is None:
        return [array]
    if _number("partition", 2, size) < 0:
        raise ValueError("D3137: Second argument must be zero or greater")
    step = int(size)
    return [array[start : start + step] for start in range(0, len(array), step)] or None if step else None


def number_range(first: Any = None, last: Any = None, step: Any = None) -> Any:
    """Return the numbers up to `last`: a single one as itself, none and a step of 0 as nothing."""
    bounds = first, last, step
    if any(bound is None for bound in bounds):
        return None
    first, last, step = (int(_number("range", place, bound)) for place, bound in enumerate(bounds, 1))
    values = list(range(first, last + (1 if step > 0 else -1), step)) if step else []
    return values if len(values) > 1 else next(iter(values), None)


def digest(*arguments: Any) -> str | None:
    """Return the digest of a text, nothing without a text or an algorithm. An undefined algorithm fails."""
    if not arguments:
        raise _mismatch("hash", 1)
    if arguments[0] is None:
        return None
    text = _text("hash", arguments[0])
    return _digest(text, *arguments[1:]) if len(arguments) > 1 else None


def _digest(text: str, algorithm: Any) -> str:
    if algorithm not in ALGORITHMS:
        shown, known = "null" if algorithm is None else algorithm, "SHA-1, SHA-384, SHA-256, SHA-512, MD5"
        raise ValueError(f"D3137: Hash algorithm '{shown}' must be one of {known}")
    return hashlib.new(ALGORITHMS[algorithm], text.encode()).hexdigest()


def random_number(seed: Any = None) -> float:
    number = None if seed is None else math.floor(_number("random", 1, seed))
    return random.Random(number).random()  # noqa: S311 -- not a secret


def parse(text: Any = None) -> Any:
    """Parse JSON strictly: without NaN, infinities, numbers that overflow, and repeated keys."""
    if text is None:
        return None
    value = json.loads(
        _text("parse", text), parse_constant=_reject, parse_float=_finite, object_pairs_hook=_distinct
    )
    return Utils.NULL_VALUE if value is None else value


def _text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    raise _mismatch(name, 1)


def _number(name: str, place: int, value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise _mismatch(name, place)


def _mismatch(name: str, place: int) -> TypeError:
    return TypeError(f'T0410: Argument {place} of function "{name}" does not match function signature')


def _reject(constant: str) -> Any:
    raise ValueError(f"{constant} is no number in JSON")


def _finite(number: str) -> float:
    return value if math.isfinite(value := float(number)) else float(_reject(number))


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("an object has a key twice")
    return value


def to_millis(timestamp: str | None = None, picture: str | None = None) -> Any:
    """Require the `T` of ISO 8601, which jsonata-python does not."""
    if picture is None and isinstance(timestamp, str) and "T" not in timestamp:
        message = "D3110: The argument of the toMillis function must be an ISO 8601 formatted timestamp."
        raise ValueError(f'{message} Given "{timestamp}"')
    return Functions.datetime_to_millis(timestamp, picture)


def replace(text: str, pattern: Any, replacement: Any, limit: float | None = None) -> Any:
    """Reject a regular expression that matches nothing at the start, as JSONata does (D1004)."""
    if hasattr(pattern, "search") and (match := pattern.search("")) and not match.group():
        raise ValueError("D1004: Regular expression matches zero length string")
    return Functions.replace(text, pattern, replacement, limit)


def substring(text: str | None, start: float | None = None, length: float | None = None) -> Any:
    """Cut a text as AWS does, which is not as JSONata says if a character is outside the BMP.

    AWS counts some positions in characters and some in UTF-16 units, so it returns halves of characters, and
    fails where a length exceeds the characters. What sfnx measured is what jsonata-java does
    (github.com/dashjoin/jsonata-java, Functions.substr), which this follows.
    """
    if not text or start is None or max(text) <= chr(LARGEST):
        return Functions.substring(text, start, length)
    units, begin = len(text.encode("utf-16-le")) // 2, int(start)
    count = units if length is None else min(int(length), units)
    if count <= 0 or begin >= len(text):
        return ""
    if count > len(text):
        raise ValueError("String index out of range")
    first = _units(text, max(begin if begin >= 0 else len(text) + begin, 0))
    last = first + _units(text, count)
    return text.encode("utf-16-le")[2 * first : 2 * last].decode("utf-16-le", errors="replace")


def _units(text: str, characters: int) -> int:
    """Return how many UTF-16 units the first characters have."""
    return len(text[:characters].encode("utf-16-le")) // 2


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "hash": digest,
    "parse": parse,
    "partition": partition,
    "random": random_number,
    "range": number_range,
    "replace": replace,
    "substring": substring,
    "toMillis": to_millis,
    "uuid": lambda: str(uuid.uuid4()),
}
