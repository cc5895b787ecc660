"""The state machine, executed on a real engine."""

from __future__ import annotations

import json
import re
from typing import get_args

import pytest

from stagewright.planner.model import PLAN_FORMAT, Binding, Plan, StagePlan, Trigger
from stagewright.planner.pages import pages
from stagewright.stages.registry import KINDS, AnyStage

AWKWARD = {
    "quotes": "say \"hi\" and 'ho'",
    "newlines": "one\ntwo\r\tthree",
    "unicode": "Größe 房价 😀 \u2028",
    "backslashes": "C:\\temp\\$1\\n",
    "dollars": "$1 $& $$ ${x} $`",
    "tokens": "<<a.outputs.quotes>> and <<",
    "braces": "{% 1 %} }} %}",
    "empty": "",
}


def gate(stage, *conditions, bindings=(), **fields):
    """Of several conditions all must hold."""
    steps = [step for condition in conditions for step in condition] + [{"op": "and"}] * (len(conditions) - 1)
    return stage("quality", "gate", {"Gate": steps}, bindings, **fields)


def condition(left, op, right, text=""):
    values = [{"op": "value", "value": operand} for operand in (left, right)]
    return [*values, {"op": op, "text": text or f"r2 {op} limit"}]


def test_succeeded_stage_is_recorded_with_all_attributes(engine, train):
    walked = engine.walk([[[train("train")]]])
    assert (walked.status, walked.error, walked.cause) == ("SUCCEEDED", "", "")
    item = walked.items["stage#train"]
    assert item["status"] == {"S": "SUCCEEDED"}
    assert item["stage_key"] == {"S": "p#default#train"}
    assert item["attempt"] == {"N": "1"}
    assert item["inputs"] == {"S": '{"code": "x"}'}
    assert (item["fingerprint"], item["job"]) == ({"S": "f-train"}, {"S": "run-train-1"})
    assert item["started"]["S"] <= item["ended"]["S"]
    assert item["ended"]["S"].endswith("Z")
    assert len(item["ended"]["S"]) == len("2026-01-01T00:00:00.000Z")
    result = walked.result("train")
    assert result.pop("seconds") >= 0
    assert result == {
        "job": "run-train-1",
        "arn": "arn:run-train-1",
        "outputs": {},
        "model": "s3://bucket/model.tar.gz",
        "metrics": {"mae": 12.5, "r2": 0.25},
    }


def test_plan_without_waves_succeeds(engine):
    assert engine.walk([]).status == "SUCCEEDED"


def test_stages_get_values_of_earlier_waves_and_of_their_chain(engine, train):
    first = [[train("a"), train("b", ["a.metrics.mae"], AlgorithmSpecification={"mae": "<<a.metrics.mae>>"})]]
    second = [[train("c", ["a.job"], Tag="<<a.job>>")], [train("d", ["b.model"], Tag="at <<b.model>>!")]]
    third = [[train("e", ["c.job", "d.metrics.r2"], Tag="<<c.job>>", Value="<<d.metrics.r2>>")]]
    walked = engine.walk([first, second, third])
    assert walked.status == "SUCCEEDED", walked.cause
    sent = {request["TrainingJobName"]: request for request in walked.requests("createTrainingJob.sync")}
    assert sent["run-b-1"]["AlgorithmSpecification"] == {"mae": 12.5}
    assert sent["run-c-1"]["Tag"] == "run-a-1"
    assert sent["run-d-1"]["Tag"] == "at s3://bucket/model.tar.gz!"
    assert (sent["run-e-1"]["Tag"], sent["run-e-1"]["Value"]) == ("run-c-1", 0.25)
    assert list(sent)[-1] == "run-e-1"


