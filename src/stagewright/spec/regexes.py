"""Whether a regular expression may take very long: the router tries it on keys, for all pipelines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

REPEATS = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")
UNBOUNDED = 2
"""Of `*` and `+`: each may multiply the steps of a search by the length of the key."""


def takes_long(regex: str) -> bool:
    """For an expression that compiles: it repeats what repeats or branches, or has many `*` and `+`."""
    parser: Any = re._parser  # type: ignore[attr-defined]  # the only parser of Python's expressions
    tree = parser.parse(regex)
    found = list(_repeats(tree, within=False))
    endless = sum(most == parser.MAXREPEAT for most, _ in found)
    return endless > UNBOUNDED or any(nested for _, nested in found)


def _repeats(tree: Any, *, within: bool) -> Iterator[tuple[int, bool]]:
    """Of every repetition: its most, and whether it is within another. A branch within one counts as such."""
    for operator, argument in tree:
        name = str(operator)
        if name in REPEATS:
            _, most, inner = argument
            yield int(most), within and int(most) > 1
            yield from _repeats(inner, within=within or int(most) > 1)
        elif name == "BRANCH":
            if within:
                yield 1, True
            for branch in argument[1]:
                yield from _repeats(branch, within=within)
        else:
            for part in argument if isinstance(argument, tuple) else (argument,):
                if hasattr(part, "data"):
                    yield from _repeats(part, within=within)
