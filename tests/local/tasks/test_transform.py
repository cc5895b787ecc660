"""`createTransformJob` of Step Functions on a local server with a real model."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from typing import Any

import pytest
from tests.local.tasks.task_machine import ROLE, Tasks
from tests.support.waiting import until

BUCKET = "transform"
IMAGE = "own-image"
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
def connect(own_image: Connect) -> Connect:
    """Of a server that has a bucket and the model `upper`."""
    _create_model(own_image)
    return own_image


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


class Executions(Tasks):
    def score(self, name: str, data: str, pattern: str = ".sync", **more: Any) -> str:
        """The job of this name, on a file of this content."""
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
        return self.start(name, arguments, pattern)

    def job(self, name: str) -> dict[str, Any]:
        outcome = self.sagemaker.list_transform_jobs(NameContains=name)["TransformJobSummaries"]
        return outcome[0] if outcome else {"TransformJobStatus": "Absent"}


@pytest.fixture
def executions(connect: Connect) -> Executions:
    return Executions(connect, "createTransformJob")


@pytest.mark.slow
def test_sync_waits_and_returns_the_description(executions: Executions) -> None:
    outcome = executions.result(executions.score("good", "a,b\nc,d\n"))
    assert outcome["status"] == "SUCCEEDED", outcome
    output = json.loads(outcome["output"])
    assert (output["TransformJobStatus"], output["ModelName"]) == ("Completed", "upper")
    assert output["TransformOutput"]["S3OutputPath"] == f"s3://{BUCKET}/good/out"
    # Times as the optimized integration writes them: epoch milliseconds.
    assert output["CreationTime"] <= output["TransformStartTime"] <= output["TransformEndTime"]
    assert output["CreationTime"] > 1e12
    written = executions.s3.get_object(Bucket=BUCKET, Key="good/out/data.csv.out")["Body"].read()
    assert written == b"A,B\nC,D\n"


def test_filters_and_client_configuration_are_accepted(executions: Executions) -> None:
    config = {"InvocationsMaxRetries": 0, "InvocationsTimeoutInSeconds": 60}
    more = {"DataProcessing": {"InputFilter": "$[1:]"}, "ModelClientConfig": config}
    assert executions.result(executions.score("filtered", "1,a\n2,b\n", **more))["status"] == "SUCCEEDED"
    written = executions.s3.get_object(Bucket=BUCKET, Key="filtered/out/data.csv.out")["Body"].read()
    assert written == b"A\nB\n"


def test_task_without_sync_returns_the_arn_at_once(executions: Executions) -> None:
    outcome = executions.result(executions.score("at-once", "wait", ""))
    assert json.loads(outcome["output"]) == {
        "TransformJobArn": "arn:aws:sagemaker:us-east-1:000000000000:transform-job/at-once"
    }
    assert executions.job("at-once")["TransformJobStatus"] == "InProgress"
    executions.sagemaker.stop_transform_job(TransformJobName="at-once")
    until(lambda: executions.job("at-once")["TransformJobStatus"] == "Stopped")


def test_failed_job_fails_the_task_with_its_description(executions: Executions) -> None:
    outcome = executions.result(executions.score("failing", "bad"))
    assert (outcome["status"], outcome["error"]) == ("FAILED", "States.TaskFailed")
    cause = json.loads(outcome["cause"])
    assert cause["FailureReason"] == "AlgorithmError: See job logs for more information"


def test_unsupported_field_is_rejected(executions: Executions) -> None:
    outcome = executions.result(
        executions.score("captured", "a", DataCaptureConfig={"DestinationS3Uri": "s3://b/c"})
    )
    assert (outcome["status"], outcome["error"]) == ("FAILED", "States.Runtime")
    assert 'The field "DataCaptureConfig" is not supported by Step Functions' in outcome["cause"]
    assert executions.job("captured")["TransformJobStatus"] == "Absent"


def test_stopped_execution_stops_the_job(executions: Executions) -> None:
    execution = executions.score("stopped", "wait")
    until(lambda: executions.job("stopped")["TransformJobStatus"] == "InProgress")
    executions.stop(execution)
    until(lambda: executions.job("stopped")["TransformJobStatus"] == "Stopped")
    assert executions.result(execution)["status"] == "ABORTED"
    assert executions.s3.list_objects_v2(Bucket=BUCKET, Prefix="stopped/out").get("KeyCount") == 0
