from __future__ import annotations

import json

import pytest

from stagewright.document.assignments import (
    format_path,
    override_value,
    parse_path,
    parse_value,
    split_assignment,
    type_changes,
    unquoted,
)
from stagewright.document.merge import nested
from stagewright.document.overrides import Unusable
from stagewright.errors import DocumentError

DOCUMENT = {
    "name": "prices",
    "parameters": {"limit": 3, "month": "2026-01", "fast": True},
    "defaults": {"image": "sklearn-1.4", "instance_type": "ml.m5.large"},
    "stages": {
        "train": {
            "kind": "training",
            "entry_point": "train.py",
            "hyperparameters": {"trees": 300, "loss": "mae", "warm": True, "depth": "${parameters.limit}"},
        }
    },
}


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("parameters.limit=4", ("parameters", "limit"), "4"),
        ("stages.train.hyperparameters.n-estimators=500", None, "500"),
        ('stages.train.hyperparameters."learning.rate"=0.1', None, "0.1"),
        ("parameters.month=a=b", ("parameters", "month"), "a=b"),
        ("parameters.month=", ("parameters", "month"), ""),
        ("parameters.month=two\nlines", ("parameters", "month"), "two\nlines"),
    ],
)
def test_assignment_is_split_into_path_and_value(text, path, value):
    parsed, text_value = split_assignment(text)
    assert text_value == value
    assert path is None or parsed == path
    assert parse_path(format_path(parsed)) == parsed


def test_key_with_a_dot_is_quoted():
    path = parse_path('stages.train.hyperparameters."learning.rate"')
    assert path == ("stages", "train", "hyperparameters", "learning.rate")
    assert format_path(path) == 'stages.train.hyperparameters."learning.rate"'


@pytest.mark.parametrize("key", ["", "two\nlines", "two words", "a=b", "é"])
def test_formatted_path_parses_to_itself(key):
    path = ("stages", "train", "hyperparameters", key, "x")
    assert parse_path(format_path(path)) == path
    assert split_assignment(f"{format_path(path)}=1") == (path, "1")


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", 'a."b', "a.b.", '"a"b'])
def test_invalid_path_is_rejected(text):
    with pytest.raises(DocumentError, match="is not a path"):
        parse_path(text)


def test_assignment_without_value_is_rejected():
    with pytest.raises(DocumentError, match=r"write parameters\.limit=VALUE"):
        split_assignment("parameters.limit")


@pytest.mark.parametrize(
    ("path", "text", "value"),
    [
        ("parameters.limit", "4", 4),
        ("parameters.limit", "0.5", 0.5),
        ("parameters.limit", "4.0", 4),
        ("parameters.limit", "abc", "abc"),
        ("parameters.limit", "NaN", "NaN"),
        ("parameters.month", "202601", "202601"),
        ("parameters.month", "true", "true"),
        ("parameters.fast", "false", False),
        ("stages.train.enabled", "false", False),
        ("stages.train.enabled", "no", "no"),
        ("stages.train.description", "5", "5"),
        ("stages.train.description", '"5"', "5"),
        ("stages.train.description", '"say \\"5\\""', 'say "5"'),
        ("stages.train.description", '"5', '"5'),
        ("stages.train.hyperparameters.loss", "5", "5"),
        ("stages.train.hyperparameters.depth", "5", 5),
        ("stages.train.hyperparameters.trees", '"400"', "400"),
        ("stages.train.instance_count", "2", 2),
        ("stages.train.hyperparameters.n", "500", 500),
        ("stages.train.hyperparameters.n", "1e-3", 0.001),
        ("stages.train.hyperparameters.n", "adam", "adam"),
        ("stages.train.hyperparameters", '{"n": 1}', {"n": 1}),
        ("stages.train.include", '["lib"]', ["lib"]),
    ],
)
def test_value_takes_the_type_of_its_field(path, text, value):
    parsed = parse_value(DOCUMENT, parse_path(path), text)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("path", "text", "words"),
    [
        ("trees", "abc", 'the document has the number 300, not "abc"'),
        ("trees", "true", "the document has the number 300, not true"),
        ("warm", "1", "the document has true, not the number 1"),
        ("warm", "yes", 'the document has true, not "yes"'),
    ],
)
def test_type_change_is_reported(path, text, words):
    place = ("stages", "train", "hyperparameters", path)
    (finding,) = type_changes(DOCUMENT, nested(place, override_value(DOCUMENT, place, text)))
    assert (finding.path, finding.message) == (place, words)
    assert finding.remedy.endswith(f"{format_path(place)}='\"{text}\"'")
    _, quoted = split_assignment(f'{format_path(place)}="{text}"')
    held = nested(place, override_value(DOCUMENT, place, quoted))
    assert held == nested(place, f'"{text}"')
    assert list(type_changes(DOCUMENT, held)) == []
    assert unquoted(held) == nested(place, text)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("stages.train.hyperparameters.trees", "5"),
        ("stages.train.hyperparameters.trees", "0.5"),
        ("stages.train.hyperparameters.trees", "${parameters.limit}"),
        ("stages.train.hyperparameters.loss", "5"),
        ("stages.train.hyperparameters.depth", "abc"),
        ("stages.train.hyperparameters.new", "abc"),
        ("stages.train.hyperparameters", '{"trees": 5}'),
    ],
)
def test_same_type_or_new_path_is_not_reported(path, text):
    place = parse_path(path)
    assert list(type_changes(DOCUMENT, nested(place, override_value(DOCUMENT, place, text)))) == []


def test_quoted_override_is_read_as_text():
    """A user can easily leave the type of a DynamoDB attribute at S."""
    place = parse_path("stages.train.hyperparameters.trees")
    assert list(type_changes(DOCUMENT, nested(place, "500"))) == []
    assert [finding.path for finding in type_changes(DOCUMENT, nested(place, "many"))] == [place]


def test_text_with_its_own_quotes_keeps_them():
    place = parse_path("stages.train.hyperparameters.loss")
    held = override_value(DOCUMENT, place, json.dumps('"mae"'))
    assert unquoted(nested(place, held)) == nested(place, '"mae"')


def test_number_with_too_many_digits_is_unusable():
    path = parse_path("stages.train.hyperparameters")
    assert isinstance(parse_value(DOCUMENT, (*path, "n"), "9" * 38), Unusable)
    assert isinstance(parse_value(DOCUMENT, path, '{"n": 0.12345678901234567890}')["n"], Unusable)
