"""The fixtures that people use in their own tests: as they would, in a pytest of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.command_line import tiny

from stagewright.local import server

pytestmark = pytest.mark.slow

CONFTEST = """
import sys, pytest
pytest_plugins = ["stagewright.testing"]

@pytest.fixture(scope="session")
def sagemaker_pythons():
    return {"plain-python": sys.executable}
"""
BESIDE = """
@pytest.fixture(scope="session")
def sagemaker_endpoint_url():
    return "{up.url}"

@pytest.fixture(scope="session")
def sagemaker_key():
    return ("{up.access_key}", "{up.secret_key}")
"""
TEST = """
import boto3

def run(local, bucket):
    s3, sagemaker = local.client("s3"), local.client("sagemaker")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="in/a.txt", Body=b"3")
    place = "/opt/ml/processing"
    copy = f"open('{place}/out/b.txt', 'w').write(str(2 * int(open('{place}/in/a.txt').read())))"
    cluster = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
    folders = {"S3Uri": f"s3://{bucket}/in/", "LocalPath": f"{place}/in", "S3DataType": "S3Prefix"}
    results = {"S3Uri": f"s3://{bucket}/out", "LocalPath": f"{place}/out", "S3UploadMode": "EndOfJob"}
    sagemaker.create_processing_job(
        ProcessingJobName="double",
        RoleArn="arn:aws:iam::000000000000:role/any",
        AppSpecification={"ImageUri": "plain-python", "ContainerEntrypoint": ["python3", "-c", copy]},
        ProcessingResources={"ClusterConfig": cluster},
        ProcessingInputs=[{"InputName": "in", "S3Input": folders}],
        ProcessingOutputConfig={"Outputs": [{"OutputName": "out", "S3Output": results}]},
    )
    sagemaker.get_waiter("processing_job_completed_or_stopped").wait(
        ProcessingJobName="double", WaiterConfig={"Delay": 1, "MaxAttempts": 300}
    )
    return s3.get_object(Bucket=bucket, Key="out/b.txt")["Body"].read()

def test_plugin_runs_a_training_job(sagemaker_local):
    assert run(sagemaker_local, "mine") == b"6"

def test_plugin_sets_the_job_environment(sagemaker_local, monkeypatch):
    for name, value in sagemaker_local.environment.items():
        monkeypatch.setenv(name, value)
    client = boto3.session.Session().client("sagemaker")
    names = [job["ProcessingJobName"] for job in client.list_processing_jobs()["ProcessingJobSummaries"]]
    client.close()
    assert names == ["double"]
"""
EMPTY = """
import pytest

@pytest.mark.parametrize("number", range(2))
def test_plugin_starts_with_empty_state(aws_local, number):
    sagemaker = aws_local.client("sagemaker")
    assert sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"] == []
    sagemaker.create_model_package_group(ModelPackageGroupName="mine")
    assert aws_local.client("dynamodb").list_tables()["TableNames"]
"""
PIPELINE = """
import pytest
from stagewright import RunFailedError
from stagewright.testing import assert_run

def test_pipeline_is_good(run_pipeline):
    run = run_pipeline(".", parameters={"factor": 3}, skip=["serve"])
    assert_run(
        run, stages={"fit": "SUCCEEDED", "serve": "SKIPPED"},
        metrics={"fit.product": ">= 18", "total.total": pytest.approx(6)},
    )

def test_unchanged_pipeline_is_reused(run_pipeline):
    run = run_pipeline(".", parameters={"factor": 3}, skip="serve")
    assert_run(run, stages={"total": "REUSED", "fit": "REUSED"}, metrics={"fit.product": 18.0})
    assert_run(run, metrics={"fit.product": lambda value: value > 1})

def test_failure_is_expected(run_pipeline):
    run = run_pipeline(".", parameters={"factor": -1}, skip="serve")
    assert_run(run, "FAILED", stages={"fit": "FAILED", "check": "NOT_RUN"})
    with pytest.raises(pytest.fail.Exception) as raised:
        assert_run(run, stages={"total": "FAILED", "other": "REUSED"}, metrics={"total.total": "< 6", "x": 1})
    lines = str(raised.value).splitlines()
    assert lines[0].startswith("expected SUCCEEDED: tiny-")
    assert lines[1].startswith("stage total: expected FAILED, is REUSED (")
    assert lines[2] == "stage other: expected REUSED, there is no such stage"
    assert lines[3] == "metric total.total: expected < 6, is 6"
    assert lines[4] == "metric x: there is none; the run has total.total"
    assert lines[5] == "the log of fit:"
    assert any("a negative factor is of no use" in line for line in lines[6:])

def test_wrong_comparison_is_an_error(run_pipeline):
    run = run_pipeline(".", parameters={"factor": 3}, skip="serve")
    with pytest.raises(ValueError, match="is no comparison"):
        assert_run(run, metrics={"fit.product": "more than 3"})
"""
UNUSED = """
import sys

def test_plugin_imports_nothing_early():
    assert not [name for name in sys.modules if name.startswith(("stagewright.local", "boto3", "ministack"))]
"""


def run_pytest(folder: Path, test: str, conftest: str = CONFTEST, settings: str = "") -> str:
    """What a pytest in this folder prints; it must succeed."""
    (folder / "conftest.py").write_text(conftest)
    (folder / "test_mine.py").write_text(test)
    (folder / "pytest.ini").write_text(f"[pytest]\nfilterwarnings = error\n{settings}\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--basetemp", str(folder / "temporary")],
        cwd=folder,
        env=environment | {"STAGEWRIGHT_CACHE": str(folder / "cache"), "AWS_PROFILE": "somebody-s-own"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def states(folder: Path) -> list[Path]:
    found = (folder / "temporary").glob("stagewright*")
    return sorted(state for state in found if not state.is_symlink())


def test_plugin_runs_a_job_in_the_local_server(tmp_path):
    assert "2 passed" in run_pytest(tmp_path, TEST)
    (state,) = states(tmp_path)
    assert server.find(state) is None


def test_plugin_runs_a_job_with_another_s3(tmp_path, monkeypatch):
    monkeypatch.setenv("STAGEWRIGHT_CACHE", str(tmp_path / "cache"))
    with server.temporary(tmp_path / "other") as up:
        assert "2 passed" in run_pytest(tmp_path, TEST, CONFTEST + BESIDE.format(up=up))
    (state,) = states(tmp_path)
    assert (state / "sagemaker/jobs/processing/double/log").exists()


def test_each_test_can_have_its_own_server(tmp_path):
    conftest = 'pytest_plugins = ["stagewright.testing"]'
    assert "2 passed" in run_pytest(tmp_path, EMPTY, conftest, "stagewright_scope = function")
    assert len(states(tmp_path)) == 2


def test_unused_plugin_starts_nothing(tmp_path):
    assert "1 passed" in run_pytest(tmp_path, UNUSED, 'pytest_plugins = ["stagewright.testing"]')
    assert states(tmp_path) == []


def test_pipeline_runs_in_a_test(tmp_path):
    tiny(tmp_path)
    conftest = CONFTEST.replace("plain-python", "sklearn-1.4")
    assert "4 passed" in run_pytest(tmp_path, PIPELINE, conftest)
    (state,) = states(tmp_path)
    assert server.find(state) is None
