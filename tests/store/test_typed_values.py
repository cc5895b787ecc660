from __future__ import annotations

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from hypothesis import given
from hypothesis import strategies as st

from stagewright.document.canonical_json import canonical_json
from stagewright.document.overrides import Unusable, number
from stagewright.store.typed_values import from_typed, to_typed

EXACT = 2**53 - 1
numbers = st.integers(-EXACT, EXACT) | st.floats(-1e15, 1e15).filter(
    lambda value: not isinstance(number(repr(value)), Unusable)
)
values = st.recursive(
    st.booleans() | numbers | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(min_size=1), inner),
    max_leaves=10,
)


@pytest.mark.slow
@given(values)
def test_values_survive_the_round_trip(value):
    back = from_typed(to_typed(value))
    assert canonical_json(back) == canonical_json(value)


@given(values)
def test_types_equal_those_of_boto3(value):
    plain = TypeDeserializer().deserialize(to_typed(value))
    assert TypeSerializer().serialize(plain).keys() == to_typed(value).keys()


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ({"SS": ["a", "b"]}, "a set of texts"),
        ({"NS": ["1"]}, "a set of numbers"),
        ({"BS": [b"a"]}, "a set of binary data"),
        ({"B": b"a"}, "binary data"),
        ({"NULL": True}, "null is not a value"),
        ({"N": "1" * 38}, "the largest whole number"),
    ],
)
def test_unsupported_types_survive_the_round_trip(typed, message):
    found = from_typed({"M": {"a": typed, "b": {"L": [typed]}}})
    assert message in found["a"].message
    assert isinstance(found["b"][0], Unusable)
    assert to_typed(found) == {"M": {"a": typed, "b": {"L": [typed]}}}


def test_numbers_have_no_exponent():
    assert to_typed(1e-7) == {"N": "0.0000001"}
    assert from_typed({"N": "1E+2"}) == 100
