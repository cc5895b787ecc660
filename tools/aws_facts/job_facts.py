"""The steps that read what the jobs of the smoke runs wrote, and what SageMaker keeps of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from stagewright.catalog.images import alias_of, resolve
from tools.aws_facts.runs import GLUE, JOBS, MISSING, job
from tools.aws_facts.step import NotTriedError, Step, Target, answered, equals, is_rejected

PYTHON = alias_of(resolve("sklearn-1.4", "us-east-1")).python
RANGES = 31
"""Of two kinds. Together they are more than the 30 that a tuning job may have."""


def key_of(uri: str) -> str:
    """Return the key of an S3 URI. Records have another bucket name."""
    return uri.removeprefix("s3://").partition("/")[2]


def output(target: Target) -> str:
    """Return the key prefix of the output `test` of the processing job."""
    outputs = target.record("tasks", JOBS["processing"][1])["ProcessingOutputConfig"]["Outputs"]
    return next(key_of(item["S3Output"]["S3Uri"]) for item in outputs if item["OutputName"] == "test")


def text(target: Target, key: str) -> str | None:
    """Return an object of the installation's bucket. None: it does not exist."""
    try:
        answer = target.client("s3").get_object(Bucket=target.gateway.installation.bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            return None
        raise
    return str(answer["Body"].read().decode())


def linked(target: Target) -> str | None:
    return text(target, f"{output(target)}/link.csv")


def python(target: Target) -> str:
    """Return the Python version, as x.y, of the image."""
    if target.is_local:
        raise NotTriedError("a known difference: the local target has the nearest Python of this machine")
    version = json.loads(text(target, f"{output(target)}/python.json") or '""')
    return ".".join(version.split(".")[:2])


def arguments(target: Target) -> list[str]:
    """Return the arguments of the Python shell's script."""
    made = target.record("tasks", GLUE)["Arguments"]["--made"]
    return list(json.loads(text(target, f"{key_of(made)}/arguments.json") or "[]"))


def with_library_set(answer: Any) -> Iterator[str]:
    if not any("library-set" in argument for argument in answer):
        yield f"the arguments are {answer}"


def name_of_tuned(target: Target) -> dict[str, str]:
    """Return the `sagemaker_job_name` of a training job of the tuning job, and the tuning job's name."""
    sagemaker, tuning = target.client("sagemaker"), job(target, "hyper_parameter_tuning")
    listed = sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(HyperParameterTuningJobName=tuning)
    name = listed["TrainingJobSummaries"][0]["TrainingJobName"]
    kept = sagemaker.describe_training_job(TrainingJobName=name)["HyperParameters"]
    return {"sagemaker_job_name": kept.get("sagemaker_job_name", "").strip('"'), "tuning job": tuning}


def is_the_tuning_job(answer: Any) -> Iterator[str]:
    if answer["sagemaker_job_name"] != answer["tuning job"]:
        yield f"it is {answer['sagemaker_job_name']!r}, not {answer['tuning job']!r}"


def too_many_ranges(target: Target) -> dict[str, Any]:
    """Ask for a tuning job with too many ranges. Its role does not exist, so nothing starts in any case."""
    sagemaker, tuning = target.client("sagemaker"), job(target, "hyper_parameter_tuning")
    known = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=tuning)
    names = [f"factor-{number}" for number in range(RANGES)]
    half = RANGES // 2
    ranges = {
        "CategoricalParameterRanges": [{"Name": name, "Values": ["1", "2"]} for name in names[:half]],
        "IntegerParameterRanges": [{"Name": name, "MinValue": "1", "MaxValue": "2"} for name in names[half:]],
    }
    installation = target.gateway.installation
    role = f"arn:{installation.partition}:iam::{installation.account}:role/{MISSING}"
    request = {
        "HyperParameterTuningJobName": MISSING,
        "HyperParameterTuningJobConfig": {
            **known["HyperParameterTuningJobConfig"],
            "Strategy": "Random",
            "ParameterRanges": ranges,
        },
        "TrainingJobDefinition": {**known["TrainingJobDefinition"], "RoleArn": role},
    }
    answer = answered(target, sagemaker.create_hyper_parameter_tuning_job, **request)
    if "role" in answer.get("message", "").lower():
        raise NotTriedError(f"the role was rejected first: {answer['message'][:200]}")
    return answer


STEPS = (
    Step("F1", "a link in an output is resolved", linked, equals("1\n2\n3\n")),
    Step("F39", "library-set is in sys.argv", arguments, with_library_set),
    Step("F116", "31 ranges of two kinds of a tuning job are rejected", too_many_ranges, is_rejected),
    Step("F53", "sagemaker_job_name is the tuning job's", name_of_tuned, is_the_tuning_job),
    Step("F64", "the image's Python is as listed", python, equals(PYTHON)),
)
