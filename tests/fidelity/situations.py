"""What `$states` may be in each place of the machine: the table of inputs for comparing two engines."""

from __future__ import annotations

import json

CONTEXT = {
    "Execution": {"Id": "arn", "Name": "run-1", "Input": {"run": "run-1", "plan": "d1", "format": 1}},
    "Map": {"Item": {"Index": 0, "Value": "0-0"}},
    "Task": {"Token": "AQC8AAAAKgAAAAMAAAAAAAAAAS"},
    "State": {"Name": "x", "EnteredTime": "2026-01-02T03:04:05.678Z", "RetryCount": 0},
}
STARTED = "2026-01-02T03:03:00.000Z"
AWKWARD = 'quote " backslash \\ newline \n dollar $1 ${x} token <<a.job>> unicode é 房 😀'


def situation(given, result=None, error=None, context=CONTEXT) -> dict:
    return {
        "input": given,
        "context": context,
        "result": result or {},
        "errorOutput": error or caught("X", "y"),
    }


def bindings(*paths) -> list:
    return [{"token": f"<<{path}>>", "path": path.split(".")} for path in paths]


def stage(name="train", kind="training", paths=(), **fields) -> dict:
    request = {f"p{number}": f"<<{path}>>" for number, path in enumerate(paths)}
    text = json.dumps(
        {"Name": name, "Inside": [f"x <<{path}>> y" for path in paths], **request}, ensure_ascii=False
    )
    operations = (
        "CreateProcessingJob",
        "CreateTrainingJob",
        "CreateModelPackageGroup",
        "CreateModelPackage",
        "CreateModel",
        "CreateEndpointConfig",
        "CreateEndpoint",
        "UpdateEndpoint",
        "Invoke",
        "StartJobRun",
    )
    return {
        "name": name,
        "kind": kind,
        "job": f"run-1-{name}-1",
        "fingerprint": "f" * 64,
        "inputs": "{}",
        "attempt": 1,
        "stage_key": f"p#default#{name}",
        "timeout": 60,
        "outputs": {"out": "s3://b/k/"},
        "metrics": {},
        "requests": dict.fromkeys(operations, text),
        "bindings": bindings(*paths),
        **fields,
    }


def gate(*conditions, paths=()) -> dict:
    fields = ("text", "left", "op", "right")
    text = json.dumps([dict(zip(fields, ("what", *condition), strict=True)) for condition in conditions])
    return {
        "stage": stage("quality", "gate", paths, requests={"Gate": text}),
        "stages": [],
        "started": STARTED,
    }


VALUES = {
    "a.job": "run-1-a-1",
    "a.metrics.r2": 0.25,
    "a.metrics.f1": -3,
    "a.outputs.x": AWKWARD,
    "b.model": "",
    "c.d": [],
}
PATHS = tuple(VALUES)
CHAIN = [stage("s1", paths=("a.job", "b.model")), stage("s2", paths=("s1.job", "a.metrics.r2")), stage("s3")]


def walking(**fields) -> dict:
    return {"stage": stage(), "stages": [], "values": {}, "known": [], "started": STARTED, **fields}


def dynamodb(run_items) -> dict:
    return {"Responses": {"runs": run_items}, "UnprocessedKeys": {}}


def item(name, result) -> dict:
    return {"item": {"S": f"stage#{name}"}, "result": {"S": json.dumps(result)}}


def caught(error, cause=None) -> dict:
    return {"Error": error} | ({"Cause": cause} if cause is not None else {})