@pytest.mark.parametrize("name", AWKWARD)
def test_special_characters_survive_in_values(engine, stage, train, name):
    source = train("a") | {"outputs": AWKWARD}
    path = f"a.outputs.{name}"
    target = train(
        "b", [path, "a.outputs.quotes"], Whole=f"<<{path}>>", Inside=f"> <<{path}>> <", Twice=[f"<<{path}>>"]
    )
    walked = engine.walk([[[source, target]]])
    assert walked.status == "SUCCEEDED", walked.cause
    request = walked.requests("createTrainingJob.sync")[1]
    value = AWKWARD[name]
    assert (request["Whole"], request["Inside"], request["Twice"]) == (value, f"> {value} <", [value])
    assert walked.result("a")["outputs"] == AWKWARD


def test_values_are_fetched_in_several_requests(engine, train):
    many = [f"s{number:03}" for number in range(130)]
    last = train("last", [f"{name}.job" for name in many], Jobs=[f"<<{name}.job>>" for name in many])
    walked = engine.walk([[[train(name)] for name in many], [[last]]])
    assert walked.status == "SUCCEEDED", walked.cause
    assert walked.requests("createTrainingJob.sync")[-1]["Jobs"] == [f"run-{name}-1" for name in many]


def test_failed_chain_lets_parallel_chains_finish_and_stops_the_next_wave(engine, train):
    bad = [train("bad-fail-x"), train("after-bad")]
    walked = engine.walk([[bad, [train("good"), train("after-good")]], [[train("late")]]])
    assert (walked.status, walked.error) == ("FAILED", "Stagewright.StageFailed")
    reason = 'AlgorithmError: ExecuteUserScriptError: "boom" in C:\\data\nexit code 1 é'
    assert walked.cause == f"bad-fail-x: {reason}"
    item = walked.items["stage#bad-fail-x"]
    assert (item["status"]["S"], item["error"]["S"], item["cause"]["S"]) == (
        "FAILED",
        "States.TaskFailed",
        reason,
    )
    assert item["job"]["S"] == "run-bad-fail-x-1"
    assert item["stage_key"] == {"S": "p#default#bad-fail-x#unsuccessful"}
    assert "result" not in item
    ended = {key for key, item in walked.items.items() if item.get("status", {}).get("S") == "SUCCEEDED"}
    assert ended == {"stage#good", "stage#after-good"}
    assert not {"stage#after-bad", "stage#late"} & set(walked.items)


def test_cause_counts_all_failures(engine, train):
    walked = engine.walk([{"0-0": [[train("one-fail-x")]], "0-1": [[train("two-fail-x")], [train("good")]]}])
    assert walked.cause.startswith("one-fail-x: AlgorithmError")
    assert walked.cause.endswith("(and 1 more failed)")
    assert walked.items["stage#two-fail-x"]["status"]["S"] == "FAILED"


def test_used_up_quota_is_retried(engine, train):
    walked = engine.walk([[[train("a-quota-x")]]])
    assert walked.status == "SUCCEEDED", walked.cause
    assert len(walked.requests("createTrainingJob.sync")) == 3


def test_stopped_job_is_reported_as_stopped(engine, train):
    assert engine.walk([[[train("a-stop-x")]]]).cause == "a-stop-x: the job was stopped"


def test_failed_job_is_not_started_again(engine, train):
    assert len(engine.walk([[[train("a-fail-x")]]]).requests("createTrainingJob.sync")) == 1


def test_missing_value_is_named(engine, train):
    walked = engine.walk([[[train("a"), train("b", ["a.metrics.rmse"], X="<<a.metrics.rmse>>")]]])
    assert walked.cause == "b: a has no metrics.rmse"
    assert len(walked.requests("createTrainingJob.sync")) == 1


def test_metrics_are_the_numbers_of_the_file(engine, stage, train):
    engine.s3.put_object(
        Bucket="bucket", Key="m.json", Body=b'{"r2": 0.91, "n": 3, "note": "x", "per": {"a": 1}, "ok": true}'
    )
    request = {"CreateProcessingJob": {"ProcessingJobName": "run-evaluate-1"}}
    evaluate = stage("evaluate", "processing", request, metrics={"bucket": "bucket", "key": "m.json"})
    walked = engine.walk([[[evaluate]]])
    assert walked.status == "SUCCEEDED", walked.cause
    assert walked.result("evaluate")["metrics"] == {"r2": 0.91, "n": 3}


