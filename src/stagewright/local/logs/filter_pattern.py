"""Filter patterns of CloudWatch Logs for unstructured log events.

CloudWatch Logs user guide, "Filter pattern syntax": patterns are case sensitive. An event matches if it has
all terms, or one of the terms with a question mark, and none with a minus. Double quotes hold a phrase.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sagemaker_local.api.protocol import ApiError

TERM = re.compile(r'([-?]?)(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))(?=\s|$)\s*')


@dataclass(frozen=True)
class FilterPattern:
    """The phrases of a pattern: all of `required`, one of `optional` if there is none, none of `excluded`."""

    required: tuple[str, ...]
    optional: tuple[str, ...]
    excluded: tuple[str, ...]

    @property
    def needed(self) -> bytes:
        """Bytes that every event that matches contains: a search skips the segments without them.

        U+FFFD can stand for bytes that are not UTF-8.
        """
        exact = [phrase for phrase in self.required if "\ufffd" not in phrase]
        return max(exact, key=len, default="").encode()

    def matches(self, message: str) -> bool:
        return (
            all(phrase in message for phrase in self.required)
            and not any(phrase in message for phrase in self.excluded)
            and (
                bool(self.required) or not self.optional or any(phrase in message for phrase in self.optional)
            )
        )


def parsed(pattern: str) -> FilterPattern:
    """Return the phrases of a pattern. ApiError for a pattern that cannot be used."""
    text = pattern.strip()
    if text[:1] in ("{", "[", "%"):
        raise _invalid(f"patterns for JSON, columns and regular expressions are not supported here: {text}")
    required: list[str] = []
    optional: list[str] = []
    excluded: list[str] = []
    kinds = {"": required, "?": optional, "-": excluded}
    position = 0
    while position < len(text):
        term = TERM.match(text, position)
        if term is None:
            raise _invalid(f"the quotes are not balanced: {text}")
        phrase = term[3] if term[2] is None else re.sub(r"\\(.)", r"\1", term[2])
        kinds[term[1]].append(phrase)
        position = term.end()
    return FilterPattern(tuple(required), tuple(optional), tuple(excluded))


def _invalid(reason: str) -> ApiError:
    return ApiError("InvalidParameterException", f"Invalid filter pattern: {reason}")
