"""Statements that several roles have."""

from __future__ import annotations

from collections.abc import Sequence

from stagewright.installation.functions import TOPIC_ARN, Function
from stagewright.installation.queues import EVENTS_ARN
from stagewright.installation.roles.arns import (
    ANY_GLUE_JOB,
    BUCKET,
    DOCUMENTS,
    EXECUTIONS,
    GLUE_JOB_ARNS,
    JOBS,
    RESOURCE_TAGGED,
    RUNS,
    sagemaker_arns,
)
from stagewright.installation.roles.role import Statement
from stagewright.installation.template import TEMPLATE

READ_DOCUMENTS = Statement(
    "Documents", "Reads a pipeline's document to match its triggers.", ("dynamodb:GetItem",), (DOCUMENTS,)
)
LIST_DOCUMENTS = Statement(
    "ListDocuments",
    "Lists the pipelines to find those that an event triggers.",
    ("dynamodb:Query",),
    (f"{DOCUMENTS}/index/by_item",),
)
_KINDS = ("Processing", "Training", "HyperParameterTuning", "Transform")
DESCRIBE_JOBS = tuple(f"sagemaker:Describe{kind}Job" for kind in _KINDS)
STOP_JOBS = tuple(f"sagemaker:Stop{kind}Job" for kind in _KINDS)
SEND_DECISION = Statement(
    "SendDecision",
    "Returns a decision to the stage that waits for it. These actions take no resource.",
    ("states:SendTaskSuccess", "states:SendTaskFailure"),
    ("*",),
)
APPROVALS = (
    SEND_DECISION,
    Statement(
        "ReadModelVersion",
        "Reads the approval status of a model version, also of another environment that is deployed here.",
        ("sagemaker:DescribeModelPackage",),
        sagemaker_arns("model-package"),
    ),
    Statement(
        "ModelApproval",
        "Sets the approval status of this installation's model versions, which have the tags of their group.",
        ("sagemaker:UpdateModelPackage",),
        sagemaker_arns("model-package"),
        RESOURCE_TAGGED,
    ),
)

LIST_VERSIONS = Statement(
    "ListModelVersions",
    "Finds the latest approved model version, to compare with. A list takes no resource.",
    ("sagemaker:ListModelPackages",),
    ("*",),
)


def read_used_time() -> tuple[Statement, ...]:
    """What the jobs of an ended run used."""
    jobs = ("Processing", "Training", "Transform")
    actions = (
        *(f"sagemaker:Describe{kind}Job" for kind in jobs),
        "sagemaker:ListTrainingJobsForHyperParameterTuningJob",
    )
    reason = "Reads what the jobs of an ended run used."
    return (
        Statement("UsedTime", reason, actions, sagemaker_arns(*JOBS)),
        Statement("GlueUsedTime", reason, ("glue:GetJobRuns",), GLUE_JOB_ARNS),
        Statement(
            "TaggedGlueUsedTime",
            "Reads what the platform's own Glue jobs that carry this installation's tag used.",
            ("glue:GetJobRuns",),
            ANY_GLUE_JOB,
            RESOURCE_TAGGED,
        ),
    )


def logs(function: Function) -> Statement:
    group = TEMPLATE.arn("logs", f"log-group:{function.log_group}:*")
    actions = ("logs:CreateLogStream", "logs:PutLogEvents")
    return Statement("OwnLog", "Writes the function's log.", actions, (group,))


def objects(sid: str, reason: str, actions: Sequence[str], prefixes: Sequence[str]) -> Statement:
    return Statement(sid, reason, actions, [f"{BUCKET}/{prefix}*" for prefix in prefixes])


def run_items(reason: str, *more: str) -> Statement:
    actions = ("GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", *more)
    return Statement("Runs", reason, [f"dynamodb:{action}" for action in actions], (RUNS, f"{RUNS}/index/*"))


def list_bucket(reason: str, *more: str) -> Statement:
    return Statement("List", reason, ("s3:ListBucket", *more), (BUCKET,))


def read_manifests(reason: str) -> tuple[Statement, ...]:
    """The current manifests of releases and their earlier versions."""
    return (
        list_bucket(reason, "s3:ListBucketVersions"),
        objects("Manifests", reason, ("s3:GetObject", "s3:GetObjectVersion"), ("manifests/",)),
    )


def notify() -> Statement:
    reason = "Publishes a notification when a run fails, is rejected, or waits for a person."
    return Statement("Notify", reason, ("sns:Publish",), (TOPIC_ARN,))


def start() -> Statement:
    """Step Functions authorizes the start of a version with the ARN of its state machine.

    Step Functions developer guide, "Authorization for versions and aliases in Step Functions workflows".
    """
    reason = "Starts executions of runs, each of the version that its plan was made for."
    return Statement("Start", reason, ("states:StartExecution",), (TEMPLATE.state_machine_arn,))


def send(reason: str) -> Statement:
    return Statement("Send", reason, ("sqs:GetQueueUrl", "sqs:SendMessage"), (EVENTS_ARN,))


def describe_executions() -> Statement:
    reason = "Checks whether an execution exists and how it ended."
    return Statement("Executions", reason, ("states:DescribeExecution",), (EXECUTIONS,))


def stop() -> Statement:
    reason = (
        "Stops an execution whose run was stopped after the run was claimed and before the execution started."
    )
    return Statement("Stop", reason, ("states:StopExecution",), (EXECUTIONS,))
