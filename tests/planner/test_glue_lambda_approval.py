"""Requests and reuse of lambda, glue and approval stages."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stagewright.errors import PlanError
from stagewright.planner.planner import plan
from stagewright.stages.base.usage import Use

GLUE = {
    "kind": "glue",
    "code": "prepare.py",
    "include": ["lib/clean.py"],
    "inputs": {"train": "${stages.prepare.outputs.train}"},
    "outputs": ["made"],
    "arguments": {"rate": "${parameters.min_r2}", "warm": "true"},
    "metrics_file": "made/metrics.json",
    "max_runtime_seconds": 61,
}
ASK = {"kind": "approval", "message": "${parameters.min_r2}?", "package": "${stages.register.package}"}
CALL = {
    "kind": "lambda",
    "function": "notify",
    "payload": {"r2": "${stages.evaluate.metrics.r2}", "n": [1, "${parameters.trees}"], "ok": True},
}


def planned(house, stage, results=None, time="2026-01-31T14:00:00.000Z", key="code:house-price:1"):
    pipeline = house.changed("stages.extra", stage)
    return plan(pipeline, house.trigger(key, time), house.recorded(results))


def test_glue_stage_starts_a_job_run(house):
    made = planned(house, GLUE)
    stage = made.stage("extra")
    outputs = f"s3://bucket/runs/house-price/{made.run}/extra"
    request = stage.requests["StartJobRun"]
    code = request["Arguments"]["--scriptLocation"].removesuffix("/files/prepare.py")
    assert code.startswith("s3://bucket/code/house-price/")
    assert request == {
        "JobName": "stagewright-local-pythonshell",
        "Arguments": {
            "--scriptLocation": f"{code}/files/prepare.py",
            "--extra-py-files": f"{code}/files/lib/clean.py",
            "--train": f"s3://bucket/runs/house-price/{made.run}/prepare/train/",
            "--made": f"{outputs}/made",
            "--rate": "0.88",
            "--warm": "true",
            "--stagewright-job": stage.job,
        },
        "Timeout": 2,
    }
    assert stage.timeout == 120 + 600
    assert stage.outputs == {"made": f"{outputs}/made"}
    assert stage.metrics["key"].endswith("/extra/made/metrics.json")
    assert stage.bundle == ("lib/clean.py", "prepare.py")
    assert stage.uses == (Use("glue job run", "glue.pythonshell-small", 1, 120 / 3600),)


@pytest.mark.parametrize(
    ("fields", "capacity"),
    [
        ({"capacity": "large"}, {"MaxCapacity": 1.0}),
        ({"type": "spark"}, {"WorkerType": "G.1X", "NumberOfWorkers": 2}),
        (
            {"type": "spark", "workers": 5, "worker_type": "G.2X"},
            {"WorkerType": "G.2X", "NumberOfWorkers": 5},
        ),
        ({"type": "spark", "job": "mine"}, {}),
        ({"type": "spark", "job": "mine", "workers": 9}, {"WorkerType": "G.1X", "NumberOfWorkers": 9}),
        ({"job": "mine"}, {}),
    ],
)
def test_glue_capacity_is_in_the_request(house, fields, capacity):
    request = planned(house, {**GLUE, **fields}).stage("extra").requests["StartJobRun"]
    known = ("MaxCapacity", "WorkerType", "NumberOfWorkers")
    assert {name: request[name] for name in known if name in request} == capacity
    name = f"stagewright-local-{fields.get('type', 'pythonshell')}"
    assert request["JobName"] == fields.get("job", name)


def test_glue_request_is_merged_and_checked(house):
    merged = planned(house, {**GLUE, "request": {"ExecutionClass": "STANDARD"}})
    assert merged.stage("extra").requests["StartJobRun"]["ExecutionClass"] == "STANDARD"
    for request, message in (
        ({"ExecutionClass": "CHEAP"}, "is not a value that AWS accepts"),
        ({"Tags": {}}, "AWS has no such field"),
        ({"JobRunQueuingEnabled": True}, "integration does not accept"),
    ):
        with pytest.raises(PlanError, match=message):
            planned(house, {**GLUE, "request": request})


def test_function_receives_only_its_payload(house):
    stage = planned(house, CALL).stage("extra")
    payload = {"r2": "<<evaluate.metrics.r2>>", "n": [1, 300], "ok": True}
    assert stage.requests == {"Invoke": {"FunctionName": "notify", "Payload": payload}}
    assert [(each.token, each.path) for each in stage.bindings] == [
        ("<<evaluate.metrics.r2>>", ("evaluate", "metrics", "r2"))
    ]
    assert stage.timeout == 300


def test_approval_stage_has_message_and_package(house):
    stage = planned(house, ASK).stage("extra")
    package = "<<register.package>>"
    assert stage.requests == {
        "Approval": {"message": "0.88?", "package": package},
        "DescribeModelPackage": {"ModelPackageName": package},
    }
    assert stage.timeout == 7 * 86_400
    plain = planned(house, {"kind": "approval", "after": ["quality"], "timeout": "90m"}).stage("extra")
    assert plain.requests == {"Approval": {"message": "", "package": ""}}
    assert plain.timeout == 5_400


def test_approval_is_reused_only_for_the_same_package(house):
    first = planned(house, ASK)
    results = house.results_of(first)
    again = planned(house, ASK, results, key="code:house-price:2").stage("extra")
    assert (again.action, again.reused_from) == ("reuse", first.run)
    longer = planned(house, {**ASK, "timeout": "30d"}, results, key="code:house-price:2").stage("extra")
    assert longer.action == "reuse"
    other = planned(house, {**ASK, "message": "really?"}, results, key="code:house-price:2").stage("extra")
    assert (other.action, other.reason) == ("run", "extra: message 0.88? -> really?")
    gone = {name: good for name, good in results.items() if name != "register"}
    assert planned(house, ASK, gone, key="code:house-price:2").stage("extra").action == "run"


def test_reason_names_changed_payload_and_argument(house):
    for stage, change, reason in (
        (CALL, {"payload": {"r2": 1}}, "payload.n.0 1 is gone"),
        (GLUE, {"arguments": {"rate": "0.75", "warm": "true"}}, "arguments.rate 0.88 -> 0.75"),
        (GLUE, {"capacity": "large"}, "capacity is new (1.0)"),
    ):
        results = house.results_of(planned(house, stage))
        again = planned(house, {**stage, **change}, results, key="code:house-price:2").stage("extra")
        assert again.action == "run"
        assert reason in again.reason
    release = house.release(lib__clean_py="changed")
    recorded = house.recorded(house.results_of(planned(house, GLUE)))
    again = plan(house.changed("stages.extra", GLUE), house.trigger("k"), replace(recorded, release=release))
    assert "code lib/clean.py changed" in again.stage("extra").reason