@pytest.mark.parametrize(
    ("key", "body", "told"),
    [
        ("absent.json", None, " was not written by the job"),
        ("list.json", b"[1]", " is not a JSON object"),
        ("broken.json", b"{", ""),
        ("long.json", b'{"r2": 0.9, "note": "' + b"x" * 65_536 + b'"}', " is larger than 64 KiB"),
    ],
)
def test_unusable_metrics_file_fails_the_stage(engine, stage, key, body, told):
    if body is not None:
        engine.s3.put_object(Bucket="bucket", Key=key, Body=body)
    request = {"CreateProcessingJob": {"ProcessingJobName": "run-evaluate-1"}}
    walked = engine.walk(
        [[[stage("evaluate", "processing", request, metrics={"bucket": "bucket", "key": key})]]]
    )
    assert walked.error == "Stagewright.StageFailed"
    assert f"metrics file s3://bucket/{key}" in walked.cause
    assert told in walked.cause


def test_processing_without_metrics_reads_no_file(engine, stage):
    request = {"CreateProcessingJob": {"ProcessingJobName": "run-prepare-1"}}
    walked = engine.walk([[[stage("prepare", "processing", request, outputs={"train": "s3://b/t/"})]]])
    result = walked.result("prepare")
    assert (result["job"], result["outputs"]) == ("run-prepare-1", {"train": "s3://b/t/"})
    assert "metrics" not in result


@pytest.mark.parametrize(
    ("left", "op", "right"),
    [
        ("<<train.metrics.r2>>", ">=", 0.25),
        ("<<train.metrics.r2>>", "<", "<<train.metrics.mae>>"),
        ("a", "==", "a"),
        (1, "!=", 2),
        ("<<train.metrics.mae>>", ">", 12),
        (3, "<=", 3),
    ],
)
def test_open_gate_continues_the_chain(engine, stage, train, left, op, right):
    check = gate(stage, condition(left, op, right), bindings=["train.metrics.r2", "train.metrics.mae"])
    walked = engine.walk([[[train("train"), check, train("after")]]])
    assert walked.status == "SUCCEEDED", walked.cause
    assert walked.items["stage#quality"]["status"]["S"] == "SUCCEEDED"
    assert "stage#after" in walked.items


@pytest.mark.parametrize(
    ("left", "op", "right", "told"),
    [
        ("<<train.metrics.r2>>", ">=", 0.88, "r2 >= limit does not hold: 0.25 >= 0.88"),
        ("<<train.metrics.f1>>", ">=", 0.88, "train has no metrics.f1 that is a number"),
        (0.88, "<", "<<train.metrics.f1>>", "train has no metrics.f1 that is a number"),
        ("high", ">=", 0.88, "r2 >= limit does not hold: high >= 0.88"),
        (1, "==", 2, "r2 == limit does not hold: 1 == 2"),
        (1, "!=", 1, "r2 != limit does not hold: 1 != 1"),
        (1, "~", 1, "r2 ~ limit does not hold: 1 ~ 1"),
        (
            0.1 + 0.2,
            "==",
            0.3,
            "r2 == limit does not hold: 0.3 == 0.3 (they differ by 5.55111512312578e-17)",
        ),
    ],
)
def test_closed_gate_fails_the_run_with_its_condition(engine, stage, train, left, op, right, told):
    check = gate(stage, condition(left, op, right), bindings=["train.metrics.r2", "train.metrics.f1"])
    walked = engine.walk([[[train("train"), check, train("after")], [train("sibling")]]])
    assert (walked.status, walked.cause) == ("FAILED", f"quality: {told}")
    item = walked.items["stage#quality"]
    assert (item["status"]["S"], item["error"]["S"]) == ("FAILED", "Stagewright.GateClosed")
    assert item["cause"]["S"] == told
    assert "stage#after" not in walked.items
    assert "stage#sibling" in walked.items


