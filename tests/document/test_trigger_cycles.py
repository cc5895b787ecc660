from __future__ import annotations

import pytest

from stagewright.document.trigger_cycles import cycle_findings


def document(name, *upstreams):
    triggers = [{"type": "code"}, *({"type": "upstream", "pipeline": name} for name in upstreams)]
    return {"name": name, "triggers": triggers}


@pytest.mark.parametrize(
    ("before", "chain"),
    [
        ({"b": ["a"]}, "a -> b -> a"),
        ({"b": ["c"], "c": ["d", "a"], "d": []}, "a -> c -> b -> a"),
        ({"b": ["c"], "c": ["b", "a"]}, "a -> c -> b -> a"),
    ],
)
def test_cycle_is_named_in_the_order_of_its_runs(before, chain):
    (reported,) = cycle_findings(document("a", "b"), lambda name: before.get(name, ()))
    assert reported.path == ("triggers", 1, "pipeline")
    assert reported.message == f"upstream triggers form a cycle: {chain}"


def test_cycle_of_other_pipelines_is_ignored():
    before = {"b": ["c", "d"], "c": ["d"], "d": ["b"]}  # a cycle of other pipelines
    assert list(cycle_findings(document("a", "b", "c", "a"), lambda name: before.get(name, ()))) == []


@pytest.mark.parametrize("triggers", [None, "upstream", [None], [{"type": "upstream"}]])
def test_invalid_document_has_no_cycle(triggers):
    assert list(cycle_findings({"name": "a", "triggers": triggers}, lambda _: ["b"])) == []
