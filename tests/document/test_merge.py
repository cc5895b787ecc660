from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagewright.document.canonical_json import canonical_json
from stagewright.document.merge import ABSENT, Change, changes, leaves, merged, nested, value_at, without

scalars = (
    st.booleans() | st.integers(-9, 9) | st.floats(-2, 2) | st.text(max_size=3) | st.lists(st.booleans())
)
values = st.recursive(scalars, lambda inner: st.dictionaries(st.sampled_from("abc"), inner), max_leaves=8)
documents = st.dictionaries(st.sampled_from("abc"), values)


def test_mappings_are_merged_and_other_values_replaced():
    under = {"a": {"x": 1, "y": [1, 2]}, "b": "text"}
    over = {"a": {"y": [3], "z": {"deep": True}}, "c": 0}
    assert merged(under, over) == {"a": {"x": 1, "y": [3], "z": {"deep": True}}, "b": "text", "c": 0}
    assert merged(under, {"a": "now a text"})["a"] == "now a text"
    assert under == {"a": {"x": 1, "y": [1, 2]}, "b": "text"}


def test_true_differs_from_one_and_one_point_zero_does_not():
    before, after = {"a": True, "b": [True], "c": 1}, {"a": 1, "b": [1], "c": 1.0}
    assert list(changes(before, after)) == [Change(("a",), True, 1), Change(("b",), [True], [1])]


def test_added_or_removed_value_is_one_change():
    found_changes = list(changes({"a": {"x": 1}}, {"b": {"y": {"z": 2}}}))
    assert found_changes == [Change(("a",), {"x": 1}, ABSENT), Change(("b",), ABSENT, {"y": {"z": 2}})]


@given(documents, documents)
def test_applying_changes_gives_the_other_document(before, after):
    edits = list(changes(before, after))
    laid = before
    for change in edits:
        if change.after is not ABSENT:
            laid = merged(laid, nested(change.path, change.after))
    for change in edits:
        if change.after is ABSENT:
            assert value_at(laid, change.path) is not ABSENT
    if all(change.after is not ABSENT for change in edits):
        assert canonical_json(laid) == canonical_json(after)


@given(documents)
def test_leaf_is_at_its_path_and_removed_without_it(document):
    for path, value in leaves(document):
        assert value_at(document, path) == value
        if path:
            assert value_at(without(document, path), path) is ABSENT


@pytest.mark.parametrize(
    ("path", "left"),
    [
        (("a", "x"), {"a": {"y": {"z": 1}}, "b": 2}),
        (("a", "y", "z"), {"a": {"x": 0}, "b": 2}),
        (("a",), {"b": 2}),
        (("a", "nothing"), {"a": {"x": 0, "y": {"z": 1}}, "b": 2}),
    ],
)
def test_removal_leaves_no_empty_mapping(path, left):
    assert without({"a": {"x": 0, "y": {"z": 1}}, "b": 2}, path) == left