def test_every_failed_condition_is_reported(engine, stage):
    check = gate(stage, condition(1, ">=", 2), condition(1, "<", 2), condition(3, "<", 2))
    assert engine.walk([[[check]]]).cause == (
        "quality: r2 >= limit does not hold: 1 >= 2; r2 < limit does not hold: 3 < 2"
    )


def test_gate_compares_all_digits(engine, stage, train):
    source = train("a") | {"outputs": {"x": 0.8799999999999999}}
    check = gate(stage, condition("<<a.outputs.x>>", ">=", 0.88), bindings=["a.outputs.x"])
    assert engine.walk([[[source, check]]]).error == "Stagewright.StageFailed"


def arithmetic(left, op, right):
    return [*left, *right, {"op": op, "text": f"what {op} gives"}]


def test_gate_computes_and_combines_conditions(engine, stage, train):
    """2 * mae - 1 > 24 and (r2 > 1 or mae / r2 == 50)"""
    value = lambda operand: [{"op": "value", "value": operand}]  # noqa: E731
    mae, r2 = value("<<train.metrics.mae>>"), value("<<train.metrics.r2>>")
    computed = arithmetic(arithmetic(value(2), "*", mae), "-", value(1))
    steps = [
        *computed, *value(24), {"op": ">=", "text": "x"},
        *r2, *value(1), {"op": ">", "text": "y"},
        *arithmetic(mae, "/", r2), *value(50), {"op": "==", "text": "z"},
        {"op": "or"}, {"op": "and"},
    ]  # fmt: skip
    check = stage("quality", "gate", {"Gate": steps}, ["train.metrics.r2", "train.metrics.mae"])
    walked = engine.walk([[[train("train"), check]]])
    assert walked.status == "SUCCEEDED", walked.cause


def test_only_conditions_that_close_the_gate_are_reported(engine, stage):
    shut, other, through = condition(1, ">", 2), condition(3, ">", 4), condition(1, "<", 2)
    steps = [*shut, *through, {"op": "or"}, *other, *shut, {"op": "or"}, {"op": "and"}]
    assert engine.walk([[[stage("quality", "gate", {"Gate": steps})]]]).cause == (
        "quality: r2 > limit does not hold: 3 > 4; r2 > limit does not hold: 1 > 2"
    )


def test_division_by_zero_closes_a_gate(engine, stage):
    zero = arithmetic([{"op": "value", "value": 1}], "/", [{"op": "value", "value": 0}])
    steps = [*zero, {"op": "value", "value": 5}, {"op": "<", "text": "x"}]
    assert engine.walk([[[stage("q", "gate", {"Gate": steps})]]]).cause == "q: what / gives divides by zero"


def shut_gate(stage, otherwise):
    return gate(stage, condition(1, ">", 2)) | {"else": otherwise}


CAUSE = "r2 > limit does not hold: 1 > 2"


def test_skip_leaves_out_only_stages_that_depend_on_the_gate(engine, stage, train):
    waves = [
        [[shut_gate(stage, "skip"), train("in-chain")], [train("beside"), train("after-beside")]],
        [
            [train("shut-out") | {"gates": ["quality"]}, train("behind") | {"gates": ["quality"]}],
            [train("free")],
        ],
        [[train("last") | {"gates": ["other", "quality"]}], [train("open") | {"gates": ["other"]}]],
    ]
    walked = engine.walk(waves)
    assert walked.status == "SUCCEEDED", walked.cause
    assert walked.ran() == {"beside", "after-beside", "free", "open"}
    item = walked.items["stage#quality"]
    assert (item["status"]["S"], item["cause"]["S"]) == ("CLOSED", CAUSE)
    assert item["stage_key"] == {"S": "p#default#quality#unsuccessful"}
    assert "result" not in item
    assert walked.output["reason"] == f"skipped the stages that depend on gate quality: {CAUSE}"


