"""The number of ways in which a regular expression may match, by its form."""

from __future__ import annotations

import math

import pytest

from stagewright.syntax.regular_expressions import ways


@pytest.mark.parametrize(
    ("regex", "number"),
    [
        ("abc", 1),
        (r"(\d{4})-(\d{2})", 1),
        (r"(?:\d{2}-){3}", 1),
        ("a?", 2),
        ("a*", 11),
        ("a+", 10),
        ("a{2,5}", 4),
        ("a{0,999}", 11),
        ("a*b*", 121),
        ("ab|cd|ef", 3),
        ("(?:ab?|c)d?", 6),
        ("[ab]+", 10),
        ("(a)(?(1)b*|c*)", 121),
        ("(?=a*)(?!b*)", 121),
        ("(?>a*)b*+", 121),
    ],
)
def test_ways_multiply_along_the_expression(regex: str, number: int) -> None:
    assert ways(regex, 10) == number


@pytest.mark.parametrize(
    "regex", ["(a+)+", "(a*)*b", "(?:ab|a)*", "(?:a?b){2,3}", "(?:(?:a?){30}b)+", "(?=(a+)+b)", "(x)|(?:y*)+"]
)
def test_a_repetition_of_variable_parts_has_no_bound(regex: str) -> None:
    assert math.isinf(ways(regex, 10))
