from __future__ import annotations

import json

import pytest

from stagewright.errors import PlanError
from stagewright.planner.model import Binding, Plan, StagePlan, Trigger
from stagewright.planner.pages import LIMIT, checksum, pages
from stagewright.planner.planner import plan


def of_size(name, size):
    return StagePlan(name, "gate", "run", "", inputs={"a": "ü" * (size // 2)})


def a_plan(stages, waves):
    return Plan(
        "r", "p", "default", Trigger("manual", "k", "2026-01-31T00:00:00Z"), "", 1, tuple(stages), waves
    )


def test_stage_json_is_what_the_state_machine_reads(house):
    made = plan(house.changed(), house.trigger(), house.recorded())
    ((page,),) = pages(made)
    assert page.name == f"0-0-{checksum(page.chains_json)}"
    ((*_, evaluate, quality, _, _),) = json.loads(page.chains_json)
    planned = made.stage("evaluate")
    assert json.loads(evaluate.pop("inputs")) == planned.inputs
    assert {op: json.loads(text) for op, text in evaluate.pop("requests").items()} == planned.requests
    assert evaluate == {
        "name": "evaluate",
        "kind": "processing",
        "job": planned.job,
        "fingerprint": planned.fingerprint,
        "stage_key": "house-price#2026-01-31#evaluate",
        "attempt": 1,
        "timeout": 4200,
        "outputs": planned.outputs,
        "metrics": {"bucket": "bucket", "key": f"runs/house-price/{made.run}/evaluate/report/metrics.json"},
        "bindings": [{"token": "<<train.model>>", "path": ["train", "model"]}],
    }
    assert '{"op":"value","value":"<<evaluate.metrics.r2>>"}' in quality["requests"]["Gate"]


def test_quoted_tokens_survive_serialization():
    stage = StagePlan(
        "a",
        "gate",
        "run",
        "",
        requests={"X": {"a": "<<b.job>>"}},
        bindings=(Binding("<<b.job>>", ("b", "job")),),
    )
    ((page,),) = pages(a_plan([stage], ((("a",),),)))
    ((read,),) = json.loads(page.chains_json)
    assert '"<<b.job>>"' in read["requests"]["X"]


def test_chains_are_packed_in_order_below_the_limit():
    stages = [of_size(f"s{number}", 40_000) for number in range(8)]
    made = a_plan(stages, ((("s0", "s1"), ("s2",), ("s3", "s4"), ("s5",)), (("s6",), ("s7",))))
    first, second = pages(made)
    assert [page.name.rpartition("-")[0] for page in first] == ["0-0", "0-1"]
    assert [page.name.rpartition("-")[0] for page in second] == ["1-0"]
    names = [[[stage["name"] for stage in chain] for chain in json.loads(page.chains_json)] for page in first]
    assert names == [[["s0", "s1"], ["s2"]], [["s3", "s4"], ["s5"]]]
    assert all(len(page.chains_json.encode()) <= LIMIT for page in (*first, *second))


def test_page_may_have_exactly_the_limit():
    size = len(pages(a_plan([of_size("a", 0)], ((("a",),),)))[0][0].chains_json)
    full = StagePlan("a", "gate", "run", "", inputs={"a": "x" * (LIMIT - size)})
    assert len(pages(a_plan([full], ((("a",),),)))[0][0].chains_json) == LIMIT
    over = StagePlan("a", "gate", "run", "", inputs={"a": "x" * (LIMIT - size + 1)})
    with pytest.raises(PlanError, match=r"stages\.a: "):
        pages(a_plan([over], ((("a",),),)))


def test_plan_without_running_stages_has_no_pages():
    assert pages(a_plan([], ())) == ()


def test_long_chain_is_cut(house):
    document = json.loads(json.dumps(house.DOCUMENT))
    gate = {"kind": "gate", "require": "1 >= 0"}
    document["stages"] = {
        f"s{number:03}": {
            "kind": "processing",
            "code": "prepare.py",
            "arguments": ["x" * 200] * 10,
            "after": [f"s{number - 1:03}"] if number else [],
        }
        for number in range(60)
    } | {"last": gate | {"after": ["s059"]}}
    from stagewright.document.load import load

    made = plan(load(document), house.trigger(), house.recorded())
    assert len(made.waves) > 1
    assert [name for ((*chain,),) in made.waves for name in chain] == list(document["stages"])
    packed = pages(made)
    assert len(packed) == len(made.waves)
    assert all(len(page.chains_json.encode()) <= LIMIT for wave in packed for page in wave)