def test_stop_starts_no_more_stages(engine, stage, train):
    watching = {"watch": ["quality"]}
    waves = [
        [[shut_gate(stage, "stop"), train("in-chain")], [train("slow-x"), train("next") | watching]],
        [[train("later")]],
    ]
    walked = engine.walk(waves)
    assert walked.status == "SUCCEEDED", walked.cause
    assert walked.ran() == {"slow-x"}
    assert walked.output["reason"] == f"stopped by gate quality: {CAUSE}"


def test_stop_has_precedence_over_an_earlier_skip(engine, stage, train):
    first = shut_gate(stage, "skip")
    second = shut_gate(stage, "stop") | {"name": "second"}
    walked = engine.walk([[[first]], [[second]], [[train("never")]]])
    assert walked.output["reason"] == f"stopped by gate second: {CAUSE}"
    assert walked.ran() == set()


def test_open_gate_stops_nothing(engine, stage, train):
    watching = {"watch": ["quality"], "gates": ["quality"]}
    through = gate(stage, condition(1, "<", 2)) | {"else": "stop"}
    walked = engine.walk(
        [[[through], [train("slow-x") | {"watch": ["quality"]}]], [[train("on") | watching]]]
    )
    assert walked.ran() == {"slow-x", "on"}
    assert walked.output == {"run": walked.output["run"]}


def test_failure_in_parallel_to_a_closed_gate_fails_the_run(engine, stage, train):
    walked = engine.walk([[[shut_gate(stage, "stop")], [train("bad-fail-x")]]])
    assert walked.error == "Stagewright.StageFailed"
    assert walked.cause.startswith("bad-fail-x: ")


def tried(train, name, attempts=3):
    """As plan/pages.py writes it: what is named, with the attempt open."""
    named = {
        "job": f"run-{name}-<<attempt>>",
        "outputs": {"o": f"s3://b/{name}/<<attempt>>/o"},
        "metrics": {},
    }
    first = {"job": f"run-{name}-1", "outputs": {"o": f"s3://b/{name}/1/o"}}
    retry = {"attempts": attempts, "wait": 30, "named": json.dumps(named)}
    return train(name, TrainingJobName=f"run-{name}-<<attempt>>") | first | {"retry": retry}


def test_retried_stage_starts_and_records_a_job_per_attempt(engine, train):
    walked = engine.walk(
        [[[tried(train, "twice-x"), train("after", ["twice-x.outputs.o"], O="<<twice-x.outputs.o>>")]]]
    )
    assert walked.status == "SUCCEEDED", walked.cause
    sent = walked.requests("createTrainingJob.sync")
    assert [request["TrainingJobName"] for request in sent] == [
        "run-twice-x-1",
        "run-twice-x-2",
        "run-after-1",
    ]
    assert sent[-1]["O"] == "s3://b/twice-x/2/o"
    first, last = walked.items["attempt#twice-x#01"], walked.items["stage#twice-x"]
    assert (first["job"]["S"], first["cause"]["S"]) == ("run-twice-x-1", "the first attempt fails")
    assert first["started"]["S"] <= first["ended"]["S"] <= last["started"]["S"]
    assert (last["job"]["S"], last["attempt"]["N"], last["status"]["S"]) == (
        "run-twice-x-2",
        "2",
        "SUCCEEDED",
    )
    assert walked.result("twice-x")["outputs"] == {"o": "s3://b/twice-x/2/o"}
    assert walked.entered("Wait") == 1


def test_last_attempt_fails_the_run(engine, train):
    walked = engine.walk([[[tried(train, "bad-fail-x", attempts=2), train("never")]]])
    assert walked.error == "Stagewright.StageFailed"
    assert len(walked.requests("createTrainingJob.sync")) == 2
    assert walked.items["stage#bad-fail-x"]["attempt"]["N"] == "2"
    assert [key for key in walked.items if key.startswith("attempt#")] == ["attempt#bad-fail-x#01"]


@pytest.mark.parametrize("name", ["a-stop-x", "a-refused-x"])
def test_permanent_errors_are_not_retried(engine, train, name):
    walked = engine.walk([[[tried(train, name)]]])
    assert walked.error == "Stagewright.StageFailed"
    assert walked.items[f"stage#{name}"]["attempt"]["N"] == "1"
    assert not [key for key in walked.items if key.startswith("attempt#")]


