"""Whole runs take the same path on both engines: waves, pages, chains, attempts, endpoints and rollback."""

from __future__ import annotations

import json

import pytest
from tests.fidelity.alone import machine
from tests.fidelity.comparison import Compared, compared, parsed, report
from tests.support.state_machine import make_stage

from stagewright.planner.model import PLAN_FORMAT
from stagewright.planner.pages import checksum

pytestmark = pytest.mark.slow
MODEL = {"ModelArtifacts": {"S3ModelArtifacts": "s3://b/m.tar.gz"}}
METRICS = {"FinalMetricDataList": [{"MetricName": "r2", "Value": 0.25, "Timestamp": 1}]}
PACKAGE = {"ModelPackageArn": "arn:p/1", "ModelApprovalStatus": "Approved"}
PENDING = {**PACKAGE, "ModelPackageStatus": "Pending"}
FAILED = {"Error": "States.TaskFailed", "Cause": json.dumps({"FailureReason": 'a "quoted" é reason'})}
MISSING = {"Error": "SageMaker.SageMakerException", "Cause": "x does not exist. Could not find endpoint"}
ANSWERS = {
    "Run processing": {},
    "Run measured processing": {},
    "Read metrics": {"Body": '{"rmse": 1.5}'},
    "Run training": MODEL | METRICS,
    "Create group": {},
    "Copy model": {"VersionId": "v1"},
    "Pin model": {"VersionId": "v1"},
    "Create package": PACKAGE,
    "Describe registered package": {**PACKAGE, "ModelPackageStatus": "Completed"},
    "Create model of transform": {},
    "Run transform": {},
    "Call function": {"StatusCode": 200, "Payload": {"rate": 0.5}},
    "Read lock": {},
    "Lock endpoint": {"Attributes": {}},
    "Create model": {},
    "Create configuration": {"EndpointConfigArn": "arn:c"},
    "Record deadline": {},
    "Create endpoint": {"EndpointArn": "arn:e"},
    "Describe endpoint": {"EndpointArn": "arn:e", "EndpointStatus": "InService", "EndpointConfigName": "c"},
    "Delete endpoint": {},
    "Delete new endpoint": {},
    "Delete configuration": {},
    "Delete model": {},
    "Delete alarms": {},
    "Record configurations": {},
    "Release lock": {},
    "Read gates": {"Responses": {"runs": []}, "UnprocessedKeys": {}},
    "Record": {},
    "Record last": {},
    "Record attempt": {},
    "Record failure": {},
    "Record closed": {},
}
ALWAYS = [
    *({"state": name, "result": result} for name, result in ANSWERS.items()),
    {"state": "Find group", "error": MISSING},
    {"state": "Find endpoint", "error": MISSING},
]


def train(name: str, bindings=(), **fields) -> dict:
    request = {"TrainingJobName": f"run-{name}-1", "Uses": [f"<<{path}>>" for path in bindings]}
    return make_stage(name, "training", {"CreateTrainingJob": request}, bindings, **fields)


def gate(name: str, limit: float) -> dict:
    steps = [
        {"op": "value", "value": "<<train.metrics.r2>>"},
        {"op": "value", "value": limit},
        {"op": "<", "text": "r2 is low"},
    ]
    return make_stage(name, "gate", {"Gate": steps}, ["train.metrics.r2"])


def register() -> dict:
    specification = {"Containers": [{"Image": "i", "ModelDataUrl": "<<train.model>>"}]}
    requests = {
        "CreateModelPackageGroup": {"ModelPackageGroupName": "g"},
        "CreateModelPackage": {
            "ModelPackageGroupName": "g",
            "InferenceSpecification": specification,
            "CustomerMetadataProperties": {"stagewright:run": "r"},
        },
        "Copy": {"Bucket": "b", "Key": "models/m.tar.gz"},
    }
    return make_stage("register", "register", requests, ["train.model"])


def endpoint(**settings) -> dict:
    names = {"EndpointName": "e", "EndpointConfigName": "c"}
    requests = {
        "CreateModel": {"ModelName": "m", "PrimaryContainer": {"Image": "i"}},
        "CreateEndpointConfig": {"EndpointConfigName": "c"},
        "CreateEndpoint": {**names, "Tags": []},
        "UpdateEndpoint": names,
        "Endpoint": {"keep": 2, "alarms": [], **settings},
    }
    return make_stage("serve", "endpoint", requests)


