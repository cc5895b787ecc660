"""What `$states` may be in each place of the machine: the table of inputs for comparing two engines."""

from __future__ import annotations

import json

from stagewright.planner.model import PLAN_FORMAT
from stagewright.planner.pages import checksum

CONTEXT = {
    "Execution": {
        "Id": "arn",
        "Name": "run-1",
        "Input": {"run": "run-1", "plan": "d1", "format": PLAN_FORMAT},
    },
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


def loaded(waves: str) -> dict:
    """A plan whose name has the checksum of its list of pages."""
    pointer = {"run": "run-1", "plan": f"{checksum(waves)}-d1", "format": PLAN_FORMAT}
    context = {**CONTEXT, "Execution": {**CONTEXT["Execution"], "Input": pointer}}
    return situation(pointer, {"Item": {"waves": {"S": waves}}}, context=context)


def page(chains: list, **more) -> dict:
    text = json.dumps(chains)
    return situation({"page": f"0-0-{checksum(text)}", **more}, {"Item": {"chains": {"S": text}}})


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
        "CreateHyperParameterTuningJob",
        "CreateTransformJob",
        "CreateModelPackageGroup",
        "CreateModelPackage",
        "CreateModel",
        "CreateEndpointConfig",
        "CreateEndpoint",
        "UpdateEndpoint",
        "Endpoint",
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


def value(operand) -> dict:
    return {"op": "value", "value": operand}


def compared(left, op, right) -> list:
    """Steps of one comparison; an operand may be steps itself."""
    sides = [each if isinstance(each, list) else [value(each)] for each in (left, right)]
    return [*sides[0], *sides[1], {"op": op, "text": "what"}]


def judged(steps, paths=(), **fields) -> dict:
    requests = {"Gate": json.dumps(steps)}
    return {
        "stage": stage("quality", "gate", paths, requests=requests, **fields),
        "stages": [],
        "started": STARTED,
    }


_MODEL = {"Image": "i", "ModelDataUrl": "s3://b/runs/odd name+é?/m.tar.gz"}
_PINNED = {"pinned": {"url": "s3://b/models/m.tar.gz", "version": "v1"}}
REGISTERED = [
    ((_MODEL,), {}),
    ((_MODEL,), _PINNED),
    ((_MODEL, {"Image": "second"}, {"Image": "third"}), _PINNED),
    (({"ModelDataSource": {"S3DataSource": {"S3Uri": "s3://b/folder/"}}},), {}),
    ((_MODEL,), {"error": {"Error": "X", "Cause": "larger than the maximum allowable size for a copy"}}),
]
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


def registering(*containers, **fields) -> dict:
    package = {
        "InferenceSpecification": {"Containers": list(containers), "SupportedContentTypes": ["text/csv"]},
        "CustomerMetadataProperties": {"stagewright:run": "r"},
    }
    copy = {"Bucket": "b", "Key": "models/p/run-1-register-1/model.tar.gz"}
    requests = {"CreateModelPackage": json.dumps(package), "Copy": json.dumps(copy)}
    return walking(stage=stage("register", "register", requests=requests), **fields)


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
    caught("States.TaskFailed", '{"TransformJobStatus": "Stopped"}'),
    caught("States.TaskFailed", '{"HyperParameterTuningJobStatus":"Stopped"}'),
    caught("States.TaskFailed", json.dumps({"Id": "jr_1", "JobRunState": "FAILED", "ErrorMessage": AWKWARD})),
    caught("States.TaskFailed", '{"Id":"jr_1","JobRunState":"STOPPED"}'),
    caught("ValueError", json.dumps({"errorMessage": AWKWARD, "errorType": "ValueError"})),
    caught("Stagewright.Rejected", f"rejected by ann: {AWKWARD}"),
    caught("X", "y" * 5000),
]

