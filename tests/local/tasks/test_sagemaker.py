"""SageMaker and S3 tasks in ministack's engine, with a SageMaker stub whose jobs the test ends."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest
from hypercorn.asyncio import serve
from hypercorn.config import Config
from tests.support.waiting import until

from sagemaker_local.api import protocol
from sagemaker_local.api.protocol import ApiError, InvokeResult
from sagemaker_local.http import listen
from sagemaker_local.http.gate import Access, Gate
from stagewright.local.emulator import server
from stagewright.local.state import State
from stagewright.local.tasks import objects, sagemaker
from stagewright.local.tasks.changes import Changes

KEY, SECRET = "STAGEWRIGHTTEST", "secret"
STARTED = datetime(2026, 11, 22, 12, 0, 0, 250_000, tzinfo=UTC)
OPTIMIZED, SDK = "arn:aws:states:::sagemaker:", "arn:aws:states:::aws-sdk:sagemaker:"


class Jobs:
    """Training jobs that the test ends."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self.jobs: dict[str, dict[str, Any]] = {}
        self.calls: list[str] = []

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        self.calls.append(f"{operation} {request.get('TrainingJobName', '')}".strip())
        name = request.get("TrainingJobName", "")
        match operation:
            case "CreateTrainingJob":
                if name in self.jobs:
                    raise ApiError("ResourceInUse", f"{name} is there already")
                self.jobs[name] = {
                    "TrainingJobName": name,
                    "TrainingJobStatus": "InProgress",
                    "CreationTime": STARTED,
                }
                return {"TrainingJobArn": f"arn:{name}"}
            case "DescribeTrainingJob":
                return dict(self.jobs[name])
            case "StopTrainingJob":
                self.end(name, "Stopped")
                return {}
            case "DescribeEndpoint":
                return {"EndpointName": "house", "CreationTime": STARTED}
        raise ApiError("ValidationException", f"no {operation} here")

    def invoke(self, endpoint: str, body: bytes, headers: Mapping[str, str]) -> InvokeResult:
        return InvokeResult(
            200,
            body,
            {"content-type": headers["content-type"], "x-amzn-invoked-production-variant": endpoint},
        )

    def end(self, name: str, status: str, **more: Any) -> None:
        self.jobs[name] |= {"TrainingJobStatus": status, **more}
        self._changes.announce()

    def wait_for(self, name: str) -> None:
        until(lambda: f"DescribeTrainingJob {name}" in self.calls)


class Engine:
    """ministack with our tasks, in this process, behind the wrapper."""

    def __init__(self, url: str, jobs: Jobs) -> None:
        self.jobs = jobs
        self.url = url
        self._names = iter(range(10_000))

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
        )

    def start(self, states: dict[str, Any], value: Any = None) -> str:
        definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states}
        with closing(self.client("stepfunctions")) as sfn:
            machine = sfn.create_state_machine(
                name=f"machine-{next(self._names)}",
                definition=json.dumps(definition),
                roleArn="arn:aws:iam::000000000000:role/r",
            )["stateMachineArn"]
            execution = sfn.start_execution(stateMachineArn=machine, input=json.dumps(value or {}))[
                "executionArn"
            ]
            return str(execution)

    def stop(self, execution: str) -> None:
        with closing(self.client("stepfunctions")) as sfn:
            sfn.stop_execution(executionArn=execution, error="Test", cause="stopped by hand")

    def result(self, execution: str) -> dict[str, Any]:
        with closing(self.client("stepfunctions")) as sfn:
            until(lambda: sfn.describe_execution(executionArn=execution)["status"] != "RUNNING")
            outcome: dict[str, Any] = sfn.describe_execution(executionArn=execution)
            return outcome

    def events(self, execution: str) -> list[dict[str, Any]]:
        with closing(self.client("stepfunctions")) as sfn:
            return list(sfn.get_execution_history(executionArn=execution, maxResults=1000)["events"])


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    before = dict(os.environ)
    listening = listen.listen(None, 0)
    port = listening.getsockname()[1]
    os.environ.update(server.environment(State(tmp_path_factory.mktemp("engine")), port))
    stack = server.Ministack(KEY, SECRET)
    changes = Changes()
    jobs = Jobs(changes)
    tasks = sagemaker.SageMakerTasks(jobs, changes)
    stack.register(sagemaker.OPTIMIZED, tasks.optimized)
    stack.register(sagemaker.SDK, tasks.sdk)
    stack.register(sagemaker.SDK_INVOKE, tasks.invoke)
    stack.register(objects.GET_OBJECT, lambda task: objects.get_object(stack, task))
    stack.on_stop = changes.announce
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    config = Config()
    config.bind, config.graceful_timeout = [f"fd://{listening.detach()}"], 0.1
    gate = Gate(stack.app, {"sagemaker": partial(protocol.handle, jobs)}, Access(port, KEY, SECRET))
    served = serve(gate, config, shutdown_trigger=stop.wait)  # type: ignore[arg-type]
    thread = threading.Thread(target=loop.run_until_complete, args=(served,))
    thread.start()
    yield Engine(f"http://127.0.0.1:{port}", jobs)
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    os.environ.clear()
    os.environ.update(before)


