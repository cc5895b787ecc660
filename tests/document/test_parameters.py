from __future__ import annotations

import pytest

from stagewright.document.load import load
from stagewright.document.parameters import parse_parameter, with_parameters
from stagewright.errors import DocumentError


def test_run_parameters_replace_declared_values(house):
    pipeline = load(house())
    changed = with_parameters(pipeline, {"min_r2": 1, "size": 3.0})

    assert changed.parameters == {**pipeline.parameters, "min_r2": 1, "size": 3}
    assert type(changed.parameters["size"]) is int
    assert pipeline.parameters["min_r2"] == 0.88
    assert with_parameters(pipeline, {}) == pipeline


WRONG = [
    ({"min_r": 1}, "parameters.min_r", "no such parameter", 'did you mean "min_r2"?'),
    ({"min_r2": True}, "parameters.min_r2", "must be a number, not true", ""),
    ({"min_r2": "0.9"}, "parameters.min_r2", 'must be a number, not "0.9"', ""),
    ({"min_r2": float("nan")}, "parameters.min_r2", "must be a number", ""),
    ({"min_r2": None}, "parameters.min_r2", "must be a number, not nothing", ""),
    ({"fast": 1}, "parameters.fast", "must be true or false, not the number 1", ""),
    ({"month": 202601}, "parameters.month", "must be a text", ""),
    ({"month": ["x"]}, "parameters.month", "must be a text, not a list", ""),
    ({"month": "${account}"}, "parameters.month", "cannot contain references", ""),
    ({"month": "a b"}, "partition", "'a b' is not a partition", ""),
    ({"size": 101}, "stages.prepare.instance_count", "less than or equal to 100", "change the parameter"),
    ({"size": 1.5}, "stages.prepare.instance_count", "must be a valid integer", ""),
]


@pytest.mark.parametrize(("parameters", "path", "message", "remedy"), WRONG, ids=str)
def test_invalid_run_parameter_is_rejected(house, parameters, path, message, remedy):
    with pytest.raises(DocumentError) as caught:
        with_parameters(load(house()), parameters)

    assert [problem.path for problem in caught.value.problems] == [path]
    assert message in caught.value.problems[0].message
    assert remedy in caught.value.problems[0].remedy


def test_invalid_parameters_are_reported_together(house):
    with pytest.raises(DocumentError) as caught:
        with_parameters(load(house()), {"min_r2": "x", "fast": "y", "month": "2026-01"})

    assert [problem.path for problem in caught.value.problems] == ["parameters.min_r2", "parameters.fast"]


PARSED = [
    ("0.9", 0.88, 0.9),
    ("3", 0.88, 3),
    ("1e-3", 0.88, 0.001),
    ("0.5", 300, 0.5),
    ("true", False, True),
    ("0.9", "text", "0.9"),
    ("true", "text", "true"),
    ("", "text", ""),
]


@pytest.mark.parametrize(("text", "declared", "value"), PARSED)
def test_command_line_text_takes_the_declared_type(text, declared, value):
    parsed = parse_parameter(text, declared)

    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("text", "declared"),
    [
        ("x", 1),
        ("true", 1),
        ("1", True),
        ("yes", True),
        ("NaN", 1.0),
        ("Infinity", 1.0),
        ("1e999", 1.0),
        ("[1]", 1),
        ("", 1),
    ],
)
def test_command_line_text_of_another_type_is_rejected(text, declared):
    with pytest.raises(DocumentError, match=r"parameters\.rate: must be") as caught:
        parse_parameter(text, declared, "rate")

    assert caught.value.exit_code == 2


def test_invalid_utf_8_is_rejected():
    with pytest.raises(DocumentError, match=r"parameters\.who: is not valid UTF-8"):
        parse_parameter("caf\udce9", "x", "who")
    assert parse_parameter("café 😀", "x", "who") == "café 😀"