ERRORS = [
    caught("States.Timeout"),
    caught("States.Timeout", ""),
    caught(
        "SageMaker.AmazonSageMakerException",
        "Model Package Group ALREADY exists. (Service: x; Status Code: 400)",
    ),
    caught("States.TaskFailed", json.dumps({"TrainingJobName": "j", "FailureReason": AWKWARD})),
    caught("States.TaskFailed", '{\n "FailureReason" : "Algorithm\\u0045rror: \\"boom\\" in C:\\\\data"}'),
    caught("States.TaskFailed", '{"FailureReason":"cut of'),
    caught("States.TaskFailed", '{"FailureReason":"bad \\q escape"}'),
    caught("States.QueryEvaluationError", "... D3137: evaluate has no metrics.r2"),
    caught("States.TaskFailed", '{"TrainingJobStatus": "Stopped", "SecondaryStatus": "MaxRuntimeExceeded"}'),
    caught("States.TaskFailed", '{"ProcessingJobStatus":"Stopped"}'),
    caught("States.TaskFailed", json.dumps({"Id": "jr_1", "JobRunState": "FAILED", "ErrorMessage": AWKWARD})),
    caught("States.TaskFailed", '{"Id":"jr_1","JobRunState":"STOPPED"}'),
    caught("ValueError", json.dumps({"errorMessage": AWKWARD, "errorType": "ValueError"})),
    caught("Stagewright.Rejected", f"rejected by ann: {AWKWARD}"),
    caught("X", "y" * 5000),
]

