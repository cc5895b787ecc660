"""Searches lines for regular expressions, in a process of its own (matcher.py starts it).

Run by path with `python -I -S`, so it imports only the standard library:

    match_lines.py SECONDS MISSES

Standard input is JSON, one value per line: first the list of expressions, then lists of lines. The answer to
a list of lines is `[[[line, expression, value], ...], [expression, ...]]`: the numbers found, and the
expressions that took longer than SECONDS of processor time, once per line that was skipped for it. An
expression with MISSES skipped lines is not searched for again.
"""

from __future__ import annotations

import json
import math
import re
import signal
import sys
from collections.abc import Iterator

GRACE_SECONDS = 1.0


class SlowError(Exception):
    """A search took too long."""


class Pattern:
    """An expression, and how many more lines may be skipped for it."""

    def __init__(self, text: str, seconds: float, misses: int) -> None:
        self._regex = re.compile(text)
        self._seconds = seconds
        self._misses = misses if self._regex.groups else 0

    def search(self, lines: list[str]) -> Iterator[tuple[int, float | None]]:
        """Index and number of each line with one. None: the line was skipped, because it took too long."""
        rest = enumerate(lines)
        index = 0
        while self._misses:
            try:
                limit(self._seconds)
                for index, line in rest:
                    match = self._regex.search(line)
                    if match and (value := finite(match[1])) is not None:
                        yield index, value
                limit(0)
            except SlowError:
                self._misses -= 1
                yield index, None
            else:
                return


def main(seconds: float, misses: int) -> None:
    signal.signal(signal.SIGVTALRM, interrupt)
    patterns = [Pattern(text, seconds, misses) for text in json.loads(sys.stdin.readline())]
    for request in sys.stdin:
        sys.stdout.write(json.dumps(answer(patterns, json.loads(request))) + "\n")
        sys.stdout.flush()


def answer(patterns: list[Pattern], lines: list[str]) -> tuple[list[tuple[int, int, float]], list[int]]:
    matches: list[tuple[int, int, float]] = []
    skipped = []
    for number, pattern in enumerate(patterns):
        for line, value in pattern.search(lines):
            if value is None:
                skipped.append(number)
            else:
                matches.append((line, number, value))
    return matches, skipped


def limit(seconds: float) -> None:
    """Start the timers; 0 stops them. A search checks for signals, so the first timer interrupts it. If it
    does not, the second one ends this process."""
    signal.setitimer(signal.ITIMER_PROF, seconds and seconds + GRACE_SECONDS)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)


def interrupt(*_: object) -> None:
    limit(0)
    raise SlowError


def finite(text: str | None) -> float | None:
    """The text as a number, if it is a finite one."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
