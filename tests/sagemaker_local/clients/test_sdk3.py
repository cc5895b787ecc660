"""The SageMaker Python SDK 3, which reads its endpoint only from the environment."""

from __future__ import annotations

import json

import pytest

from sagemaker_local.sdk_defaults import ROLE

pytestmark = [pytest.mark.sdk3, pytest.mark.slow]


@pytest.fixture(scope="module")
def answers(drive, sdk3_python):
    return drive(sdk3_python, "sdk3.py")


def test_sdk_version(answers):
    assert answers["version"].startswith("3.")


def test_trainer_needs_no_role_and_uses_the_default_bucket(answers, answer, sagemaker):
    assert answers["bucket"] == "sagemaker-us-east-1-000000000000"
    assert answer("train")["model"].startswith(f"s3://{answers['bucket']}/")
    name = answer("train")["model"].split("/")[-3]
    assert sagemaker.describe_training_job(TrainingJobName=name)["RoleArn"] == ROLE


def test_trainer_trains_with_its_channels_and_hyperparameters(answer, bucket):
    model = bucket.archive(answer("train")["model"])
    assert json.loads(model["model.json"]) == {"total": 21.0, "hyperparameters": '{"power": 2}'}


def test_trainer_reports_why_a_script_failed(answer, sagemaker, connect):
    jobs = sagemaker.list_training_jobs(NameContains="broken")["TrainingJobSummaries"]
    job = sagemaker.describe_training_job(TrainingJobName=jobs[0]["TrainingJobName"])
    assert "'broken.py', '--power', '2'" in job["FailureReason"]
    assert job["FailureReason"] in answer("fail")["said"]
    assert "ModelArtifacts" not in job
    assert "ValueError: no such feature" in messages(connect("logs"), job["TrainingJobName"])


def test_processor_runs_a_script_on_its_inputs(answer, bucket):
    assert bucket.read(f"{answer('process')['output']}/rows.txt") == b"1 2 4 1 2 4"


def test_transformer_serves_a_built_model(answer, bucket):
    lines = bucket.read(f"{answer('transform')['output']}/lines.csv.out").decode().split()
    assert [float(line) for line in lines] == [20, 30]


def test_registered_model_has_its_artifact_and_status(answer, sagemaker):
    package = sagemaker.describe_model_package(ModelPackageName=answer("register")["package"])
    (container,) = package["InferenceSpecification"]["Containers"]
    assert container["ModelDataUrl"].endswith("/sdk3/echo/model.tar.gz")
    assert package["ModelApprovalStatus"] == "Approved"


def messages(logs, job):
    events = logs.filter_log_events(logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=f"{job}/")
    return [event["message"] for event in events["events"]]
