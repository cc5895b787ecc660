"""Findings: problems at a path of a document, before the file and line are known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from stagewright.errors import Problem

Path = tuple[str | int, ...]
"""The path of a value in a document: ("stages", "train", "include", 0)."""

MOST_COMPARED = 200
"""How many names `closest_match` compares. One comparison takes about 0.1 ms."""

Lines = Mapping[Path, int]
"""Path -> line in the file. Lines count from 1."""


@dataclass(frozen=True)
class Finding:
    """One problem at a path. `problems` adds the file and the line."""

    path: Path
    message: str
    remedy: str = ""


def dotted(path: Path) -> str:
    """Return the path as text, such as `stages.train.include[0]`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def quoted(text: str, most: int = 200) -> str:
    """Return a user's text in quotes, shortened to `most` characters, with escaped control characters."""
    return repr(text if len(text) <= most else f"{text[: most - 3]}...")


def enclosing(path: str) -> Iterator[str]:
    """Yield the dotted `path` and every path that contains it, innermost first."""
    while path:
        yield path
        path = path[: max(path.rfind("."), path.rfind("["), 0)]


def is_within(path: str, outer: str) -> bool:
    """Return whether the dotted `path` is `outer` or inside it."""
    return path == outer or path.startswith((f"{outer}.", f"{outer}["))


def problems(findings: Iterable[Finding], lines: Lines | None = None, file: str = "") -> tuple[Problem, ...]:
    """Return the findings as problems, ordered by line if lines are known, else in the given order."""
    located = [
        Problem(
            dotted(finding.path), finding.message, finding.remedy, file, line_of(finding.path, lines or {})
        )
        for finding in findings
    ]
    return tuple(sorted(located, key=lambda problem: problem.line or 0))


def line_of(path: Path, lines: Lines) -> int | None:
    """Return the line of `path`, or of the innermost path around it that the file has."""
    for length in range(len(path), -1, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None


LIKELY_TYPO = 0.75
"""Similarity of two names above which one is taken for a misspelling of the other."""


def closest_match(name: str, known: Iterable[str], similarity: float = 0.6) -> str:
    """Return the known name closest to `name`, or "" if none is close. Case is ignored.

    Of many known names, only the MOST_COMPARED of the most similar length are compared.
    """
    from difflib import get_close_matches  # imported late: only errors need it

    names = {known_name.casefold(): known_name for known_name in sorted(known, reverse=True)}
    compared = sorted(names, key=lambda known_name: abs(len(known_name) - len(name)))[:MOST_COMPARED]
    close = get_close_matches(name.casefold(), compared, n=1, cutoff=similarity)
    return names[close[0]] if close else ""


def nearest(name: str, known: Iterable[str], otherwise: str = "known") -> str:
    """Return a remedy for an unknown name: the closest known name, or else the list of known names.

    `otherwise`: the label of that list. "" if nothing is known.
    """
    names = sorted(known)
    if close := closest_match(name, names):
        return f'did you mean "{close}"?'
    return f"{otherwise}: {', '.join(names[:12])}{' ...' if len(names) > 12 else ''}" if names else ""
