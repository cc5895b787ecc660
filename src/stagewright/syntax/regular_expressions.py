"""The cost of a regular expression, from its form."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
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


def captures_nothing(regex: str) -> bool:
    """Return whether the group of `regex` always matches the empty text. The expression must be valid.

    So does a group without characters, and a lazy repetition that nothing follows: it repeats as seldom as it
    may.
    """
    return _widest_group(_PARSER.parse(regex), is_last=True) == 0


def matches_nothing_first(regex: str) -> bool:
    """Return whether a search for `regex` finds the empty text at the beginning of most lines."""
    compiled = re.compile(regex)
    samples = ("epoch 1: MAE: 0.25", "[1]#011validation-rmse:2.5")
    matches = [compiled.search(sample) for sample in samples]
    return all(match and match.end() == 0 for match in matches)


def _widest_group(parts: Any, *, is_last: bool) -> int | None:
    """Return the most characters that the first group matches. None: there is no group in the parts."""
    listed = list(parts)
    for index, (operator, argument) in enumerate(listed):
        last = is_last and all(_is_empty(part) for part in listed[index + 1 :])
        if str(operator) == "SUBPATTERN" and argument[0] is not None:
            return _widest(argument[-1], is_last=last)
        for inner in _inner(argument):
            if (width := _widest_group(inner, is_last=last)) is not None:
                return width
    return None


def _widest(parts: Any, *, is_last: bool) -> int:
    """Return the most characters that a search matches with parts that are the last of the expression."""
    listed = list(parts)
    return sum(_part_width(part, is_last and all(_is_empty(later) for later in listed[index + 1 :]))
               for index, part in enumerate(listed))  # fmt: skip


def _part_width(part: Any, is_last: bool) -> int:
    operator, argument = str(part[0]), part[1]
    if operator in _REPETITIONS:
        least, most, inner = argument
        times = int(least) if operator == "MIN_REPEAT" and is_last else int(most)
        return times * _widest(inner, is_last=False)
    if operator == "BRANCH":
        return max(_widest(branch, is_last=is_last) for branch in argument[1])
    if operator in ("AT", "ASSERT", "ASSERT_NOT"):
        return 0
    inner_parts = list(_inner(argument))
    return sum(_widest(inner, is_last=is_last) for inner in inner_parts) if inner_parts else 1


def _is_empty(part: Any) -> bool:
    """Return whether a part neither matches a character nor requires one: only then what is before it is
    last."""
    return str(part[0]) in _REPETITIONS and int(part[1][0]) == 0


def _inner(argument: Any) -> Iterator[Any]:
    """Yield the expressions within the argument of a part."""
    for item in argument if isinstance(argument, tuple) else (argument,):
        if hasattr(item, "data"):
            yield item
        elif isinstance(item, list):
            yield from (branch for branch in item if hasattr(branch, "data"))


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
