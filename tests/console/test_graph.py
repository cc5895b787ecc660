"""Where stages stand in the graph of a run."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from stagewright.console.graph import HEIGHT, MOST_IN_COLUMN, WIDTH, graph_of
from stagewright.runs.history.records import StageRecord


def stage(name, kind="training", status="SUCCEEDED"):
    return StageRecord(name, kind, "run", "first run", status)


def columns(graph):
    return {each.name: box.x for box in graph.boxes for each in box.stages}


def test_stage_stands_right_of_what_it_depends_on():
    needs = {"b": frozenset("a"), "c": frozenset("ab"), "d": frozenset()}
    graph = graph_of([stage(name) for name in "abcd"], needs)
    x = columns(graph)
    assert x["a"] == x["d"] < x["b"] < x["c"]
    assert len(graph.lines) == 3


@st.composite
def pipelines(draw):
    names = [f"s{number}" for number in range(draw(st.integers(1, 30)))]
    return {
        name: frozenset(draw(st.sets(st.sampled_from(names[:number]), max_size=4))) if number else frozenset()
        for number, name in enumerate(names)
    }


@given(pipelines())
def test_boxes_do_not_overlap_and_lines_lead_to_the_right(needs):
    graph = graph_of([stage(name) for name in needs], needs)
    x = columns(graph)
    assert x.keys() == needs.keys()
    assert all(x[need] + WIDTH < x[name] for name, stages in needs.items() for need in stages)
    for one, other in combinations(graph.boxes, 2):
        assert one.x != other.x or abs(one.y - other.y) > HEIGHT
    assert all(box.x + WIDTH <= graph.width and box.y + HEIGHT <= graph.height for box in graph.boxes)


def test_many_stages_of_a_column_share_a_box_of_each_kind_and_status():
    many = [stage(f"t{number}") for number in range(1000)] + [stage("late", status="FAILED")]
    graph = graph_of([stage("first"), *many], {each.name: frozenset({"first"}) for each in many})
    assert sorted(box.title for box in graph.boxes) == ["1000 training st…", "first", "late"]
    assert len(graph.lines) == 2
    assert len(many) > MOST_IN_COLUMN


def test_instances_of_a_list_share_a_box():
    many = [stage(f"{name}/{number}") for name in ("fit", "check") for number in range(20)]
    assert sorted(box.title for box in graph_of(many, {}).boxes) == ["20 check", "20 fit"]


def test_long_name_is_shortened_and_whole_in_the_tooltip():
    (box,) = graph_of([stage("a" * 40)], {}).boxes
    assert box.title == "a" * 16 + "…"
    assert "a" * 40 in box.tooltip
