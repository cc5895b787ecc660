from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagewright.document.canonical_json import canonical_json, document_json, normalized, sha256_of
from stagewright.document.load import load

NUMBERS = st.one_of(st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False))
SCALARS = st.one_of(st.booleans(), NUMBERS, st.text().map(lambda text: text.replace("$", "S")))
NAMES = st.from_regex(r"[A-Za-z0-9](-?[A-Za-z0-9_]){0,8}", fullmatch=True)


@given(st.dictionaries(NAMES, SCALARS, max_size=4), st.dictionaries(st.text(min_size=1), SCALARS, max_size=4))
def test_document_round_trips_through_json(parameters, hyperparameters):
    training = {"kind": "training", "entry_point": "t.py", "hyperparameters": hyperparameters}
    pipeline = load(
        {
            "name": "x",
            "parameters": parameters,
            "defaults": {"image": "sklearn-1.4", "instance_type": "ml.m5.large"},
            "stages": {"train": training},
        }
    )
    text = document_json(pipeline)
    again = load(json.loads(text))

    assert again == pipeline
    assert document_json(again) == text


def test_stored_json_has_only_set_fields_in_sorted_order(house):
    stored = json.loads(document_json(load(house())))

    assert stored == house()
    assert list(stored) == sorted(stored)
    assert list(stored["stages"]["train"]) == [
        "channels",
        "entry_point",
        "environment",
        "hyperparameters",
        "kind",
        "metrics",
    ]


def test_key_order_does_not_change_the_hash(house):
    document = house()
    backwards = {key: document[key] for key in reversed(document)}

    assert document_json(load(document)) == document_json(load(backwards))
    assert sha256_of("x") == hashlib.sha256(b"x").hexdigest()


# As `terraform console` 1.11.4 prints jsonencode of the same value.
TEXTS = [
    ({"b": 1, "a": [True, None]}, '{"a":[true,null],"b":1}'),
    (1.0, "1"),
    (1e-7, "0.0000001"),
    (1.5e300, "15" + "0" * 299),
    (0.1, "0.1"),
    (1e23, "1" + "0" * 23),
    ('a<b>&\u2028é\n\t"\\/', '"a\\u003cb\\u003e\\u0026\\u2028é\\n\\t\\"\\\\/"'),
    ("\x00\x1f\x7f", '"\\u0000\\u001f\x7f"'),
]


@pytest.mark.parametrize(("value", "text"), TEXTS, ids=str)
def test_canonical_json_equals_terraforms_output(value, text):
    assert canonical_json(value) == text


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_non_json_number_is_rejected(value):
    with pytest.raises(ValueError, match="is not a JSON number"):
        canonical_json(value)


@given(st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8))
def test_canonical_json_parses_to_the_value(value):
    assert json.loads(canonical_json(normalized(value))) == normalized(value)
