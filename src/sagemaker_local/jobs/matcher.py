"""Searches lines for a user's regular expressions, in a process that can be killed.

Python's `re` holds the interpreter's lock while it searches, so an expression like `(a+)+$` would stop every
thread of the service.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from sagemaker_local.api.protocol import invalid

PROGRAM = Path(__file__).with_name("match_lines.py")
SECONDS = 1.0
"""Processor time of one expression for the lines of one `search`. Harmless ones need milliseconds."""
MISSES = 5
"""How many lines may be skipped for an expression. Then it is not searched for again."""


class Match(NamedTuple):
    """The number in a line. `line` and `pattern` are indexes."""

    line: int
    pattern: int
    value: float


def check_regex(name: str, regex: str) -> None:
    """ValidationException if the regular expression of the metric `name` is not valid."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # Python may give `[[` a meaning one day
            re.compile(regex)
    except (re.error, OverflowError, RecursionError) as error:
        raise invalid(f"The regular expression of metric {name} is not valid: {error}") from error


class Matcher:
    """A process that searches for these expressions. `search` starts it if `start` has not. Thread-safe."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = list(patterns)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._closed = False

    def start(self) -> None:
        """Start the process, so that the first search does not wait for it."""
        with self._lock:
            if not self._closed and self._process is None:
                self._process = self._start()

    def search(self, lines: Sequence[str]) -> tuple[list[Match], list[int]]:
        """The numbers in the lines, and the index of an expression for each line that was skipped for it.

        Nothing is found after `close`.
        """
        with self._lock:
            if self._closed:
                return [], []
            try:
                matches, skipped = json.loads(self._exchange(lines))
            except (OSError, ValueError):  # the process has ended
                skipped = [] if self._closed else [*range(len(self._patterns))] * MISSES
                self._end()
                return [], skipped
        return [Match(*match) for match in matches], skipped

    def kill(self) -> None:
        """End a search that another thread waits for. Nothing is found any more."""
        self._closed = True
        process = self._process
        if process is not None:
            process.kill()

    def close(self) -> None:
        """End the process."""
        self.kill()
        with self._lock:
            self._end()

    def _exchange(self, lines: Sequence[str]) -> str:
        self._process = self._process or self._start()
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None  # noqa: S101 -- opened as pipes below
        assert stdout is not None  # noqa: S101
        stdin.write(json.dumps(lines) + "\n")
        stdin.flush()
        return stdout.readline()

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-I", "-S", "-W", "ignore", str(PROGRAM), str(SECONDS), str(MISSES)]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, env={}, text=True, encoding="ascii")
        assert process.stdin is not None  # noqa: S101 -- a pipe
        process.stdin.write(json.dumps(self._patterns) + "\n")
        return process

    def _end(self) -> None:
        self._closed = True
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None