WAVES = json.dumps([["0-0"], ["1-0", "1-1"], ["2-0"]])
TOP = [
    situation({"run": "run-1", "plan": "d1", "format": 1}, {"Item": {"waves": {"S": WAVES}}}),
    situation({"run": "run-1", "plan": "d1", "format": 1}, {"Item": {"waves": {"S": '[["0-0"]]'}}}),
    situation({"run": "run-1", "plan": "d1", "format": 1}, {"Item": {"waves": {"S": "[]"}}}),
    situation({"run": "run-1", "plan": "d1", "format": 1}, {}, caught("X", "no access")),
    situation({"waves": [{"pages": ["0-0"]}], "failures": 0}, [{"failures": 0}]),
    situation(
        {"waves": [{"pages": ["0-0"]}, {"pages": ["1-0", "1-1"]}], "failures": 0},
        [{"failures": 0}, {"failures": 0}],
    ),
    situation(
        {"waves": [{"pages": ["0-0"]}, {"pages": ["1-0"]}, {"pages": ["2-0"]}], "failures": 0},
        [{"failures": 0}, {"failures": 2, "failed": {"stage": "x", "cause": "y"}}],
    ),
    situation({"waves": [], "failures": 0}),
    situation({"waves": [], "failures": 2, "failed": {"stage": "x", "cause": "y"}}),
    situation({"waves": [], "failures": 1, "failed": {"stage": "x", "cause": "y"}, "cause": "z"}),
]
PAGES = [
    situation({"page": "0-0"}, {"Item": {"chains": {"S": json.dumps([[stage()]])}}}),
    situation({"page": "0-0"}, {"Item": {"chains": {"S": json.dumps([[stage(), stage()], [stage()]])}}}),
    situation({"page": "0-0"}, {}, caught("X", "no access")),
    situation({"chains": [[stage()]]}, [{}]),
    situation({"chains": [[stage(), stage()], [stage()]]}, [{}, {"failed": {"stage": "x", "cause": "y"}}]),
    situation({"chains": [[stage()], [stage()]]}, [{"failed": {"stage": "x"}}, {"failed": {"stage": "y"}}]),
    situation({"page": "0-0"}, error=caught("X")),
]
NEXT = [
    *(
        situation({"stages": CHAIN[at:], "values": {}, "known": known})
        for at in range(3)
        for known in ([], ["a"], ["a", "b"])
    ),
    *(
        situation({"stages": [stage("x", kind)], "values": {}, "known": []})
        for kind in (
            *("processing", "training", "gate", "register", "endpoint", "teleport"),
            *("lambda", "glue", "approval"),
        )
    ),
    situation(
        {
            "stages": [stage("x", "processing", metrics={"bucket": "b", "key": "k"})],
            "values": {},
            "known": ["y"],
        }
    ),
    situation(
        {
            "stages": [stage("x", "glue", metrics={"bucket": "b", "key": "k"})],
            "values": {},
            "known": ["y"],
        }
    ),
    situation(
        {
            "stages": [stage("x", "approval", requests={"DescribeModelPackage": "{}"})],
            "values": {},
            "known": [],
        }
    ),
    situation({"stages": [stage("x", paths=[f"s{n}.job" for n in range(150)])], "values": {}, "known": []}),
    situation({"stages": CHAIN, "values": {}, "known": []}, error=caught("X", "y")),
]
FETCHED = [
    situation(
        {"stages": CHAIN, "values": {}, "known": []},
        dynamodb([item("a", {"job": "j", "metrics": {"r2": 0.5}})]),
    ),
    situation(
        {"stages": CHAIN, "values": {"z.job": "k"}, "known": ["z"]},
        dynamodb([item("a", {"job": "j"}), item("b", {"model": "s3://m"})]),
    ),
    situation({"stages": CHAIN, "values": {}, "known": ["a"]}, dynamodb([])),
    situation(
        {"stages": CHAIN, "values": {}, "known": []}, dynamodb([{"item": {"S": "stage#a"}}, item("b", {})])
    ),
    situation(
        {"stages": CHAIN, "values": {}, "known": []},
        {
            "Responses": {"runs": [item("a", {"job": "j"})]},
            "UnprocessedKeys": {"runs": {"Keys": [{"run": {"S": "run-1"}, "item": {"S": "stage#b"}}]}},
        },
    ),
    situation(
        {"stages": CHAIN, "values": {}, "known": []},
        {
            "Responses": {"runs": []},
            "UnprocessedKeys": {
                "runs": {
                    "Keys": [
                        {"run": {"S": "run-1"}, "item": {"S": "stage#a"}},
                        {"run": {"S": "run-1"}, "item": {"S": "stage#b"}},
                    ]
                }
            },
        },
    ),
]
BINDING = [
    *(situation(walking(stage=stage(paths=(path,)), values=VALUES)) for path in PATHS),
    situation(walking(stage=stage(paths=PATHS), values=VALUES)),
    situation(walking(stage=stage(paths=("a.metrics.rmse",)), values=VALUES)),
    situation(
        walking(
            stage=stage(
                requests=dict.fromkeys(
                    ("CreateEndpoint", "CreateEndpointConfig"),
                    '{"EndpointName": "e", "EndpointConfigName": "c"}',
                )
            )
        )
    ),
    situation(walking(stage=stage(requests={"CreateModelPackageGroup": '{"ModelPackageGroupName": "g"}'}))),
]
GATES = [
    *(
        situation({**gate((left, op, right), paths=PATHS), "values": VALUES})
        for left, right in (
            ("<<a.metrics.r2>>", 0.25),
            (1, 2),
            ("<<a.job>>", "<<a.metrics.r2>>"),
            ("x", "y"),
            ("x", 1),
        )
        for op in (">=", "<=", ">", "<", "==", "!=", "~")
    ),
    situation(
        {
            **gate(("<<a.metrics.rmse>>", ">", 1), (2, "<", "<<z.y>>"), paths=("a.metrics.rmse", "z.y")),
            "values": {},
        }
    ),
    situation({**gate((1, ">", 2), (1, "<", 2), (3, "==", 4)), "values": {}}),
]
JOBS = [
    situation(walking(), {"ProcessingJobArn": "arn", "TrainingJobArn": "arn"}),
    situation(
        walking(),
        {
            "TrainingJobArn": "arn",
            "ModelArtifacts": {"S3ModelArtifacts": "s3://m"},
            "FinalMetricDataList": [{"MetricName": "mae", "Value": 12.5}],
        },
    ),
    situation(
        walking(),
        {"FinalMetricDataList": [{"MetricName": "a", "Value": 1}, {"MetricName": "b:c", "Value": 0.5}]},
    ),
    situation(walking(), {"FinalMetricDataList": []}),
    *(
        situation(
            walking(result={"job": "j"}, stage=stage(metrics={"bucket": "b", "key": "k/m.json"})),
            {"Body": body},
            caught("States.QueryEvaluationError", "no JSON"),
        )
        for body in (
            '{"r2": 0.91, "n": 3, "note": "x", "nested": {"a": 1}, "ok": true, "list": [1]}',
            "{}",
            '{"a": "b"}',
            "[1, 2]",
            "3",
            "null",
            "{",
        )
    ),
]
WAITING = [
    *(
        situation(
            walking(package={"arn": "arn", "status": status, "reason": "why"}, started=started),
            {
                "ModelPackageArn": "arn",
                "ModelPackageStatus": status,
                "ModelPackageStatusDetails": {
                    "ValidationStatuses": [
                        {"FailureReason": "one"},
                        {"Status": "x"},
                        {"FailureReason": "two"},
                    ]
                },
            },
        )
        for status in ("Pending", "Completed", "Failed")
        for started in (STARTED, "2026-01-02T03:04:04.000Z")
    ),
    situation(
        walking(package={"arn": "arn", "status": "Failed"}),
        {
            "ModelPackageArn": "arn",
            "ModelPackageStatus": "Failed",
            "ModelPackageStatusDetails": {"ValidationStatuses": []},
        },
    ),
    *(
        situation(
            walking(
                endpoint={
                    "name": "e",
                    "config": "c2",
                    "arn": "arn",
                    "status": status,
                    "serving": serving,
                    **reason,
                }
            ),
            {
                "EndpointArn": "arn",
                "EndpointStatus": status,
                "EndpointConfigName": serving,
                **({"FailureReason": "why"} if reason else {}),
            },
        )
        for status in ("Creating", "InService", "Failed", "RollingBack")
        for serving in ("c1", "c2")
        for reason in ({}, {"reason": "why"})
    ),
]
GLUE = [
    situation(walking(), {"Id": "jr_1", "JobName": "j", "JobRunState": "SUCCEEDED"}),
]
ANSWERS = [
    situation(walking(), {"StatusCode": 200, "Payload": payload}, error)
    for payload in (
        {"rate": 0.5, "count": 3, "ok": True, "bad": False, "said": AWKWARD, "none": None, "list": [1, "x"]},
        {"rate": 0.5},
        {"said": ""},
        {"ok": False},
        {"inner": {"rate": 1}},
        {},
        None,
        "text",
        AWKWARD * 20,
        12.5,
        True,
        [],
        [{"rate": 1}],
        [1, 2],
    )
    for error in (caught("States.Timeout", "Task timed out"), caught("ValueError", "no"))
] + [situation(walking(), {"StatusCode": 200})]
APPROVALS = [
    *(
        situation(
            walking(
                stage=stage("ok", "approval", paths, requests=requests),
                values=VALUES,
                package={"arn": "arn", "status": status, "why": why},
            ),
            result,
            error,
        )
        for status, why in (("Approved", AWKWARD), ("Rejected", "no"), ("PendingManualApproval", ""))
        for paths, requests in (
            ((), {"Approval": json.dumps({"message": AWKWARD.replace("<<", "< <"), "package": ""})}),
            (
                ("b.model", "a.outputs.x"),
                {
                    "Approval": '{"message": "about <<a.outputs.x>>", "package": "<<b.model>>"}',
                    "DescribeModelPackage": '{"ModelPackageName": "<<b.model>>"}',
                },
            ),
            (("b.package",), {"Approval": '{"message": "", "package": "<<b.package>>"}'}),
        )
        for result, error in (
            ({"approved_by": "ann", "why": AWKWARD, "at": STARTED}, caught("States.Timeout", "")),
            ({"ModelPackageArn": "arn", "ModelApprovalStatus": status}, caught("Stagewright.Rejected", "no")),
            ({"ModelApprovalStatus": status, "ApprovalDescription": AWKWARD}, caught("X")),
        )
    ),
    situation(walking(), "sent by hand"),
    situation(walking(), {}),
]
RECORDING = [
    situation(
        walking(
            stage=stage("s0"),
            stages=CHAIN,
            values={"z.x": 1},
            known=["z"],
            result={"job": "j", "outputs": {"out": "s3://b/"}, "metrics": {"r2": 0.123456789012345, "n": 3}},
        )
    ),
    situation(walking(stage=stage("s1"), stages=CHAIN[1:], result={"job": AWKWARD})),
    situation(walking(stage=stage("s2"), stages=CHAIN[2:], result={})),
    situation(walking(stage=stage("s3"), result={"metrics": {}})),
    *(situation(walking(error=error), error=error) for error in ERRORS),
]

SITUATIONS = [
    *TOP,
    *PAGES,
    *NEXT,
    *FETCHED,
    *BINDING,
    *GATES,
    *JOBS,
    *GLUE,
    *ANSWERS,
    *APPROVALS,
    *WAITING,
    *RECORDING,
]
