"""A script sees the same environment here as under AWS's sagemaker-training toolkit."""

from __future__ import annotations

import json
import re

import pytest
from botocore.exceptions import WaiterError
from tests.sagemaker_local.clients.account import IMAGE, TOOLKIT_IMAGE

pytestmark = pytest.mark.slow

QUICK = {"Delay": 0.05, "MaxAttempts": 6000}
DUMP = """
import json, os, pathlib, sys
seen = {"variables": dict(os.environ), "arguments": sys.argv, "folder": os.getcwd()}
pathlib.Path("/opt/ml/model/seen.json").write_text(json.dumps(seen))
"""
HYPERPARAMETERS = {
    "sagemaker_container_log_level": "30",
    "sagemaker_region": '"eu-west-1"',
    "sagemaker_job_name": '"as-the-sdk-says"',
    "sagemaker_parameter_server_enabled": "true",
    "n-estimators": "300",
    "rate": "0.1",
    "label": '"two words"',
    "deep": "true",
    "nothing": "null",
    "layers": "[64, 32]",
    "options": '{"b": 2, "a": "x"}',
    "d": "4",
    "bare": "no JSON",
}


@pytest.fixture(scope="module")
def seen(account, bucket):
    """`seen(image)`: what a script sees that the image's toolkit runs."""

    def run(image, **specification):
        name = f"dump-{image}"
        account.training_job(name, DUMP, image, HYPERPARAMETERS, ("train", "test"), **specification)
        account.sagemaker.get_waiter("training_job_completed_or_stopped").wait(
            TrainingJobName=name, WaiterConfig=QUICK
        )
        return json.loads(bucket.archive(account.model_of(name))["seen.json"])

    return run


@pytest.fixture(scope="module")
def ours(seen):
    return seen(IMAGE)


@pytest.fixture(scope="module")
def theirs(seen, toolkit_python):
    return seen(TOOLKIT_IMAGE, ContainerEntrypoint=["train"])


OWN_TO_A_JOB = {
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "HOME",
    "PATH",
    "SAGEMAKER_ADMIN_CONFIG_OVERRIDE",
    "SAGEMAKER_USER_CONFIG_OVERRIDE",
    "TRAINING_JOB_ARN",
    "TRAINING_JOB_NAME",
}
"""They hold the job's name, a folder of the job's own, or that of the image's Python."""
PWD = "PWD"
"""Set by the shell that the command `train` of a package starts with."""
PYTHONPATH = "PYTHONPATH"
"""The toolkit writes down its whole `sys.path`; a script of ours finds the same packages without that."""


def test_every_variable_is_the_same(ours, theirs):
    mine, aws = told_apart(ours["variables"]), told_apart(theirs["variables"])
    aws.pop(PWD)
    assert mine.pop(PYTHONPATH) == "/opt/ml/code"
    assert aws.pop(PYTHONPATH).split(":")[0] == "/opt/ml/code"
    assert mine == aws


def test_job_name_variables_name_the_job(ours, theirs, bucket):
    for image, dump in ((IMAGE, ours), (TOOLKIT_IMAGE, theirs)):
        variables = dump["variables"]
        assert variables["TRAINING_JOB_NAME"] == f"dump-{image}"
        assert variables["TRAINING_JOB_ARN"].endswith(f":training-job/dump-{image}")
        assert variables["SM_MODULE_DIR"] == bucket.uri(f"dump-{image}/source.tar.gz")


def test_arguments_and_folder_are_the_same(ours, theirs):
    assert (ours["arguments"], ours["folder"]) == (theirs["arguments"], theirs["folder"])
    assert ours["arguments"][:5] == ["script.py", "--bare", "no JSON", "-d", "4"]


def test_hyperparameters_are_decoded_in_the_script(theirs):
    assert json.loads(theirs["variables"]["SM_HPS"]) == {
        "n-estimators": 300,
        "rate": 0.1,
        "label": "two words",
        "deep": True,
        "nothing": None,
        "layers": [64, 32],
        "options": {"b": 2, "a": "x"},
        "d": 4,
        "bare": "no JSON",
    }


def test_failed_script_is_reported_like_the_toolkit(account, toolkit_python):
    reasons = []
    for image, specification in ((IMAGE, {}), (TOOLKIT_IMAGE, {"ContainerEntrypoint": ["train"]})):
        name = f"broken-{image}"
        account.training_job(name, "raise SystemExit('no such column: price')", image, **specification)
        with pytest.raises(WaiterError):
            account.sagemaker.get_waiter("training_job_completed_or_stopped").wait(
                TrainingJobName=name, WaiterConfig=QUICK
            )
        reason = account.sagemaker.describe_training_job(TrainingJobName=name)["FailureReason"]
        # Theirs has a `--`, since a script's name may begin with a dash; ours refuses such a name.
        reasons.append(re.sub(r'Command "\S+ (-- )?script.py', 'Command "python script.py', reason))
    begin, end = (
        'AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage "',
        'no such column: price"\n',
    )
    end += 'Command "python script.py", exit code: 1'
    assert reasons == [begin + end] * 2


def told_apart(variables):
    """Without what belongs to one job, and with one name for both jobs where it is a part."""
    job = variables["TRAINING_JOB_NAME"]
    found = {
        name: value.replace(job, "<job>") for name, value in variables.items() if name not in OWN_TO_A_JOB
    }
    return {**found, "SM_TRAINING_ENV": json.loads(found["SM_TRAINING_ENV"])}
