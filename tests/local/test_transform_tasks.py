"""`createTransformJob` of Step Functions on the real local server, with a real model."""

from __future__ import annotations

import io
import json
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import boto3
import pytest

from stagewright.local import server as local

BUCKET = "transform"
IMAGE = "own-image"
ROLE = "arn:aws:iam::000000000000:role/r"
RESOURCE = "arn:aws:states:::sagemaker:createTransformJob"
MODEL = """
import time
def model_fn(folder):
    return None
def transform_fn(model, body, content_type, accept):
    text = body if isinstance(body, str) else body.decode()
    if "wait" in text:
        time.sleep(600)
    if "bad" in text:
        raise ValueError(text)
    return text.upper(), accept
"""

Connect = Callable[[str], Any]


@pytest.fixture(scope="module")
def connect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connect]:
    """boto3 clients of a server that has a bucket and the model `upper`."""
    state = tmp_path_factory.mktemp("state")
    (state / "local.toml").write_text(f'[pythons]\n"{IMAGE}" = "{sys.executable}"\n')
    with ExitStack() as opened:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("STAGEWRIGHT_CACHE", str(tmp_path_factory.mktemp("cache")))
            server = local.up(state)
        opened.callback(local.down, state)

        def of(service: str) -> Any:
            client = boto3.client(
                service,
                endpoint_url=server.url,
                region_name="us-east-1",
                aws_access_key_id=server.access_key,
                aws_secret_access_key=server.secret_key,
            )
            return opened.enter_context(closing(client))

        _create_model(of)
        yield of


def _create_model(connect: Connect) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        entry = tarfile.TarInfo("code/inference.py")
        entry.size = len(MODEL)
        tar.addfile(entry, io.BytesIO(MODEL.encode()))
    s3 = connect("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="model.tar.gz", Body=buffer.getvalue())
    connect("sagemaker").create_model(
        ModelName="upper",
        ExecutionRoleArn=ROLE,
        PrimaryContainer={"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz"},
    )


class Executions:
    def __init__(self, connect: Connect) -> None:
        self.s3, self.sagemaker = connect("s3"), connect("sagemaker")
        self._states = connect("stepfunctions")

    def start(self, name: str, data: str, pattern: str = ".sync", **more: Any) -> str:
        self.s3.put_object(Bucket=BUCKET, Key=f"{name}/in/data.csv", Body=data.encode())
        source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{name}/in/"}
        arguments = {
            "TransformJobName": name,
            "ModelName": "upper",
            "TransformInput": {
                "DataSource": {"S3DataSource": source},
                "ContentType": "text/csv",
                "SplitType": "Line",
            },
            "TransformOutput": {"S3OutputPath": f"s3://{BUCKET}/{name}/out", "AssembleWith": "Line"},
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
            **more,
        }
        task = {"Type": "Task", "Resource": RESOURCE + pattern, "Arguments": arguments, "End": True}
        definition = {"QueryLanguage": "JSONata", "StartAt": "Score", "States": {"Score": task}}
        machine = self._states.create_state_machine(
            name=name, definition=json.dumps(definition), roleArn=ROLE
        )["stateMachineArn"]
        return str(self._states.start_execution(stateMachineArn=machine)["executionArn"])

    def result(self, execution: str) -> dict[str, Any]:
        until(lambda: self._describe(execution)["status"] != "RUNNING")
        return self._describe(execution)

    def stop(self, execution: str) -> None:
        self._states.stop_execution(executionArn=execution, error="Test", cause="stopped by hand")

    def job(self, name: str) -> dict[str, Any]:
        found = self.sagemaker.list_transform_jobs(NameContains=name)["TransformJobSummaries"]
        return found[0] if found else {"TransformJobStatus": "Absent"}

    def _describe(self, execution: str) -> dict[str, Any]:
        found: dict[str, Any] = self._states.describe_execution(executionArn=execution)
        return found


@pytest.fixture
def executions(connect: Connect) -> Executions:
    return Executions(connect)


def until(done: Callable[[], Any], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def test_sync_waits_and_answers_the_description(executions: Executions) -> None:
    found = executions.result(executions.start("good", "a,b\nc,d\n"))
    assert found["status"] == "SUCCEEDED", found
    output = json.loads(found["output"])
    assert (output["TransformJobStatus"], output["ModelName"]) == ("Completed", "upper")
    assert output["TransformOutput"]["S3OutputPath"] == f"s3://{BUCKET}/good/out"
    # Times as the optimized integration writes them: epoch milliseconds.
    assert output["CreationTime"] <= output["TransformStartTime"] <= output["TransformEndTime"]
    assert output["CreationTime"] > 1e12
    written = executions.s3.get_object(Bucket=BUCKET, Key="good/out/data.csv.out")["Body"].read()
    assert written == b"A,B\nC,D\n"


def test_filters_and_the_client_s_configuration_pass(executions: Executions) -> None:
    config = {"InvocationsMaxRetries": 0, "InvocationsTimeoutInSeconds": 60}
    more = {"DataProcessing": {"InputFilter": "$[1:]"}, "ModelClientConfig": config}
    assert executions.result(executions.start("filtered", "1,a\n2,b\n", **more))["status"] == "SUCCEEDED"
    written = executions.s3.get_object(Bucket=BUCKET, Key="filtered/out/data.csv.out")["Body"].read()
    assert written == b"A\nB\n"


def test_without_sync_it_answers_the_arn_at_once(executions: Executions) -> None:
    found = executions.result(executions.start("at-once", "wait", ""))
    assert json.loads(found["output"]) == {
        "TransformJobArn": "arn:aws:sagemaker:us-east-1:000000000000:transform-job/at-once"
    }
    assert executions.job("at-once")["TransformJobStatus"] == "InProgress"
    executions.sagemaker.stop_transform_job(TransformJobName="at-once")
    until(lambda: executions.job("at-once")["TransformJobStatus"] == "Stopped")


def test_a_failed_job_fails_the_task_with_its_description(executions: Executions) -> None:
    found = executions.result(executions.start("failing", "bad"))
    assert (found["status"], found["error"]) == ("FAILED", "States.TaskFailed")
    cause = json.loads(found["cause"])
    assert cause["FailureReason"] == "AlgorithmError: See job logs for more information"


def test_a_field_that_the_integration_does_not_take(executions: Executions) -> None:
    found = executions.result(
        executions.start("captured", "a", DataCaptureConfig={"DestinationS3Uri": "s3://b/c"})
    )
    assert (found["status"], found["error"]) == ("FAILED", "States.Runtime")
    assert 'The field "DataCaptureConfig" is not supported by Step Functions' in found["cause"]
    assert executions.job("captured")["TransformJobStatus"] == "Absent"


def test_stopping_the_execution_stops_the_job(executions: Executions) -> None:
    execution = executions.start("stopped", "wait")
    until(lambda: executions.job("stopped")["TransformJobStatus"] == "InProgress")
    executions.stop(execution)
    until(lambda: executions.job("stopped")["TransformJobStatus"] == "Stopped")
    assert executions.result(execution)["status"] == "ABORTED"
    assert executions.s3.list_objects_v2(Bucket=BUCKET, Prefix="stopped/out").get("KeyCount") == 0
