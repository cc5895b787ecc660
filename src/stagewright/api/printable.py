"""Text from outside, made safe for a terminal.

A job's log, a name or a reason can contain characters that a terminal acts on: escape sequences that rewrite
what was printed before, carriage returns that hide a line, overrides of the text's direction. They are
printed as escapes, such as `\\x1b`, also when the output is piped: it may end in a terminal later.
"""

from __future__ import annotations

import json
import re

UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters, without tab and newline
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # the text's direction (Unicode, UAX #9)
    "\u2028\u2029\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"  # line ends, marks and tags that are not shown
    "\ud800-\udfff]"  # halves of surrogate pairs, which no encoding has
)


def printable(text: str) -> str:
    """The text with every unsafe character as an escape of Python. Tabs and newlines stay."""
    return UNSAFE.sub(lambda match: ascii(match[0])[1:-1], text)


def one_line_printable(text: str) -> str:
    """`printable` for a cell of a table: newlines and tabs are escapes too."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def printable_json(text: str) -> str:
    """JSON text with unsafe characters as JSON's escapes. Its value is the same."""
    return UNSAFE.sub(lambda match: json.dumps(match[0])[1:-1], text)