def test_closed_gate_is_not_retried(engine, stage):
    retry = {"attempts": 3, "wait": 30, "named": "{}"}
    walked = engine.walk([[[gate(stage, condition(1, ">", 2)) | {"retry": retry}]]])
    assert walked.cause == f"quality: {CAUSE}"
    assert not [key for key in walked.items if key.startswith("attempt#")]


def register(stage, group):
    container = {"Image": "i", "ModelDataUrl": "<<train.model>>"}
    package = {"ModelPackageGroupName": group, "InferenceSpecification": {"Containers": [container]}}
    requests = {"CreateModelPackageGroup": {"ModelPackageGroupName": group}, "CreateModelPackage": package}
    requests["Copy"] = {"Bucket": "bucket", "Key": f"models/prices/{group}/model.tar.gz"}
    return stage("register", "register", requests, ["train.model"])


def test_group_is_created_once_and_each_run_adds_a_package(engine, stage, train):
    chain = [train("train"), register(stage, "prices")]
    walked = [engine.walk([[chain]]), engine.walk([[chain]])]
    assert [run.status for run in walked] == ["SUCCEEDED", "SUCCEEDED"]
    assert [len(run.requests("createModelPackageGroup")) for run in walked] == [1, 0]
    assert walked[1].result("register")["package"] == "arn:prices/1"


def test_group_created_by_another_run_is_used(engine, stage, train):
    assert engine.walk([[[train("train"), register(stage, "raced")]]]).status == "SUCCEEDED"


def test_failed_package_reports_its_reason(engine, stage, train):
    walked = engine.walk([[[train("train"), register(stage, "bad")]]])
    assert walked.cause == "register: model package arn:bad/1 is Failed: no such image"


def test_unknown_kind_fails_the_stage(engine, stage, train):
    walked = engine.walk([[[stage("x", "teleport", {})], [train("sibling")]]])
    assert walked.cause == "x: this state machine does not know the kind teleport"
    assert walked.items["stage#x"]["error"]["S"] == "Stagewright.UnknownKind"
    assert "stage#sibling" in walked.items


def test_missing_plan_fails_the_run(engine):
    walked = engine.walk([], plan_stored=False)
    assert walked.error == "Stagewright.PlanFailed"
    assert re.search("plan [0-9a-f]{32}-d1 of run run-", walked.cause)
    assert "is not in the table" in walked.cause


def test_plan_of_another_format_fails_the_run(engine):
    walked = engine.walk([], format=PLAN_FORMAT + 1)
    assert walked.error == "Stagewright.PlanFailed"
    assert f"reads plans of format {PLAN_FORMAT}, not {PLAN_FORMAT + 1}" in walked.cause


def test_missing_page_fails_the_run(engine, train):
    walked = engine.walk([[[train("a")]]], pages_stored=False)
    assert walked.error == "Stagewright.StageFailed"
    assert walked.cause.startswith("page 0-0-")
    assert "is not in the table" in walked.cause


def test_page_that_was_changed_in_the_table_does_not_run(engine, train):
    walked = engine.walk([[[train("a")]]], edit_page=lambda text: text.replace("}", ' , "x": 1}', 1))
    assert walked.error == "Stagewright.StageFailed"
    assert "was changed in the table" in walked.cause
    assert walked.calls == []
    assert "stage#a" not in walked.items


@pytest.mark.parametrize("listed", ["[]", '[["0-0"], ["0-0"]]', "x"])
def test_list_of_pages_that_was_changed_in_the_table_does_not_run(engine, train, listed):
    walked = engine.walk([[[train("a")]]], edit_plan=lambda _: listed)
    assert walked.error == "Stagewright.PlanFailed"
    assert "was changed in the table" in walked.cause
    assert walked.calls == []


def test_long_cause_is_cut(engine, stage):
    walked = engine.walk([[[gate(stage, condition(1, ">", 2, "x" * 9000))]]])
    assert len(walked.items["stage#quality"]["cause"]["S"]) == 4000
    assert len(walked.cause) == len("quality: ") + 400


