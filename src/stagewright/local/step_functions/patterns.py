"""A time limit for the regular expressions of JSONata.

Python's `re` holds the interpreter's lock while it searches, so one expression would stop the whole server.
The package `regex` has a time limit and releases the lock.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import regex

SECONDS = 1.0
"""Step Functions ends the evaluation of an expression after a second."""


class LimitedPattern:
    """A compiled pattern with the methods that JSONata uses. TimeoutError after SECONDS of one call."""

    def __init__(self, pattern: str, flags: Any) -> None:
        """Compile as jsonata.regex_engine.default_regex_engine does. re.error for an invalid pattern."""
        options = regex.IGNORECASE if flags.case_insensitive else 0
        options |= regex.MULTILINE if flags.multiline else 0
        try:
            self._pattern = regex.compile(pattern, options)
        except regex.error as error:
            raise re.error(str(error)) from error

    def search(self, text: str) -> Any:
        return self._pattern.search(text, timeout=SECONDS, concurrent=True)

    def finditer(self, text: str) -> Iterator[Any]:
        matches: Iterator[Any] = self._pattern.finditer(text, timeout=SECONDS, concurrent=True)
        return matches

    def sub(self, replacement: Any, text: str, count: int = 0) -> str:
        try:
            return str(self._pattern.sub(replacement, text, count, timeout=SECONDS, concurrent=True))
        except regex.error as error:
            raise re.error(str(error)) from error

    def split(self, text: str, maxsplit: int = 0) -> list[str]:
        parts: list[str] = self._pattern.split(text, maxsplit, timeout=SECONDS, concurrent=True)
        return parts
