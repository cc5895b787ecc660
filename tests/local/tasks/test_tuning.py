"""`createHyperParameterTuningJob` of Step Functions on a local server."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from typing import Any

import pytest
from tests.local.tasks.task_machine import ROLE, Tasks
from tests.support.waiting import until

BUCKET = "tuning"
IMAGE = "own-image"
SCRIPT = """
import argparse, os, pathlib, time
parser = argparse.ArgumentParser()
parser.add_argument('--rate')
parser.add_argument('--sleep', type=int)
given = parser.parse_args()
pathlib.Path(os.environ['SM_MODEL_DIR'], 'rate').write_text(given.rate)
print('loss:', given.rate, flush=True)
time.sleep(given.sleep)
"""

Connect = Callable[[str], Any]


@pytest.fixture(scope="module")
def connect(own_image: Connect) -> Connect:
    """Of a server that has a bucket with the script's archive."""
    s3 = own_image("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="source.tar.gz", Body=archive("train.py", SCRIPT))
    return own_image


def archive(name: str, text: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()


def request(name: str, sleep: int, rates: tuple[str, ...] = ("3", "1", "2")) -> dict[str, Any]:
    static = {
        "sagemaker_program": '"train.py"',
        "sagemaker_submit_directory": f'"s3://{BUCKET}/source.tar.gz"',
        "sleep": str(sleep),
    }
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Grid",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
            "ResourceLimits": {"MaxParallelTrainingJobs": 2},
            "ParameterRanges": {"CategoricalParameterRanges": [{"Name": "rate", "Values": list(rates)}]},
        },
        "TrainingJobDefinition": {
            "AlgorithmSpecification": {
                "TrainingImage": IMAGE,
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "loss", "Regex": "loss: ([0-9.]+)"}],
            },
            "StaticHyperParameters": static,
            "RoleArn": ROLE,
            "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 10},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/models"},
        },
    }


class Executions(Tasks):
    def statuses(self, name: str) -> list[str]:
        """Of the training jobs."""
        pages = self.sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job")
        outcome = pages.paginate(HyperParameterTuningJobName=name, PaginationConfig={"PageSize": 1})
        return [item["TrainingJobStatus"] for item in outcome.search("TrainingJobSummaries[]")]


@pytest.fixture
def executions(connect: Connect) -> Executions:
    return Executions(connect, "createHyperParameterTuningJob")


@pytest.mark.slow
def test_sync_waits_and_the_best_model_is_in_the_folder_of_its_job(executions: Executions) -> None:
    outcome = executions.result(executions.start("good", request("good", sleep=0)))
    assert outcome["status"] == "SUCCEEDED", outcome
    output = json.loads(outcome["output"])
    assert output["HyperParameterTuningJobStatus"] == "Completed"
    assert output["TrainingJobStatusCounters"]["Completed"] == 3
    assert output["CreationTime"] > 1e12
    best = output["BestTrainingJob"]
    assert best["TunedHyperParameters"] == {"rate": "1"}
    assert best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] == 1.0
    key = f"models/{best['TrainingJobName']}/output/model.tar.gz"
    model = executions.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(model)) as tar:
        assert tar.extractfile("rate").read() == b"1"  # type: ignore[union-attr]
    assert executions.statuses("good") == ["Completed"] * 3


def test_task_without_sync_returns_the_arn(executions: Executions) -> None:
    outcome = executions.result(executions.start("at-once", request("at-once", sleep=0), ""))
    arn = "arn:aws:sagemaker:us-east-1:000000000000:hyper-parameter-tuning-job/at-once"
    assert json.loads(outcome["output"]) == {"HyperParameterTuningJobArn": arn}


def test_failed_tuning_job_fails_its_task(executions: Executions) -> None:
    asked = request("bad", sleep=0, rates=("no-number",))
    outcome = executions.result(executions.start("bad", asked))
    assert (outcome["status"], outcome["error"]) == ("FAILED", "States.TaskFailed")
    cause = json.loads(outcome["cause"])
    assert cause["HyperParameterTuningJobStatus"] == "Failed"
    assert cause["FailureReason"].startswith("No objective metrics found after running 1 training jobs.")


def test_unsupported_field_is_rejected(executions: Executions) -> None:
    asked = request("rejected", sleep=0) | {"Autotune": {"Mode": "Enabled"}}
    outcome = executions.result(executions.start("rejected", asked))
    assert (outcome["status"], outcome["error"]) == ("FAILED", "States.Runtime")


def test_stopped_execution_stops_the_tuning_job_and_its_training_jobs(executions: Executions) -> None:
    execution = executions.start("halted", request("halted", sleep=600))
    tuning_jobs = executions.sagemaker.list_hyper_parameter_tuning_jobs
    until(lambda: tuning_jobs(NameContains="halted")["HyperParameterTuningJobSummaries"])
    until(lambda: executions.statuses("halted") == ["InProgress"] * 2)
    executions.stop(execution)
    describe = executions.sagemaker.describe_hyper_parameter_tuning_job
    until(
        lambda: describe(HyperParameterTuningJobName="halted")["HyperParameterTuningJobStatus"] == "Stopped"
    )
    assert executions.statuses("halted") == ["Stopped"] * 2
    assert executions.result(execution)["status"] == "ABORTED"


def test_paginators_of_boto3_return_every_page(executions: Executions) -> None:
    for name in ("page-b", "page-a", "page-c"):
        executions.sagemaker.create_hyper_parameter_tuning_job(**request(name, sleep=0, rates=("1",)))
    outcome = executions.sagemaker.get_paginator("list_hyper_parameter_tuning_jobs").paginate(
        NameContains="page-", PaginationConfig={"PageSize": 1}
    )
    names = list(outcome.search("HyperParameterTuningJobSummaries[].HyperParameterTuningJobName"))
    assert names == ["page-a", "page-b", "page-c"]