def test_state_machine_has_every_kind_of_the_document():
    union = get_args(AnyStage)[0]
    kinds = {get_args(model.model_fields["kind"].annotation)[0] for model in get_args(union)}
    assert KINDS.keys() == kinds


def test_walker_reads_pages_of_the_planner(engine):
    """The page comes from plan/pages.py, not from this test."""
    job = {"CreateTrainingJob": {"TrainingJobName": "job-a", "Tags": []}}
    bound = {"CreateTrainingJob": {"TrainingJobName": "job-b", "Of": "<<a.model>>"}}
    closed = {"Gate": condition("<<a.metrics.r2>>", ">", 1, "r2 > 1")}
    stages = (
        StagePlan("a", "training", "run", "", "f", {"image": "x"}, "job-a", 60, job),
        StagePlan(
            "b", "training", "run", "", "f", {}, "job-b", 60, bound, (Binding("<<a.model>>", ("a", "model")),)
        ),
        StagePlan(
            "c",
            "gate",
            "run",
            "",
            requests=closed,
            bindings=(Binding("<<a.metrics.r2>>", ("a", "metrics", "r2")),),
        ),
    )
    plan = Plan(
        "run", "p", "default", Trigger("code", "k", "t"), "r", 1, stages, ((("a",),), (("b",), ("c",)))
    )
    waves = [{page.name: json.loads(page.chains_json) for page in wave} for wave in pages(plan)]
    walked = engine.walk(waves)
    assert walked.cause == "c: r2 > 1 does not hold: 0.25 > 1"
    assert walked.requests("createTrainingJob.sync")[1] == {
        "TrainingJobName": "job-b",
        "Of": "s3://bucket/model.tar.gz",
    }
    assert walked.items["stage#a"]["inputs"] == {"S": '{"image":"x"}'}
    assert walked.items["stage#b"]["stage_key"] == {"S": "p#default#b"}


def history_events(walked) -> int:
    """See the table in walker.py."""
    return len(walked.events)


def test_history_events_of_independent_stages(engine, train):
    base = history_events(engine.walk([[[train("a")]]]))
    many = history_events(engine.walk([[[train(f"s{number}")] for number in range(41)]]))
    assert (many - base) / 40 == 17


def test_history_events_of_a_chain(engine, train):
    base = history_events(engine.walk([[[train("s0")]]]))
    chain = [train("s0"), *(train(f"s{n}", [f"s{n - 1}.job"], X=f"<<s{n - 1}.job>>") for n in range(1, 41))]
    assert (history_events(engine.walk([[chain]])) - base) / 40 == 15


def test_history_events_of_an_attempt_and_of_reading_gates(engine, stage, train):
    once = history_events(engine.walk([[[train("a")]]]))
    assert history_events(engine.walk([[[tried(train, "twice-x")]]])) - once == 17
    watching = engine.walk([[[train("b") | {"watch": ["quality"], "gates": ["quality"]}]]])
    assert history_events(watching) - once == 7
    shut = engine.walk(
        [[[shut_gate(stage, "skip")]], [[train(f"s{n}") | {"gates": ["quality"]} for n in range(9)]]]
    )
    alone = engine.walk([[[shut_gate(stage, "skip")]], [[train("s") | {"gates": ["quality"]}]]])
    assert history_events(shut) == history_events(alone)


def test_output_of_waves_does_not_grow_with_succeeded_stages(engine, train):
    """The output of a state is limited to 256 KiB, so results stay in the table."""
    walked = engine.walk([[[train(f"s{number}")] for number in range(60)]])
    assert walked.status == "SUCCEEDED"
    outputs = [
        event["stateExitedEventDetails"]
        for event in reversed(walked.events)
        if "stateExitedEventDetails" in event
    ]
    assert json.loads(next(out["output"] for out in outputs if out["name"] == "Wave")) == {
        "waves": [],
        "failures": 0,
        "fatal": False,
        "lost": [],
    }
