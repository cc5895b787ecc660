"""What SageMaker is asked about tuning and transform jobs, and what becomes of its answers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from botocore.stub import Stubber

from stagewright.errors import TargetError
from stagewright.naming import Installation
from stagewright.operator_gateway import OperatorGateway

PLACE = Installation("bucket", "us-east-1", "123456789012", environment="test")
ARN = "arn:aws:sagemaker:us-east-1:123456789012:"
BEGUN = datetime(2026, 1, 31, 14, tzinfo=UTC)
TUNING = {
    "HyperParameterTuningJobName": "t",
    "HyperParameterTuningJobArn": f"{ARN}hyper-parameter-tuning-job/t",
    "HyperParameterTuningJobConfig": {
        "Strategy": "Bayesian",
        "ResourceLimits": {"MaxNumberOfTrainingJobs": 10, "MaxParallelTrainingJobs": 2},
    },
    "HyperParameterTuningJobStatus": "InProgress",
    "CreationTime": BEGUN,
    "ObjectiveStatusCounters": {},
}
BEST = {
    "TrainingJobName": "t-001-a",
    "TrainingJobArn": f"{ARN}training-job/t-001-a",
    "CreationTime": BEGUN,
    "TrainingJobStatus": "Completed",
    "TunedHyperParameters": {"n": "3"},
    "FinalHyperParameterTuningJobObjectiveMetric": {"MetricName": "mae", "Value": 1.5},
}
TRANSFORM = {
    "TransformJobName": "s",
    "TransformJobArn": f"{ARN}transform-job/s",
    "TransformJobStatus": "Failed",
    "FailureReason": "AlgorithmError: no",
    "ModelName": "m",
    "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/k"}}},
    "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    "CreationTime": BEGUN,
    "TransformStartTime": BEGUN,
}


@pytest.fixture
def gateway():
    gateway = OperatorGateway.connect(PLACE, access_key="k", secret_key="s")
    yield gateway
    gateway.close()


def answering(gateway, operation, answer, asked) -> Stubber:
    stubber = Stubber(gateway.jobs.client)
    stubber.add_response(operation, answer, asked)
    stubber.activate()
    return stubber


def refusing_to_stop(gateway, message: str, status: str) -> Stubber:
    """Then it says how the job stands."""
    stubber = Stubber(gateway.jobs.client)
    stubber.add_client_error("stop_transform_job", "ValidationException", message, 400)
    answer = TRANSFORM | {"TransformJobStatus": status}
    stubber.add_response("describe_transform_job", answer, {"TransformJobName": "s"})
    stubber.activate()
    return stubber


@pytest.mark.parametrize(
    ("counts", "best", "detail", "metrics"),
    [
        ({"InProgress": 2}, {}, "0 of 10 training jobs completed, 2 in progress", {}),
        (
            {"Completed": 3, "InProgress": 1, "NonRetryableError": 1, "RetryableError": 1, "Stopped": 4},
            {"BestTrainingJob": BEST},
            "3 of 10 training jobs completed, 1 in progress, 2 failed, 4 stopped",
            {"mae": 1.5},
        ),
    ],
)
def test_a_tuning_job_tells_how_far_it_is(gateway, counts, best, detail, metrics):
    answer = TUNING | best | {"TrainingJobStatusCounters": counts}
    asked = {"HyperParameterTuningJobName": "t"}
    with answering(gateway, "describe_hyper_parameter_tuning_job", answer, asked):
        job = gateway.jobs.describe("tuning", "t")
    assert (job.status, job.detail, job.metrics) == ("InProgress", detail, metrics)
    assert (job.started, job.ended) == (BEGUN.timestamp(), None)


def test_a_grid_has_no_number_of_training_jobs(gateway):
    config = {"Strategy": "Grid", "ResourceLimits": {"MaxParallelTrainingJobs": 2}}
    answer = TUNING | {"HyperParameterTuningJobConfig": config, "TrainingJobStatusCounters": {"Completed": 1}}
    asked = {"HyperParameterTuningJobName": "t"}
    with answering(gateway, "describe_hyper_parameter_tuning_job", answer, asked):
        assert gateway.jobs.describe("tuning", "t").detail == "1 training jobs completed"


def test_a_transform_job_that_failed_gives_its_reason(gateway):
    with answering(gateway, "describe_transform_job", TRANSFORM, {"TransformJobName": "s"}):
        job = gateway.jobs.describe("transform", "s")
    assert (job.status, job.reason, job.started) == ("Failed", "AlgorithmError: no", BEGUN.timestamp())


@pytest.mark.parametrize(
    ("kind", "operation", "field"),
    [
        ("tuning", "stop_hyper_parameter_tuning_job", "HyperParameterTuningJobName"),
        ("transform", "stop_transform_job", "TransformJobName"),
    ],
)
def test_each_kind_is_stopped_by_its_own_call(gateway, kind, operation, field):
    with answering(gateway, operation, {}, {field: "x"}) as stubber:
        gateway.jobs.stop(kind, "x")
        stubber.assert_no_pending_responses()


@pytest.mark.parametrize("status", ["Completed", "Failed", "Stopping", "Stopped"])
def test_a_job_that_is_over_or_about_to_be_needs_no_stop(gateway, status):
    message = f"The request was rejected because the transform job is in status {status}"
    with refusing_to_stop(gateway, message, status) as stubber:
        gateway.jobs.stop("transform", "s")
        stubber.assert_no_pending_responses()


def test_a_job_that_goes_on_although_it_was_to_stop_is_told(gateway):
    said = "StopTransformJob on the transform job s failed: ValidationException: 1 validation error detected"
    with (
        refusing_to_stop(gateway, "1 validation error detected", "InProgress"),
        pytest.raises(TargetError, match=said),
    ):
        gateway.jobs.stop("transform", "s")


def test_whether_there_is_a_model(gateway):
    stubber = Stubber(gateway.endpoints.client)
    answer = {"ModelName": "m", "CreationTime": BEGUN, "ModelArn": f"{ARN}model/m"}
    stubber.add_response("describe_model", answer, {"ModelName": "m"})
    message = 'Could not find model "arn:aws:sagemaker:us-east-1:123456789012:model/m".'
    stubber.add_client_error("describe_model", "ValidationException", message, 400)
    with stubber:
        assert gateway.endpoints.has_model("m")
        assert not gateway.endpoints.has_model("m")
