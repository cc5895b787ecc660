from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagewright.syntax.references import (
    Reference,
    escape,
    find_references,
    render,
    sole_reference,
    text_of,
    unclosed,
)

FOUND = [
    ("", []),
    ("plain $ { text }", []),
    ("${run.id}", [("run", "id")]),
    ("a${bucket}b${stages.a.outputs.b-c}", [("bucket",), ("stages", "a", "outputs", "b-c")]),
    ("$${run.id}", []),
    ("$$${run.id}", []),
    ("$ ${run.id}", [("run", "id")]),
    ("${run.id", []),
    ("${a ${run.id}", [("run", "id")]),
    ("${}", [("",)]),
]


@pytest.mark.parametrize(("text", "paths"), FOUND)
def test_references_are_found_in_order(text, paths):
    assert [reference.path for reference in find_references(text)] == paths


@pytest.mark.parametrize(
    ("text", "open_"), [("${a", True), ("${a}", False), ("$${a", False), ("${a ${b}", True)]
)
def test_unclosed_reference_is_detected(text, open_):
    assert unclosed(text) is open_


def test_sole_reference_is_the_whole_text():
    assert sole_reference("${run.id}") == Reference("${run.id}", ("run", "id"))
    assert [sole_reference(text) for text in ("${run.id} ", "$${run.id}", "${a}${b}", "x")] == [None] * 4


def lookup(reference):
    return {"number": 0.5, "flag": True, "text": "x", "list": [1]}[reference.path[0]]


RENDERED = [
    ("${number}", 0.5),
    ("${flag}", True),
    ("${list}", [1]),
    ("r=${number}, ${flag}, ${text}", "r=0.5, true, x"),
    ("$${number} ${number}", "${number} 0.5"),
    ({"a": ["${text}", 3, None], "${text}": "y"}, {"a": ["x", 3, None], "${text}": "y"}),
    (("${number}", {"b": ("${text}",)}), [0.5, {"b": ["x"]}]),
]


@pytest.mark.parametrize(("value", "rendered"), RENDERED, ids=str)
def test_rendering_keeps_the_type_of_a_whole_value(value, rendered):
    result = render(value, lookup)

    assert result == rendered
    assert type(result) is type(rendered)


def test_only_scalars_can_be_part_of_a_text():
    with pytest.raises(TypeError, match="a list cannot be part of a text"):
        render("a ${list}", lookup)


@given(st.text())
def test_escaped_text_renders_to_itself(text):
    assert render(escape(text), lookup) == text


@given(st.one_of(st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False)))
def test_number_text_parses_to_the_number(value):
    assert json.loads(text_of(value)) == value
