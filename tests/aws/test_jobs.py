"""Requests about tuning and transform jobs, and how their responses are read."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from botocore.stub import Stubber

from stagewright.errors import TargetError
from stagewright.naming import Installation
from stagewright.operator_gateway import OperatorGateway

INSTALLATION = Installation("bucket", "us-east-1", "123456789012", environment="test")
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
    gateway = OperatorGateway.connect(INSTALLATION, access_key="k", secret_key="s")
    yield gateway
    gateway.close()


def answering(gateway, operation, answer, request) -> Stubber:
    stubber = Stubber(gateway.jobs.client)
    stubber.add_response(operation, answer, request)
    stubber.activate()
    return stubber


def refusing_to_stop(gateway, message: str, status: str) -> Stubber:
    """Make StopTransformJob fail, then answer DescribeTransformJob with `status`."""
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
def test_tuning_job_detail_counts_its_training_jobs(gateway, counts, best, detail, metrics):
    answer = TUNING | best | {"TrainingJobStatusCounters": counts}
    request = {"HyperParameterTuningJobName": "t"}
    with answering(gateway, "describe_hyper_parameter_tuning_job", answer, request):
        job = gateway.jobs.describe("tuning", "t")
    assert job.status == "InProgress"
    assert job.detail == detail
    assert job.metrics == metrics
    assert job.started == BEGUN.timestamp()
    assert job.ended is None


def test_grid_search_detail_has_no_total(gateway):
    config = {"Strategy": "Grid", "ResourceLimits": {"MaxParallelTrainingJobs": 2}}
    answer = TUNING | {"HyperParameterTuningJobConfig": config, "TrainingJobStatusCounters": {"Completed": 1}}
    request = {"HyperParameterTuningJobName": "t"}
    with answering(gateway, "describe_hyper_parameter_tuning_job", answer, request):
        assert gateway.jobs.describe("tuning", "t").detail == "1 training jobs completed"


def test_failed_transform_job_has_its_reason(gateway):
    with answering(gateway, "describe_transform_job", TRANSFORM, {"TransformJobName": "s"}):
        job = gateway.jobs.describe("transform", "s")
    assert job.status == "Failed"
    assert job.reason == "AlgorithmError: no"
    assert job.started == BEGUN.timestamp()


@pytest.mark.parametrize(
    ("kind", "operation", "field"),
    [
        ("tuning", "stop_hyper_parameter_tuning_job", "HyperParameterTuningJobName"),
        ("transform", "stop_transform_job", "TransformJobName"),
    ],
)
def test_stop_calls_the_operation_of_the_kind(gateway, kind, operation, field):
    with answering(gateway, operation, {}, {field: "x"}) as stubber:
        gateway.jobs.stop(kind, "x")
        stubber.assert_no_pending_responses()


@pytest.mark.parametrize("status", ["Completed", "Failed", "Stopping", "Stopped"])
def test_stopping_an_ended_job_does_nothing(gateway, status):
    message = f"The request was rejected because the transform job is in status {status}"
    with refusing_to_stop(gateway, message, status) as stubber:
        gateway.jobs.stop("transform", "s")
        stubber.assert_no_pending_responses()


def test_rejected_stop_of_an_active_job_raises(gateway):
    message = (
        "StopTransformJob on the transform job s failed: ValidationException: 1 validation error detected"
    )
    with (
        refusing_to_stop(gateway, "1 validation error detected", "InProgress"),
        pytest.raises(TargetError, match=message),
    ):
        gateway.jobs.stop("transform", "s")


def test_has_model_is_false_for_a_missing_model(gateway):
    stubber = Stubber(gateway.endpoints.client)
    answer = {"ModelName": "m", "CreationTime": BEGUN, "ModelArn": f"{ARN}model/m"}
    stubber.add_response("describe_model", answer, {"ModelName": "m"})
    message = 'Could not find model "arn:aws:sagemaker:us-east-1:123456789012:model/m".'
    stubber.add_client_error("describe_model", "ValidationException", message, 400)
    with stubber:
        assert gateway.endpoints.has_model("m")
        assert not gateway.endpoints.has_model("m")