def train(name: str, pattern: str = ".sync", **more: Any) -> dict[str, Any]:
    arguments = {"TrainingJobName": name}
    return {
        "Type": "Task",
        "Resource": f"{OPTIMIZED}createTrainingJob{pattern}",
        "Arguments": arguments,
        "End": True,
    } | more


def test_sync_returns_the_description_with_times_in_milliseconds(engine: Engine) -> None:
    execution = engine.start({"Train": train("good")})
    engine.jobs.wait_for("good")
    engine.jobs.end("good", "Completed", ModelArtifacts={"S3ModelArtifacts": "s3://b/m"})
    outcome = engine.result(execution)
    assert outcome["status"] == "SUCCEEDED"
    assert json.loads(outcome["output"]) == {
        "TrainingJobName": "good",
        "TrainingJobStatus": "Completed",
        "CreationTime": round(STARTED.timestamp() * 1000),
        "ModelArtifacts": {"S3ModelArtifacts": "s3://b/m"},
    }


def test_task_without_sync_returns_at_once(engine: Engine) -> None:
    outcome = engine.result(engine.start({"Train": train("at-once", "")}))
    assert json.loads(outcome["output"]) == {"TrainingJobArn": "arn:at-once"}
    assert engine.jobs.jobs["at-once"]["TrainingJobStatus"] == "InProgress"


@pytest.mark.parametrize("status", ["Failed", "Stopped"])
def test_failed_job_fails_its_task(engine: Engine, status: str) -> None:
    name = f"bad-{status}"
    execution = engine.start({"Train": train(name)})
    engine.jobs.wait_for(name)
    engine.jobs.end(name, status, FailureReason="AlgorithmError: no")
    outcome = engine.result(execution)
    assert outcome["error"] == "States.TaskFailed"
    cause = json.loads(outcome["cause"])
    assert (cause["TrainingJobStatus"], cause["FailureReason"]) == (status, "AlgorithmError: no")


def test_errors_have_the_names_of_the_optimized_integration(engine: Engine) -> None:
    engine.result(engine.start({"Train": train("twice", "")}))
    outcome = engine.result(engine.start({"Train": train("twice", "")}))
    assert outcome["error"] == "SageMaker.ResourceInUseException"
    assert "Error Code: ResourceInUse" in outcome["cause"]
    model = {
        "Type": "Task",
        "Resource": f"{OPTIMIZED}createModel",
        "Arguments": {"ModelName": "m"},
        "End": True,
    }
    assert engine.result(engine.start({"Model": model}))["error"] == "SageMaker.AmazonSageMakerException"


@pytest.mark.parametrize(
    ("resource", "arguments"),
    [
        ("createTrainingJob.sync", {"TrainingJobName": "x", "S3Operations": {}}),
        ("createModel.sync", {"ModelName": "x"}),
        ("createTrainingJob.waitForTaskToken", {"TrainingJobName": "x"}),
        ("describeTrainingJob", {"TrainingJobName": "x"}),
    ],
)
def test_rejected_arguments_cannot_be_caught(
    engine: Engine, resource: str, arguments: dict[str, Any]
) -> None:
    calls = len(engine.jobs.calls)
    caught = [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]
    task = {
        "Type": "Task",
        "Resource": OPTIMIZED + resource,
        "Arguments": arguments,
        "End": True,
        "Catch": caught,
    }
    outcome = engine.result(engine.start({"Task": task, "Caught": {"Type": "Pass", "End": True}}))
    assert (outcome["status"], outcome["error"]) == ("FAILED", "States.Runtime")
    assert len(engine.jobs.calls) == calls