WAVES = json.dumps([["0-0"], ["1-0", "1-1"], ["2-0"]])
TOP = [
    loaded(WAVES),
    loaded('[["0-0"]]'),
    loaded("[]"),
    situation({"run": "run-1", "plan": "d1", "format": PLAN_FORMAT}, {}, caught("X", "no access")),
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
    page([[stage()]]),
    page([[stage(), stage()], [stage()]], closed=["q"]),
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
            "processing",
            "training",
            "tuning",
            "gate",
            "model",
            "register",
            "transform",
            "endpoint",
            "teleport",
            *("lambda", "glue", "approval", "callback"),
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
            "stages": [stage("x", "transform", requests={"CreateTransformJob": "{}"})],
            "values": {},
            "known": [],
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
NESTED = {
    "bucket": "b",
    "key": "k",
    "values": [
        {"name": "mse", "path": "m.mse.value", "steps": ["m", "mse", "value"]},
        {"name": "f1", "path": "folds[0].f1", "steps": ["folds", 0, "f1"]},
        {"name": "deep", "path": "folds[1].f1[1][0]", "steps": ["folds", 1, "f1", 1, 0]},
    ],
}
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
    *(situation(registering(*containers, **more), {"VersionId": "v1"}) for containers, more in REGISTERED),
    *(
        situation({"stages": [stage("x", kind, requests={"CreateModel": text})], "values": {}, "known": []})
        for kind in ("model", "transform")
        for text in ('{"PrimaryContainer": {"ModelPackageName": "arn"}}', '{"ModelName": "m"}')
    ),
    situation(registering({"ModelDataUrl": "s3://b/k/m.tar.gz"}), {"CopyObjectResult": {"ETag": "e"}}),
    situation(
        walking(registered={"package": "arn", "url": "s3://b/models/m.tar.gz", "version": "v1"}),
        {"VersionId": "v1"},
    ),
    situation(
        walking(registered={"package": "arn", "url": "s3://b/models/m.tar.gz", "version": "v1"}),
        {"VersionId": "v2"},
    ),
    *(
        situation(
            walking(stage=stage(requests={"CreateModel": json.dumps({"PrimaryContainer": container})})),
            {
                "ModelPackageArn": "arn",
                "InferenceSpecification": {"Containers": [{"ModelDataUrl": "s3://b/m.tar.gz"}]},
                "CustomerMetadataProperties": metadata,
            },
        )
        for container in ({"ModelPackageName": "arn"}, {"Environment": {"a": '"ModelPackageName"'}})
        for metadata in ({}, {"stagewright:model-version": "v1"})
    ),
]
OPEN, SHUT = compared(1, "<", 2), compared(3, "==", 4)
GATES = [
    *(
        situation({**judged(compared(left, op, right), PATHS), "values": VALUES})
        for left, right in (
            ("<<a.metrics.r2>>", 0.25),
            (1, 2),
            ("<<a.job>>", "<<a.metrics.r2>>"),
            (0.1 + 0.2, 0.3),
            (-123.1, -123.1 + 2e-14),
            (0.3, "0.3"),
            ("x", "y"),
            ("x", 1),
            ("<<c.d>>", 1),
            ([value(0.9), value(0.01), {"op": "-", "text": "a - b"}], "<<a.metrics.r2>>"),
        )
        for op in (">=", "<=", ">", "<", "==", "!=", "~")
    ),
    *(
        situation(
            {**judged(compared([value(left), value(right), {"op": op, "text": "it"}], ">", 1)), "values": {}}
        )
        for left, right in (
            (7, 2),
            (1, 0),
            (0, 0),
            (1e200, 1e200),
            (-1e200, 1e200),
            (1e-300, 1e300),
            ("a", 1),
        )
        for op in ("+", "-", "*", "/")
    ),
    *(
        situation({**judged([*first, *second, {"op": op}, *third, {"op": other}]), "values": {}})
        for first in (OPEN, SHUT)
        for second in (OPEN, SHUT, [{"op": "holds"}])
        for third in (OPEN, SHUT)
        for op in ("and", "or")
        for other in ("and", "or")
    ),
    situation(
        {
            **judged(
                [
                    *compared("<<a.metrics.rmse>>", ">", 1),
                    *compared([value(2), value("<<z.y>>"), {"op": "*", "text": "2 * z.y"}], "<", 1),
                    {"op": "and"},
                ],
                paths=("a.metrics.rmse", "z.y"),
            ),
            "values": {},
        }
    ),
    situation({**judged([{"op": "holds"}]), "values": {}}),
    *(
        situation({**judged(SHUT, **fields), "error": caught("Stagewright.GateClosed", "why")})
        for fields in ({}, {"else": "stop"}, {"else": "skip"})
    ),
]
FLOW = [
    situation(
        {"waves": [{"pages": ["0-0"]}], "failures": 0}, [{"failures": 0, "closed": "q", "reason": "r"}]
    ),
    situation(
        {"waves": [{"pages": ["0-0"]}], "failures": 0, "closed": ["o"], "reason": "first"},
        [
            {"failures": 0, "closed": ["q", "s"], "reason": "r", "stopped": "t"},
            {"failures": 0, "closed": "u"},
        ],
    ),
    situation(
        {"waves": [{"pages": ["0-0"]}], "failures": 0, "closed": "o", "reason": "first"}, [{"failures": 0}]
    ),
    situation(
        {"chains": [[stage()]], "closed": []}, [{"closed": ["q"], "reason": "r"}, {"closed": ["s"]}, {}]
    ),
    situation({"chains": [[stage()]], "closed": ["q"]}, [{"closed": ["q"], "stopped": "r"}]),
    situation({"page": "0-0", "closed": ["q"]}, {"Item": {"chains": {"S": json.dumps([[stage()]])}}}),
    *(
        situation({"stages": [stage("x", **fields)], "values": {}, "known": [], **more})
        for fields in ({}, {"gates": ["q"]}, {"gates": ["o", "q"]}, {"watch": ["q"]}, {"watch": ["o", "q"]})
        for more in (
            {},
            {"closed": []},
            {"closed": ["q"]},
            {"looked": "x"},
            {"looked": "y"},
            {"stopped": True},
        )
    ),
    *(
        situation(
            {"stages": [stage("x", watch=["o", "q"])], "values": {}, "known": []},
            {"Responses": {"runs": found}, "UnprocessedKeys": late},
        )
        for found in (
            [],
            [{"status": {"S": "CLOSED"}}],
            [{"status": {"S": "SUCCEEDED"}}, {"status": {"S": "CLOSED"}}],
        )
        for late in ({}, {"runs": {"Keys": [{"run": {"S": "r"}}]}})
    ),
]
NAMED = json.dumps({"job": "run-1-x-<<attempt>>", "outputs": {"o": "s3://b/x/<<attempt>>/o"}, "metrics": {}})
TRIED = [
    situation(
        walking(
            stage=stage(attempt=attempt, retry={"attempts": 3, "wait": 30, "named": NAMED}),
            stages=stages,
            values={"a.job": "j"},
            known=["a"],
            error=error,
            wait=30,
        ),
        error=error,
    )
    for attempt, stages in ((1, []), (2, CHAIN[2:]), (3, CHAIN[1:]))
    for error in (
        *ERRORS,
        caught("Stagewright.GateClosed", "x"),
        caught("S3.NoSuchKeyException"),
        caught("S3.S3Exception", "The requested range is not satisfiable (Service: S3, Status Code: 416)"),
        caught("SageMaker.AmazonSageMakerException", "x (Error Code: ValidationException; Request ID: y)"),
    )
] + [
    situation(
        walking(
            stage=stage(attempt=2, requests={"CreateTrainingJob": '{"TrainingJobName": "x-<<attempt>>"}'})
        )
    ),
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
    *(
        situation(
            walking(result={"job": "j"}, stage=stage(metrics=NESTED)),
            {"Body": body},
            caught("States.QueryEvaluationError", "no JSON"),
        )
        for body in (
            '{"m": {"mse": {"value": 0.5}}, "folds": [{"f1": 1}, {"f1": [2, [3]]}]}',
            '{"m": {"mse": 0.5}, "folds": [{"f1": "x"}]}',
            '{"m": null, "folds": {"f1": 1}}',
            '{"m": [{"mse": {"value": 1}}], "folds": []}',
        )
    ),
]
OTHER_JOBS = [
    *(
        situation(
            walking(best={"name": "b-001", "arn": "arn", **tuned}),
            {
                "HyperParameterTuningJobArn": "arn",
                "BestTrainingJob": {"TrainingJobName": "b-001", "TunedHyperParameters": {"rate": "0.1"}},
                "ModelArtifacts": {"S3ModelArtifacts": "s3://m"},
                "FinalMetricDataList": metrics,
            },
            error,
        )
        for tuned in ({"tuned": ["rate", "loss"]}, {})
        for metrics in ([], [{"MetricName": "mae", "Value": 12.5}, {"MetricName": "r2", "Value": -1}])
        for error in (caught("States.Timeout"), caught("States.TaskFailed", "why"))
    ),
    *(
        situation(walking(best={"name": "b-001", "arn": "arn", "tuned": "rate"}), {"HyperParameters": given})
        for given in (
            {"rate": "0.1", "_tuning_objective_metric": "mae"},
            {"rate": "0.1", "loss": AWKWARD, "on": "true", "said": '"so"'},
            {"sagemaker_program": '"train.py"'},
            {
                "sagemaker_program": '"train.py"',
                "rate": "1e-05",
                "loss": json.dumps(AWKWARD),
                "on": "true",
                "off": "false",
                "broken": '"a"b"',
            },
        )
    ),
    situation(walking(), {"HyperParameterTuningJobArn": "arn"}),
    situation(walking(), {"HyperParameterTuningJobArn": "arn", "BestTrainingJob": {}}),
    situation(walking(), {"TransformJobArn": "arn"}),
    situation(
        walking(stage=stage(requests={"CreateModel": '{"ModelName": "Model-1"}'})), {"ModelArn": "arn"}
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
]
TAGS = [
    {"Key": "a", "Value": "local"},
    {"Key": "stagewright:environment", "Value": "local"},
    {"Key": "stagewright:installation", "Value": "stagewright-local"},
]
OTHERS = [*TAGS[:2], {"Key": "stagewright:installation", "Value": "another-local"}]
ALARMS = [{"AlarmName": "e-errors", "Threshold": 2}, {"AlarmName": "e-slow", "Threshold": 0.5}]


def rollback(names) -> dict:
    return {"DeploymentConfig": {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": n} for n in names]}}}


def deploying(settings=None, update=None, paths=(), **fields) -> dict:
    """A walker at an endpoint stage."""
    requests = {
        "CreateEndpointConfig": {"EndpointConfigName": "c4"},
        "CreateEndpoint": {"EndpointName": "e", "Tags": TAGS},
        "UpdateEndpoint": {"EndpointName": "e", "EndpointConfigName": "c4", **(update or {})},
        "Endpoint": {"keep": 2, "alarms": [], **(settings or {})},
    }
    texts = {operation: json.dumps(request) for operation, request in requests.items()}
    return walking(**{"stage": stage("deploy", "endpoint", paths, requests=texts), **fields})


def known(**fields) -> dict:
    return {"name": "e", "arn": "arn", "before": "c3", "config": "c4", "made": ["c3", "c2", "c1"], **fields}


TEST = {"content_type": "text/csv", "accept": "application/json"}
SMOKE = caught("Stagewright.SmokeTestFailed", "the smoke test of endpoint e failed: so")
ENDPOINTS = [
    *(
        situation(
            deploying(
                update=update,
                endpoint=known(status=status, serving=serving, **reason),
                **error,
            ),
            {
                "EndpointName": "e",
                "EndpointArn": "arn",
                "EndpointStatus": status,
                "EndpointConfigName": serving,
                **({"FailureReason": "why"} if reason else {}),
            },
        )
        for status in ("Creating", "InService", "Failed", "RollingBack")
        for serving in ("c3", "c4")
        for reason in ({}, {"reason": "why"})
        for error in ({}, {"error": SMOKE})
        for update in (None, rollback(["e-errors"]))
    ),
    situation(deploying(endpoint=known(status="Creating"), started="2026-01-02T03:04:04.000Z")),
    *(
        situation(deploying(endpoint=known(ours=ours)), {"Tags": tags})
        for ours in (True, False)
        for tags in (TAGS, [], TAGS[:1], TAGS[:2], OTHERS, None)
    ),
    *(
        situation(deploying(settings, endpoint=known(**fields)), {"Item": {"configurations": {"S": text}}})
        for settings in ({"alarms": ALARMS}, {"alarms": ALARMS[:1]}, {"keep": 0}, {"time_to_live": 28800})
        for fields in (
            {},
            {"before": "c1", "bad": "c5"},
            {"before": "other", "made": []},
            {"made": ["c4"]},
            {"made": ["c3", "c4"]},
        )
        for text in ('["c3","c2"]', "[]")
    ),
    *(
        situation(
            deploying({"alarms": ALARMS[:now]}, endpoint=known(alarms=made)),
            {"Item": {"alarms": {"S": json.dumps(made)}}},
        )
        for now in (0, 1)
        for made in ([], ["e-errors"], ["e-errors", "e-old", "e-older"])
    ),
    situation(deploying(endpoint={"name": "e"}), {}),
    *(
        situation(deploying(lock=lock, **fields), answer)
        for lock in (
            {"seen": ""},
            {"seen": "run-1/deploy"},
            {"seen": "run-2/deploy", "open": True},
            {"seen": "run-2/deploy", "open": False},
        )
        for fields in ({}, {"started": "2026-01-02T03:04:04.000Z", "endpoint": known(status="InService")})
        for answer in (
            {},
            {"Item": {"lock": {"S": "run-2/deploy"}, "open": {"S": "yes"}}},
            {"Attributes": {"configurations": {"S": '["c3"]'}, "alarms": {"S": "[]"}}},
        )
    ),
    *(
        situation(deploying(endpoint=known(), error=caught(name, cause), **started))
        for name, cause in (
            ("SageMaker.SageMakerException", 'Cannot update in-progress endpoint "arn".'),
            ("SageMaker.AmazonSageMakerException", 'Cannot create already existing endpoint "arn".'),
            ("SageMaker.AmazonSageMakerException", 'Could not find endpoint configuration "arn".'),
            ("SageMaker.SageMakerException", "Rate exceeded (Service: SageMaker, Status Code: 400)"),
            ("SageMaker.SageMakerException", "Fault (Service: SageMaker, Status Code: 500)"),
            ("SageMaker.SageMakerException", "No (Service: SageMaker, Status Code: 400)"),
            ("DynamoDB.ConditionalCheckFailedException", "The conditional request failed"),
        )
        for started in ({}, {"started": "2099-01-02T03:04:04.000Z"})
    ),
    situation(
        deploying(update=rollback(["e-errors", "e-slow"]), endpoint=known(status="InService", reason="why"))
    ),
    *(
        situation(deploying(endpoint=known(), alarms=ALARMS[:n], leftover=["c1", "c0"][:n], error=SMOKE))
        for n in range(3)
    ),
    *(
        situation(
            deploying(
                {"smoke_test": {**TEST, **test}}, paths=PATHS, values=VALUES, endpoint=known(), **fields
            ),
            {"StatusCode": 200, "Payload": payload},
        )
        for test in (
            {"body": "1,2"},
            {"body": "{}", "contains": "price"},
            {"file": "s3://b/k/x.csv", "max_latency": 40.5},
            {"file": "s3://b/<<a.job>>/x.csv", "max_latency": 0.5, "contains": AWKWARD},
        )
        for payload in ({"failure": ""}, {"failure": AWKWARD}, {})
        for fields in ({}, {"result": {"endpoint": "e"}})
    ),
    situation(deploying(endpoint=known(ours=True, status="Failed"))),
    situation(deploying(endpoint=known()), {"Body": "y" * 70_000}, caught("X")),
]
LATE_RUNS = [
    {"Id": "jr_1", "JobName": "j", "Arguments": {"--stagewright-job": "run-1-other-1"}},
    {"Id": "jr_2", "JobName": "j", "Arguments": {"--stagewright-job": "run-1-train-1"}},
]
GLUE = [
    situation(walking(), {"Id": "jr_1", "JobName": "j", "JobRunState": "SUCCEEDED"}),
    *(
        situation(walking(late=late), {"JobRuns": runs, **token}, caught(error))
        for late, runs, token, error in (
            ({}, [], {}, "States.Timeout"),
            ({"runs": []}, [{"Id": "jr_1", "JobName": "j"}], {"NextToken": "n"}, "X"),
            ({"definition": "j", "runs": [], "next": "n"}, LATE_RUNS, {"NextToken": "n"}, "States.Timeout"),
            ({"definition": "j", "runs": ["jr_2"], "next": "n"}, LATE_RUNS[1:], {}, "X"),
        )
    ),
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

LOST = {"list": "regions", "item": "eu", "failures": 0}
FAILED = {"stage": "fit/eu", "error": "X", "cause": "y", **LOST}
OUTCOME = {"failed": [FAILED], "closed": ["check/us"]}
FAN_OUT = [
    situation({"waves": [], "failures": 1, "failed": FAILED, "lost": [LOST]}),
    situation({"waves": [], "failures": 1, "failed": FAILED, "lost": [{**LOST, "failures": 1}] * 2}),
    situation({"waves": [], "failures": 2, "failed": FAILED, "lost": [LOST], "fatal": True}),
    situation(
        {"waves": [{"pages": ["0-0"]}], "failures": 0, "lost": [LOST]},
        [{"failures": 1, "failed": FAILED, "lost": [{**LOST, "item": "us"}]}],
    ),
    situation(
        {"waves": [{"pages": ["0-0"]}], "failures": 0}, [{"failures": 1, "failed": FAILED, "lost": []}]
    ),
    situation({"page": "0-0", "chains": [[stage()]]}, [OUTCOME, {}]),
    situation(walking(stages=[stage("s1", part=1), stage("s2", part=2)], outcome=OUTCOME)),
    situation(walking(stage=stage("s1", part=1), stages=[stage("s2", part=2)], outcome=OUTCOME)),
    situation(
        walking(
            stage=stage("fit/us", part=1, list="regions", item="us", failures=0),
            stages=[stage("check/us", part=1), stage("fit/ca", part=2)],
            error=caught("X", "y"),
            outcome=OUTCOME,
        ),
        error=caught("X", "y"),
    ),
    situation(walking(outcome=OUTCOME)),
]
_MESSAGE = json.dumps({"queue": "https://sqs/1/reviews", "payload": {"model": "<<a.job>>", "text": "x"}})
CALLBACKS = [
    situation(
        walking(
            stage=stage("ask", "callback", ("a.job",), requests={"Message": _MESSAGE}),
            values=VALUES,
            **more,
        ),
        answer,
    )
    for more in ({}, {"outcome": OUTCOME})
    for answer in ({"score": 0.5, "ok": True, "text": AWKWARD, "list": [1]}, {}, "no object")
]

SITUATIONS = [
    *TOP,
    *FAN_OUT,
    *CALLBACKS,
    *PAGES,
    *NEXT,
    *FETCHED,
    *BINDING,
    *GATES,
    *FLOW,
    *TRIED,
    *JOBS,
    *OTHER_JOBS,
    *GLUE,
    *ANSWERS,
    *APPROVALS,
    *WAITING,
    *ENDPOINTS,
    *RECORDING,
]
