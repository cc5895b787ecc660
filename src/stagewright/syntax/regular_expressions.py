"""The cost of a regular expression, from its form."""

from __future__ import annotations

import math
import re
from typing import Any

_PARSER: Any = re._parser  # type: ignore[attr-defined]  # the only parser of Python's expressions
_REPETITIONS = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")


def ways(regex: str, length: int) -> float:
    """Return in how many ways a search may match the parts of `regex` at one position, at most.

    `length`: the characters that a repetition without a maximum may match. Infinite: a repetition repeats
    what can match in several ways, so the number grows exponentially with the text. The expression must be
    valid.
    """
    return _sequence(_PARSER.parse(regex), length)


def _sequence(parts: Any, length: int) -> float:
    return math.prod(_part(str(operator), argument, length) for operator, argument in parts)


def _part(operator: str, argument: Any, length: int) -> float:
    if operator in _REPETITIONS:
        least, most, inner = argument
        each = _sequence(inner, length)
        if most > 1 and each > 1:
            return math.inf
        return max(min(int(most), length) - int(least), 0) + each
    if operator == "BRANCH":
        return sum(_sequence(branch, length) for branch in argument[1])
    groups = argument if isinstance(argument, tuple) else (argument,)
    return math.prod(_sequence(group, length) for group in groups if hasattr(group, "data"))