def test_sdk_integration_has_the_errors_and_times_of_the_java_sdk_2(engine: Engine) -> None:
    def task(action: str) -> dict[str, Any]:
        return {
            "Call": {
                "Type": "Task",
                "Resource": SDK + action,
                "Arguments": {"EndpointName": "house"},
                "End": True,
            }
        }

    outcome = engine.result(engine.start(task("describeEndpoint")))
    assert json.loads(outcome["output"]) == {
        "EndpointName": "house",
        "CreationTime": "2026-11-22T12:00:00.250Z",
    }
    assert engine.result(engine.start(task("describeModel")))["error"] == "SageMaker.SageMakerException"


def test_stopped_execution_stops_its_jobs_and_starts_no_more(engine: Engine) -> None:
    walk = {
        "StartAt": "Train",
        "States": {
            "Train": train(
                "{% 'stopped-' & $states.input %}", Catch=[{"ErrorEquals": ["States.ALL"], "Next": "After"}]
            )
            | {"Arguments": {"TrainingJobName": "{% 'stopped-' & $states.input %}"}},
            "After": train("after-stop", ""),
        },
    }
    execution = engine.start(
        {"All": {"Type": "Map", "Items": ["a", "b"], "ItemProcessor": walk, "End": True}}
    )
    for name in "ab":
        engine.jobs.wait_for(f"stopped-{name}")
    engine.stop(execution)
    until(lambda: all(engine.jobs.jobs[f"stopped-{name}"]["TrainingJobStatus"] == "Stopped" for name in "ab"))
    until(lambda: not [t for t in threading.enumerate() if execution in str(getattr(t, "_args", ""))])
    assert engine.result(execution)["status"] == "ABORTED"
    assert "after-stop" not in engine.jobs.jobs


def test_timeout_does_not_stop_the_job(engine: Engine) -> None:
    """AWS does not document that it does. The state machine stops the job itself."""
    late = train("late", TimeoutSeconds="{% $states.input.seconds %}")
    outcome = engine.result(engine.start({"Train": late}, {"seconds": 1}))
    assert outcome["error"] == "States.Timeout"
    assert engine.jobs.jobs["late"]["TrainingJobStatus"] == "InProgress"


def test_timeout_of_other_tasks_can_be_an_expression(engine: Engine) -> None:
    item = {"TableName": "none", "Key": {"a": {"S": "1"}}}
    task = {"Type": "Task", "Resource": "arn:aws:states:::dynamodb:getItem", "Arguments": item, "End": True}
    outcome = engine.result(engine.start({"Get": task | {"TimeoutSeconds": "{% 20 + 1 %}"}}))
    assert outcome["error"] == "DynamoDB.ResourceNotFoundException"


def test_event_ids_are_unique_over_parallel_branches(engine: Engine) -> None:
    walk = {"StartAt": "T", "States": {"T": train("{% 'many-' & $string($states.input) %}", "")}}
    walk["States"]["T"]["Arguments"] = {"TrainingJobName": "{% 'many-' & $string($states.input) %}"}
    execution = engine.start(
        {"All": {"Type": "Map", "Items": list(range(30)), "ItemProcessor": walk, "End": True}}
    )
    assert engine.result(execution)["status"] == "SUCCEEDED"
    ids = [event["id"] for event in engine.events(execution)]
    assert len(ids) == len(set(ids)) > 60


def get_object(bucket: str, key: str, **more: str) -> dict[str, Any]:
    resource = "arn:aws:states:::aws-sdk:s3:getObject"
    return {
        "Get": {
            "Type": "Task",
            "Resource": resource,
            "Arguments": {"Bucket": bucket, "Key": key, **more},
            "End": True,
        }
    }


