"""Failures in the words of jobs, toolkits and AWS get the setting that changes them."""

from __future__ import annotations

import pytest

from stagewright.runs.history.remedies import Failure, remedy

CHANNEL = "request.CreateTrainingJob.InputDataConfig.{}.DataSource.S3DataSource.S3Uri"
RAW = "request.CreateProcessingJob.ProcessingInputs.raw.S3Input"
NO_FILE = (
    "AlgorithmError: FileNotFoundError: [Errno 2] No such file or directory: '/opt/ml/x.csv', exit code: 1"
)
TOOLKIT = """\
AlgorithmError: ExecuteUserScriptError:
ExitCode 1
ErrorMessage "ModuleNotFoundError: No module named 'lightgbm'"
"""


def found(text: str, kind: str = "training", **inputs: str) -> str:
    return remedy(Failure("fit", kind, inputs), text)


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("training", TOOLKIT, "lightgbm is missing: add its package to requirements.txt in the root"),
        ("processing", "ModuleNotFoundError: No module named 'helpers.x'", "a processing job installs no"),
        ("glue", "ModuleNotFoundError: No module named 'pandas'", "additional-python-modules"),
        ("endpoint", "No module named sklearn.ensemble._gb_losses", "another version of sklearn"),
        ("training", "ImportError: cannot import name 'comb' from 'sklearn.utils'", "version of sklearn"),
        ("training", "AttributeError: module 'numpy' has no attribute 'bool'", "another version of numpy"),
        ("transform", "node array from the pickle has an incompatible dtype", "version of a library"),
        ("training", "train.py: error: unrecognized arguments: --lr 3", "stagewright validate PIPELINE"),
        ("processing", "SyntaxError: invalid syntax", "stagewright validate PIPELINE"),
        ("training", "OSError: [Errno 28] No space left on device", "stages.fit.volume_size_gb"),
        ("training", "ClientError: Artifact upload failed: disk is full", "stages.fit.volume_size_gb"),
        ("training", "torch.cuda.OutOfMemoryError: CUDA out of memory", "larger stages.fit.instance_type"),
        ("processing", "AlgorithmError: , exit code: 137", "the system killed the job"),
        ("training", "InternalServerError: ExitCode -9", "larger stages.fit.instance_type"),
        ("glue", "Command failed due to Out of memory", "stages.fit.capacity"),
        ("training", "the job ran longer than max_runtime_seconds", "raise stages.fit.max_runtime_seconds"),
        ("processing", "MaxRuntimeExceeded: the job ran longer than 60 s", "stages.fit.max_runtime_seconds"),
        ("training", "MaxWaitTimeExceeded", "stages.fit.max_wait_seconds"),
        ("endpoint", "Your invocation timed out while waiting for a response from", "within 60 s"),
        ("training", "User: arn:aws:x is not authorized to perform: s3:GetObject", "s3:GetObject"),
        ("training", "x is not authorized to perform: sagemaker:CreateTrainingJob", "stagewright doctor"),
        ("training", "PermissionError: [Errno 13] Permission denied: '/opt/ml/x'", "/opt/ml/model"),
        ("processing", "PermissionError: [Errno 13] Permission denied: '/x'", "stages.fit.outputs"),
        ("training", "ResourceLimitExceeded: The account-level service limit", "Service Quotas"),
        ("training", "CapacityError: Unable to provision requested ML compute", "stages.fit.retry"),
        ("training", "RuntimeError: Found no NVIDIA driver on your system", "GPU"),
        ("training", "/bin/sh: ./run.sh: /bin/bash^M: bad interpreter", "line endings"),
    ],
)  # fmt: skip
def test_words_of_a_failure_name_the_setting(kind, text, expected):
    assert expected in found(text, kind)


def test_a_missing_file_names_the_folders_of_the_inputs():
    inputs = {
        CHANNEL.format("train"): "s3://b/x/",
        CHANNEL.format("test"): "s3://b/y/",
        "hyperparameters.lr": "1",
    }
    assert found(NO_FILE, **inputs).startswith(
        "the job has its inputs in /opt/ml/input/data/test, /opt/ml/input/data/train,"
    )
    own = {f"{RAW}.S3Uri": "s3://b/x/", f"{RAW}.LocalPath": "/opt/ml/processing/data"}
    assert "in /opt/ml/processing/data, each" in found(NO_FILE, "processing", **own)
    assert found(NO_FILE) == "stages.fit has no inputs, so the job has only its code"


@pytest.mark.parametrize(
    "text", ["", "ValueError: x", "metric below 0.9", "exit code: 1", "killed time: 137 s"]
)
def test_other_failures_have_no_remedy(text):
    assert found(text) == ""


def test_an_instance_is_named_by_its_stage_of_the_document():
    text = "the job ran longer than max_runtime_seconds"
    assert remedy(Failure("fit/eu", "training", {}), text) == "raise stages.fit.max_runtime_seconds"


def test_only_scripts_have_inputs():
    assert found("FileNotFoundError: model.pkl", "lambda") == ""


def test_a_gate_s_condition_is_no_timeout():
    assert found("evaluate.metrics.max_runtime_seconds is 3", "gate") == ""
