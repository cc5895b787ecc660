"""Filter patterns of CloudWatch Logs for unstructured log events.

CloudWatch Logs user guide, "Filter pattern syntax": patterns are case sensitive. An event matches if it has
all terms, or one of the terms with a question mark, and none with a minus. Double quotes hold a phrase.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sagemaker_local.api.protocol import ApiError

TERM = re.compile(r'([-?]?)(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))(?=\s|$)\s*')


def compile_pattern(pattern: str) -> Callable[[str], bool]:
    """Return whether a message matches, as a function. ApiError for a pattern that cannot be used."""
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
    return lambda message: (
        all(phrase in message for phrase in required)
        and not any(phrase in message for phrase in excluded)
        and (bool(required) or not optional or any(phrase in message for phrase in optional))
    )


def _invalid(reason: str) -> ApiError:
    return ApiError("InvalidParameterException", f"Invalid filter pattern: {reason}")