def test_get_object_returns_the_body_as_text(engine: Engine) -> None:
    with closing(engine.client("s3")) as s3:
        s3.create_bucket(Bucket="metrics")
        s3.put_object(
            Bucket="metrics", Key="a/metrics.json", Body='{"r2": 0.9, "ä": 1}'.encode(), Metadata={"by": "me"}
        )
        s3.put_object(Bucket="metrics", Key="big", Body=b"x" * 300_000)
    output = json.loads(engine.result(engine.start(get_object("metrics", "a/metrics.json")))["output"])
    assert json.loads(output["Body"]) == {"r2": 0.9, "ä": 1}
    assert output["ContentLength"] == 20
    assert output["Metadata"] == {"by": "me"}
    assert engine.result(engine.start(get_object("metrics", "big")))["error"] == "States.DataLimitExceeded"
    span = get_object("metrics", "a/metrics.json", Range="bytes=0-13")
    cut = json.loads(engine.result(engine.start(span))["output"])
    assert (cut["ContentLength"], cut["Body"]) == (14, '{"r2": 0.9, "\ufffd')
    assert engine.result(engine.start(get_object("metrics", "none")))["error"] == "S3.NoSuchKeyException"
    assert engine.result(engine.start(get_object("no-bucket", "none")))["error"] == "S3.NoSuchBucketException"


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
def test_parse_accepts_only_json_numbers(engine: Engine, number: str) -> None:
    parse = {"Type": "Pass", "Output": f"{{% $parse('[{number}]') %}}", "End": True}
    ended = engine.result(engine.start({"Parse": parse}))
    assert ended["error"] == "States.QueryEvaluationError"
    assert "is no number in JSON" in ended["cause"]


def test_invoke_endpoint_returns_the_response(engine: Engine) -> None:
    with closing(engine.client("sagemaker-runtime")) as runtime:
        answer = runtime.invoke_endpoint(EndpointName="house", ContentType="text/csv", Body=b"1,2")
        assert answer["Body"].read() == b"1,2"
        assert answer["InvokedProductionVariant"] == "house"


@pytest.mark.parametrize("caught", ["States.ALL", "States.TaskFailed", "States.DataLimitExceeded"])
def test_result_over_the_limit_is_caught(engine: Engine, caught: str) -> None:
    with closing(engine.client("s3")) as s3:
        s3.create_bucket(Bucket="limits")
        s3.put_object(Bucket="limits", Key="big", Body=b"x" * 300_000)
    states = get_object("limits", "big")
    (name,) = states
    output = "{% $states.errorOutput.Error %}"
    states[name] |= {"Catch": [{"ErrorEquals": [caught], "Output": output, "Next": "After"}]}
    states["After"] = {"Type": "Pass", "End": True}
    outcome = engine.result(engine.start(states))
    assert outcome["status"] == "SUCCEEDED", outcome
    assert json.loads(outcome["output"]) == "States.DataLimitExceeded"


def test_range_of_an_empty_object_is_the_general_exception(engine: Engine) -> None:
    with closing(engine.client("s3")) as s3:
        s3.create_bucket(Bucket="ranges")
        s3.put_object(Bucket="ranges", Key="empty", Body=b"")
    states = get_object("ranges", "empty")
    (name,) = states
    states[name]["Arguments"]["Range"] = "bytes=0-10"
    outcome = engine.result(engine.start(states))
    assert outcome["error"] == "S3.S3Exception"
    assert "(Service: S3, Status Code: 416, Request ID: " in outcome["cause"]


@pytest.mark.parametrize(
    ("body", "sent"),
    [("1,2", '"1,2"'), ('é "x"', '"é \\"x\\""'), ({"a": [1, 2]}, '{"a":[1,2]}'), (0, "0"), (False, "false")],
)
def test_sdk_integration_sends_every_body_as_json(engine: Engine, body: Any, sent: str) -> None:
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:sagemakerruntime:invokeEndpoint",
        "Arguments": {"EndpointName": "house", "Body": body, "ContentType": "text/csv"},
        "End": True,
    }
    assert json.loads(engine.result(engine.start({"Invoke": task}))["output"])["Body"] == sent


def test_ministack_uses_the_configured_folders(tmp_path: Path) -> None:
    given = server.environment(State(tmp_path), 1)
    assert given["BIND_HOST"] == "127.0.0.1"
    assert all(Path(given[name]).is_relative_to(tmp_path) for name in ("STATE_DIR", "S3_DATA_DIR"))
