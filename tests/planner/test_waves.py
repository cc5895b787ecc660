from __future__ import annotations

from graphlib import CycleError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagewright.planner.waves import reduction, topological, waves

CASES = {
    "nothing": ("", {}, ()),
    "one": ("a", {}, ((("a",),),)),
    "line": ("abc", {"b": "a", "c": "b"}, ((("a", "b", "c"),),)),
    "two lines are one wave": ("abcd", {"b": "a", "d": "c"}, ((("a", "b"), ("c", "d")),)),
    "diamond": ("abcd", {"b": "a", "c": "a", "d": "bc"}, ((("a",),), (("b",), ("c",)), (("d",),))),
    "a shortcut does not break a chain": ("abc", {"b": "a", "c": "ab"}, ((("a", "b", "c"),),)),
    "fork of lines": (
        "abcde",
        {"b": "a", "c": "b", "d": "a", "e": "d"},
        ((("a",),), (("b", "c"), ("d", "e"))),
    ),
    "join": ("abc", {"c": "ab"}, ((("a",), ("b",)), (("c",),))),
    "document order, not order of need": ("cab", {"c": "a", "b": "a"}, ((("a",),), (("c",), ("b",)))),
    "what is not on the plan is met": ("bc", {"b": "a", "c": "b"}, ((("b", "c"),),)),
}


@pytest.mark.parametrize("case", CASES)
def test_waves(case):
    order, dependencies, expected = CASES[case]
    assert waves(order, dependencies) == expected


def test_heavy_chain_is_cut_into_following_waves():
    weights = dict.fromkeys("abcde", 40)
    cut = waves("abcde", {"b": "a", "c": "b", "d": "c"}, weights, limit=100)
    assert cut == ((("a", "b"), ("e",)), (("c", "d"),))


def test_heavy_stage_is_not_cut():
    assert waves("ab", {"b": "a"}, {"a": 500, "b": 1}, limit=100) == ((("a",),), (("b",),))


def test_cycle_raises():
    with pytest.raises(CycleError):
        waves("ab", {"a": "b", "b": "a"})


@st.composite
def graphs(draw):
    size = draw(st.integers(0, 9))
    names = draw(st.permutations([f"s{index}" for index in range(size)]))
    edges = {
        name: draw(st.sets(st.sampled_from(names[:index]))) if index else set()
        for index, name in enumerate(names)
    }
    order = draw(st.permutations(names))
    return order, edges


@given(graphs())
def test_every_stage_runs_once_after_its_dependencies(graph):
    order, edges = graph
    result = waves(order, edges)
    at = {
        name: (wave, chain, place)
        for wave, chains in enumerate(result)
        for chain, names in enumerate(chains)
        for place, name in enumerate(names)
    }
    assert sorted(at) == sorted(order)
    assert sum(len(names) for chains in result for names in chains) == len(order)
    for name, needs in edges.items():
        for need in needs:
            same_chain = at[need][:2] == at[name][:2]
            assert at[need][0] < at[name][0] or (same_chain and at[need][2] < at[name][2])
    assert all(chains for chains in result)


@given(graphs())
def test_reduction_preserves_reachability(graph):
    order, edges = graph
    reduced = reduction(order, edges)

    def above(name, source):
        reached = set()
        for need in source[name]:
            reached |= {need} | above(need, source)
        return reached

    assert all(above(name, reduced) == above(name, edges) for name in order)
    assert set(topological(order, edges)) == set(order)