def measured() -> dict:
    request = {"CreateProcessingJob": {"ProcessingJobName": "run-evaluate-1"}}
    return make_stage("evaluate", "processing", request, metrics={"bucket": "b", "key": "k"})


def approval() -> dict:
    request = {"message": "ok? é", "package": ""}
    return make_stage("ok", "approval", {"Approval": request})


def function() -> dict:
    return make_stage("f", "lambda", {"Invoke": {"FunctionName": "f", "Payload": {"n": 1}}})


def item(stage: str, result: dict) -> dict:
    return {"item": {"S": f"stage#{stage}"}, "result": {"S": json.dumps(result)}}


RUNS = {
    "waves, pages and chains": (
        [{"0-0": [[train("a")], [train("b")]], "0-1": [[measured()]]}, {"1-0": [[train("c", ["a.job"])]]}],
        [
            {
                "state": "Fetch values",
                "result": {"Responses": {"runs": [item("a", {"job": "j"})]}, "UnprocessedKeys": {}},
            }
        ],
        "SUCCEEDED",
    ),
    "training, gate, registration, endpoint": (
        [{"0-0": [[train("train"), gate("quality", 0.3), register(), endpoint()]]}],
        [
            {
                "state": "Describe registered package",
                "result": {**PACKAGE, "ModelPackageStatus": "Pending"},
                "times": 2,
            }
        ],
        "SUCCEEDED",
    ),
    "function and rejected approval": (
        [{"0-0": [[function(), approval(), train("never")]]}],
        [{"state": "Wait for approval", "error": {"Error": "Stagewright.Rejected", "Cause": "by ann: é"}}],
        "FAILED",
    ),
    "function and approval": (
        [{"0-0": [[function(), approval()]]}],
        [{"state": "Wait for approval", "result": {"approved_by": "ann", "why": "good", "at": "x"}}],
        "SUCCEEDED",
    ),
    "closed gate": (
        [{"0-0": [[train("train"), gate("quality", 0.1), register()], [measured()]]}],
        [],
        "FAILED",
    ),
    "second attempt": (
        [{"0-0": [[train("train", retry={"attempts": 3, "wait": 5, "named": "{}"})]]}],
        [{"state": "Run training", "error": FAILED, "times": 2}],
        "SUCCEEDED",
    ),
    "failure of one chain": (
        [{"0-0": [[train("bad"), train("never")], [train("good")]]}, {"1-0": [[train("later")]]}],
        [{"state": "Run training", "holds": "run-bad-1", "error": FAILED}],
        "FAILED",
    ),
    "failed smoke test": (
        [{"0-0": [[endpoint(smoke_test={"body": "1,2", "content_type": "text/csv"})]]}],
        [{"state": "Smoke test", "result": {"StatusCode": 200, "Payload": {"failure": "it is é"}}}],
        "FAILED",
    ),
    "busy endpoint": (
        [{"0-0": [[endpoint()]]}],
        [{"state": "Create endpoint", "error": MISSING | {"Cause": "Rate exceeded"}, "times": 2}],
        "SUCCEEDED",
    ),
}


def started(waves: list[dict], answers: list[dict]) -> dict:
    """The execution of a plan whose waves have pages by name."""
    texts = [{name: json.dumps(chains) for name, chains in wave.items()} for wave in waves]
    listed = json.dumps([[f"{name}-{checksum(text)}" for name, text in wave.items()] for wave in texts])
    loads = [{"state": "Load plan", "result": {"Item": {"waves": {"S": listed}}}}]
    for name, text in ((name, text) for wave in texts for name, text in wave.items()):
        page = {"Item": {"chains": {"S": text}}}
        loads.append({"state": "Load page", "holds": f"#{name}-", "result": page})
    given = {"run": "run", "plan": f"{checksum(listed)}-d1", "format": PLAN_FORMAT}
    return {"machine": machine(), "input": given, "answers": [*answers, *loads, *ALWAYS]}


@pytest.fixture(scope="module")
def runs(second) -> dict[str, Compared]:
    cases = [started(waves, answers) for waves, answers, _ in RUNS.values()]
    return dict(zip(RUNS, compared(second, cases), strict=True))


@pytest.mark.parametrize("name", RUNS)
def test_both_engines_take_the_same_path_through_a_run(runs, name):
    run = runs[name]
    assert ("error" in run.here["end"]) == (RUNS[name][2] == "FAILED"), run.here["end"]
    assert run.here["failures"] == []
    assert "Test.NoAnswer" not in json.dumps(run.here)
    assert parsed(run.here) == parsed(run.there), report([run])
