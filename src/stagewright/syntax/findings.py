"""What is wrong, and where: findings while a document is looked at, problems once lines are known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from stagewright.errors import Problem

Path = tuple[str | int, ...]
"""Place in a document: ("stages", "train", "include", 0)."""

Lines = Mapping[Path, int]
"""Path -> line in the file, counted from 1."""


@dataclass(frozen=True)
class Finding:
    """One thing wrong, before anybody knows the file and the line."""

    path: Path
    message: str
    remedy: str = ""


def dotted(path: Path) -> str:
    """`stages.train.include[0]`: for people, and as `Problem.path`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def enclosing(place: str) -> Iterator[str]:
    """The dotted `place`, and every one that it is in, the nearest first."""
    while place:
        yield place
        place = place[: max(place.rfind("."), place.rfind("["), 0)]


def problems(findings: Iterable[Finding], lines: Lines | None = None, file: str = "") -> tuple[Problem, ...]:
    """In the order of the file where lines are known; otherwise in the order found."""
    found = [
        Problem(dotted(each.path), each.message, each.remedy, file, line_of(each.path, lines or {}))
        for each in findings
    ]
    return tuple(sorted(found, key=lambda problem: problem.line or 0))


def line_of(path: Path, lines: Lines) -> int | None:
    """The line of the nearest place around `path` that the file has."""
    for length in range(len(path), -1, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None


LIKELY_TYPO = 0.75
"""Likeness of two names that makes one of them a misspelling of the other."""


def closest_match(given: str, known: Iterable[str], likeness: float = 0.6) -> str:
    """The known name that `given` was probably meant to be, if one is near. Capitals do not count."""
    from difflib import get_close_matches  # only what is wrong pays for it

    names = {name.casefold(): name for name in sorted(known, reverse=True)}
    close = get_close_matches(given.casefold(), names, n=1, cutoff=likeness)
    return names[close[0]] if close else ""


def nearest(given: str, known: Iterable[str], otherwise: str = "known") -> str:
    """A remedy: the known name that `given` was probably meant to be, or the list of them."""
    names = sorted(known)
    if close := closest_match(given, names):
        return f'did you mean "{close}"?'
    return f"{otherwise}: {', '.join(names[:12])}{' ...' if len(names) > 12 else ''}" if names else ""
