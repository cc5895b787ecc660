"""Filter patterns: examples of "Filter pattern syntax" (CloudWatch Logs user guide), and their errors."""

from __future__ import annotations

import pytest

from sagemaker_local.api.protocol import ApiError
from stagewright.local.logs.filter_pattern import parsed

EVENTS = (
    "[ERROR 400] BAD REQUEST",
    "[ERROR 401] UNAUTHORIZED REQUEST",
    "[ERROR 419] MISSING ARGUMENTS",
    "ok",
)


@pytest.mark.parametrize(
    ("pattern", "matched"),
    [
        ("", (0, 1, 2, 3)),
        ("  ", (0, 1, 2, 3)),
        ("ERROR", (0, 1, 2)),
        ("error", ()),
        ("ERROR ARGUMENTS", (2,)),
        ("?BAD ?ARGUMENTS", (0, 2)),
        ('"BAD REQUEST"', (0,)),
        ("ERROR -ARGUMENTS", (0, 1)),
        ('-"BAD REQUEST" -ok', (1, 2)),
        ('"[ERROR 4"', (0, 1, 2)),
        ("ERROR ?BAD", (0, 1, 2)),
    ],
)
def test_pattern_matches(pattern, matched):
    read = parsed(pattern)
    assert tuple(number for number, event in enumerate(EVENTS) if read.matches(event)) == matched
    assert all(read.needed in EVENTS[number].encode() for number in matched)


@pytest.mark.parametrize("pattern", ['"open', '{ $.level = "x" }', "[a, b]", "%a+%", 'a"b'])
def test_other_patterns_are_refused(pattern):
    with pytest.raises(ApiError, match="Invalid filter pattern"):
        parsed(pattern)


def test_quote_in_a_phrase_is_escaped():
    assert parsed(r'"say \"hi\""').matches('they say "hi" now')


def test_replacement_character_is_not_searched_as_bytes():
    text = b"a \xff b".decode("utf-8", "replace")
    assert parsed(text).matches(text)
    assert parsed(text).needed in b"a \xff b"
