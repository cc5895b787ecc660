"""IAM enforces the settings of jobs: the example runs, and no job without them is made."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.e2e import enforced_use
from tests.e2e.enforced import Enforced, serving

from stagewright.document.load import load
from stagewright.local.state import INSTALLATION
from stagewright.planner.model import Recorded, Trigger
from stagewright.planner.planner import plan
from stagewright.planner.release import CodeFile, Release
from stagewright.stages.base.job_settings import FIELDS, JobSettings, definitions

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

KEY = f"arn:aws:kms:us-east-1:{INSTALLATION.account}:key/1"
SETTINGS = JobSettings(
    subnets=("subnet-1", "subnet-2"),
    security_groups=("sg-1",),
    encrypt_traffic=True,
    kms_volume_key=KEY,
    kms_output_key=KEY,
    instance_types=("ml.m5.*",),
    tags={"team": "prices"},
)
STAGES = {
    "prepare": {"kind": "processing", "code": "work.py", "outputs": ["rows"]},
    "train": {"kind": "training", "entry_point": "train.py"},
    "tune": enforced_use.TUNE,
    "score": {"kind": "transform", "model": enforced_use.MODEL, "input": "s3://${bucket}/raw/every/"},
    "deploy": enforced_use.SERVING,
}


@pytest.fixture(scope="module")
def enforced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Enforced]:
    with serving(tmp_path_factory.mktemp("state"), STAGEWRIGHT_JOBS=json.dumps(asdict(SETTINGS))) as place:
        yield place


def requests() -> dict[str, dict[str, Any]]:
    """Operation -> a request with the settings."""
    document = load({"name": "all", "defaults": enforced_use.DEFAULTS, "stages": STAGES})
    files = {path: CodeFile("0" * 64) for path in enforced_use.FILES}
    data = {INSTALLATION.uri(key): "1" for key in ("models/model.tar.gz", "raw/every/")}
    recorded = Recorded(INSTALLATION, Release("all", files), external=data, jobs=SETTINGS)
    stages = plan(document, Trigger("manual", "m:1", "2026-01-31T14:00:00.000Z"), recorded).stages
    return {operation: request for stage in stages for operation, request in stage.requests.items()}


def without(request: dict[str, Any], operation: str, path: str) -> dict[str, Any]:
    changed = copy.deepcopy(request)
    *outer, last = path.split(".")
    for _, part in definitions(operation, changed):
        for name in outer:
            part = part[name]
        del part[last]
    return changed


CASES = [
    (operation, path)
    for operation, fields in FIELDS.items()
    for setting, path in fields.items()
    if setting != "network_isolation" and "DataCapture" not in path
]


def test_example_runs_with_the_settings_in_every_job(enforced: Enforced) -> None:
    enforced_use.example(enforced)
    sagemaker = enforced.client("sagemaker")
    for summary in sagemaker.list_training_jobs()["TrainingJobSummaries"]:
        job = sagemaker.describe_training_job(TrainingJobName=summary["TrainingJobName"])
        assert job["VpcConfig"] == SETTINGS.vpc
        assert job["ResourceConfig"]["VolumeKmsKeyId"] == job["OutputDataConfig"]["KmsKeyId"] == KEY
        tags = sagemaker.list_tags(ResourceArn=job["TrainingJobArn"])["Tags"]
        assert {"Key": "team", "Value": "prices"} in tags
    for summary in sagemaker.list_processing_jobs()["ProcessingJobSummaries"]:
        job = sagemaker.describe_processing_job(ProcessingJobName=summary["ProcessingJobName"])
        assert job["NetworkConfig"] == {
            "VpcConfig": SETTINGS.vpc,
            "EnableInterContainerTrafficEncryption": True,
        }


@pytest.mark.parametrize(("operation", "path"), CASES)
def test_request_without_a_setting_is_denied(enforced: Enforced, operation: str, path: str) -> None:
    request = without(requests()[operation], operation, path)
    assert _refusal(enforced, operation, request) == "AccessDeniedException"


@pytest.mark.parametrize("operation", FIELDS)
def test_request_with_the_settings_is_not_denied(enforced: Enforced, operation: str) -> None:
    assert _refusal(enforced, operation, requests()[operation]) != "AccessDeniedException"


@pytest.mark.parametrize("subnets", [["subnet-9"], ["subnet-1", "subnet-9"]])
def test_other_subnets_and_instance_types_are_denied(enforced: Enforced, subnets: list[str]) -> None:
    request = copy.deepcopy(requests()["CreateTrainingJob"])
    request["VpcConfig"]["Subnets"] = subnets
    assert _refusal(enforced, "CreateTrainingJob", request) == "AccessDeniedException"
    request = copy.deepcopy(requests()["CreateTrainingJob"])
    request["ResourceConfig"]["InstanceType"] = "ml.c5.large"
    assert _refusal(enforced, "CreateTrainingJob", request) == "AccessDeniedException"


def test_run_with_a_wider_document_is_rejected(enforced: Enforced) -> None:
    stages = {"train": {**STAGES["train"], "subnets": ["subnet-9"]}}
    document = {"name": "wider", "defaults": enforced_use.DEFAULTS, "stages": stages}
    run = enforced.over(enforced.push(document, enforced_use.FILES))
    assert (run.status, "stages.train.subnets: subnet-9 is not of this installation" in run.reason) == (
        "REJECTED",
        True,
    )


def _refusal(enforced: Enforced, operation: str, request: dict[str, Any]) -> str:
    """The error code, or "" for a request that was accepted."""
    names = {"CreateHyperParameterTuningJob": "create_hyper_parameter_tuning_job"}
    words = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation).strip("_")
    try:
        getattr(enforced.client("sagemaker", "workflow"), names.get(operation, words))(**request)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""
