"""A time limit for the regular expressions that users write: in Logs Insights, and globs.

Python's `re` holds the interpreter's lock while it searches, so one expression would stop the whole server.
The package `regex` has a time limit and releases the lock. EventBridge's wildcards need none: ministack's
translation of them does not backtrack.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import regex

from stagewright.local.emulator.patches import replace

SECONDS = 1.0
"""The longest search."""


def limit_in(sns: Any, *modules: Any) -> None:
    """Let modules of ministack match the patterns of users with a time limit."""
    replace(sns, "_re", Expressions())
    for module in modules:
        replace(module, "re", Expressions())


class Expressions:
    """The module `re`, except for patterns that are not in ministack's code. TimeoutError after SECONDS."""

    def __getattr__(self, name: str) -> Any:
        return getattr(re, name)

    @staticmethod
    def compile(pattern: str, flags: int = 0) -> Any:
        if flags & ~(re.IGNORECASE | re.DOTALL):
            return re.compile(pattern, flags)
        try:
            return TimedPattern(regex.compile(pattern, int(flags)))  # both have these two values
        except regex.error as error:
            raise re.error(str(error)) from error

    def fullmatch(self, pattern: str, text: str, flags: int = 0) -> Any:
        """Match a glob that was translated: each star takes the shortest text that fits."""
        first, *others = pattern.split(".*")
        steps = "".join(f"(?>.*?{part})" for part in others[:-1])
        ending = f".*{others[-1]}" if others else ""
        return self.compile(f"(?:{first}{steps}{ending})\\Z", flags).match(text)


class TimedPattern:
    """A compiled pattern. TimeoutError if a search takes longer than SECONDS."""

    def __init__(self, pattern: Any) -> None:
        self._pattern = pattern

    def __getattr__(self, name: str) -> Any:
        return partial(getattr(self._pattern, name), timeout=SECONDS, concurrent=True)
