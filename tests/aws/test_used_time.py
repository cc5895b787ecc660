"""The billed time of jobs, from the answers of AWS."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from botocore.stub import Stubber

from stagewright.aws.glue import GlueRuns
from stagewright.aws.used_time import NOTHING, UsedTime
from stagewright.errors import DeniedError
from stagewright.naming import Installation
from stagewright.operator_gateway import OperatorGateway

INSTALLATION = Installation("bucket", "us-east-1", "123456789012", environment="test")
START = datetime(2026, 1, 31, 14, tzinfo=UTC)
END = START + timedelta(seconds=99, milliseconds=400)
RESOURCES = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 30}
TRAINING = {
    "TrainingJobName": "t",
    "TrainingJobArn": "arn:aws:sagemaker:us-east-1:123456789012:training-job/t",
    "ModelArtifacts": {"S3ModelArtifacts": "s3://b/k"},
    "TrainingJobStatus": "Completed",
    "SecondaryStatus": "Completed",
    "AlgorithmSpecification": {"TrainingInputMode": "File"},
    "ResourceConfig": RESOURCES,
    "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
    "CreationTime": START,
    "TrainingStartTime": START,
    "TrainingEndTime": END,
    "TrainingTimeInSeconds": 100,
    "BillableTimeInSeconds": 100,
}


@pytest.fixture
def gateway():
    made = OperatorGateway.connect(INSTALLATION, access_key="known", secret_key="x")
    yield made
    made.close()


@pytest.fixture
def answers(gateway):
    with Stubber(gateway.used_times.client) as stub:
        yield stub


def training(gateway, answers, **changes):
    answers.add_response("describe_training_job", TRAINING | changes, {"TrainingJobName": "t"})
    return gateway.used_times.of("training", "t")


def test_training_is_billed_for_each_instance(gateway, answers):
    assert training(gateway, answers) == UsedTime({"ml.m5.large": 200})


def test_spot_training_saves_the_difference(gateway, answers):
    assert training(gateway, answers, BillableTimeInSeconds=30) == UsedTime({"ml.m5.large": 60}, saved=140)


def test_training_with_several_instance_types(gateway, answers):
    groups = [
        {"InstanceGroupName": "a", "InstanceType": "ml.m5.large", "InstanceCount": 3},
        {"InstanceGroupName": "b", "InstanceType": "ml.g5.xlarge", "InstanceCount": 1},
    ]
    used = training(gateway, answers, ResourceConfig={"InstanceGroups": groups, "VolumeSizeInGB": 30})
    assert used.seconds == {"ml.m5.large": 300, "ml.g5.xlarge": 100}


def test_warm_pool_is_billed_and_not_final_while_it_waits(gateway, answers):
    pool = {"Status": "Available", "ResourceRetainedBillableTimeInSeconds": 40}
    assert training(gateway, answers, WarmPoolStatus=pool) == UsedTime({"ml.m5.large": 280}, final=False)
    over = pool | {"Status": "Terminated"}
    assert training(gateway, answers, WarmPoolStatus=over) == UsedTime({"ml.m5.large": 280})


@pytest.mark.parametrize(
    ("missing", "changes", "used"),
    [
        # It failed before it had an instance.
        (("TrainingStartTime", "TrainingTimeInSeconds", "BillableTimeInSeconds"), {}, UsedTime({})),
        (("TrainingTimeInSeconds", "BillableTimeInSeconds"), {}, UsedTime({"ml.m5.large": 200})),
        (
            ("TrainingEndTime", "TrainingTimeInSeconds", "BillableTimeInSeconds"),
            {"TrainingJobStatus": "Stopping"},
            UsedTime({}, final=False),
        ),
    ],
)
def test_training_without_billable_time(gateway, answers, missing, changes, used):
    answer = {name: value for name, value in (TRAINING | changes).items() if name not in missing}
    answers.add_response("describe_training_job", answer)
    assert gateway.used_times.of("training", "t") == used


@pytest.mark.parametrize(("status", "final"), [("Completed", True), ("Failed", True), ("Stopping", False)])
def test_processing_is_billed_from_start_to_end(gateway, answers, status, final):
    answer = {
        "ProcessingJobName": "p",
        "ProcessingJobArn": "arn:aws:sagemaker:us-east-1:123456789012:processing-job/p",
        "ProcessingJobStatus": status,
        "ProcessingResources": {"ClusterConfig": RESOURCES},
        "AppSpecification": {"ImageUri": "i"},
        "CreationTime": START,
        "ProcessingStartTime": START,
        "ProcessingEndTime": END,
    }
    answers.add_response("describe_processing_job", answer)
    assert gateway.used_times.of("processing", "p") == UsedTime({"ml.m5.large": 200}, final=final)


def test_transform_is_billed_from_start_to_end(gateway, answers):
    answer = {
        "TransformJobName": "s",
        "TransformJobArn": "arn:aws:sagemaker:us-east-1:123456789012:transform-job/s",
        "TransformJobStatus": "Stopped",
        "ModelName": "m",
        "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/k"}}},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        "CreationTime": START,
        "TransformStartTime": START,
        "TransformEndTime": END,
    }
    answers.add_response("describe_transform_job", answer)
    assert gateway.used_times.of("transform", "s") == UsedTime({"ml.m5.large": 100})


def test_tuning_has_the_training_jobs_of_every_page(gateway, answers):
    names = ("t-001", "t-002", "t-003")
    summaries = [
        {
            "TrainingJobName": name,
            "TrainingJobArn": f"arn:aws:sagemaker:us-east-1:123456789012:training-job/{name}",
            "CreationTime": START,
            "TrainingJobStatus": "Completed",
            "TunedHyperParameters": {},
        }
        for name in names
    ]
    operation = "list_training_jobs_for_hyper_parameter_tuning_job"
    answers.add_response(operation, {"TrainingJobSummaries": summaries[:2], "NextToken": "more"})
    answers.add_response(operation, {"TrainingJobSummaries": summaries[2:]})
    assert gateway.used_times.trainings("t") == list(names)


def test_job_that_was_never_created_used_nothing(gateway, answers):
    answers.add_client_error("describe_training_job", "ValidationException", "Requested resource not found.")
    assert gateway.used_times.of("training", "t") == NOTHING
    operation = "list_training_jobs_for_hyper_parameter_tuning_job"
    answers.add_client_error(operation, "ResourceNotFound", "no such job")
    assert gateway.used_times.trainings("t") == []


def test_denied_call_is_no_zero(gateway, answers):
    answers.add_client_error("describe_training_job", "AccessDeniedException", "no")
    with pytest.raises(DeniedError, match="sagemaker:DescribeTrainingJob"):
        gateway.used_times.of("training", "t")


@pytest.mark.parametrize(
    ("run", "size", "workers", "dpu_seconds"),
    [
        ({"MaxCapacity": 0.0625}, "pythonshell-small", 1, 0),
        ({"MaxCapacity": 1.0}, "pythonshell", 1, 0),
        ({"MaxCapacity": 10.0}, "pythonshell", 10, 0),
        ({"WorkerType": "G.2X", "NumberOfWorkers": 4, "MaxCapacity": 8.0}, "G.2X", 4, 0),
        ({"WorkerType": "G.1X", "NumberOfWorkers": 9, "DPUSeconds": 123.5}, "G.1X", 9, 123.5),
    ],
)
def test_capacity_of_a_glue_run(gateway, run, size, workers, dpu_seconds):
    answer = {"Id": "jr_1", "JobRunState": "SUCCEEDED", "StartedOn": START, "ExecutionTime": 90, **run}
    client = gateway.session.client("glue", region_name="us-east-1")
    with Stubber(client) as stub:
        runs = [answer | {"Arguments": {"--stagewright-job": "job"}}]
        stub.add_response("get_job_runs", {"JobRuns": runs})
        glue_run = GlueRuns(client).find("etl", "job")
    client.close()
    assert (glue_run.size, glue_run.workers, glue_run.seconds, glue_run.dpu_seconds) == (
        size, workers, 90, dpu_seconds,
    )  # fmt: skip
