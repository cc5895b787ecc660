"""Statements that more than one role has."""

from __future__ import annotations

from collections.abc import Sequence

from stagewright.installation.functions import TOPIC_ARN, Function
from stagewright.installation.queues import EVENTS_ARN
from stagewright.installation.roles.arns import BUCKET, DOCUMENTS, EXECUTIONS, RUNS
from stagewright.installation.roles.role import Statement
from stagewright.installation.template import TEMPLATE

READ_DOCUMENTS = Statement(
    "Documents", "asks whether a pipeline wants runs", ("dynamodb:GetItem",), (DOCUMENTS,)
)
CATALOGUE = Statement(
    "Catalogue",
    "lists the documents, to see which pipelines an event is for",
    ("dynamodb:Query",),
    (f"{DOCUMENTS}/index/by_item",),
)
_KINDS = ("Processing", "Training", "HyperParameterTuning", "Transform")
LOOK_AT_JOBS = tuple(f"sagemaker:Describe{kind}Job" for kind in _KINDS)
STOP_JOBS = tuple(f"sagemaker:Stop{kind}Job" for kind in _KINDS)
APPROVALS = (
    Statement(
        "Decide",
        "tells a waiting stage what was decided; these actions take no resource",
        ("states:SendTaskSuccess", "states:SendTaskFailure"),
        ("*",),
    ),
    Statement(
        "Registry",
        "reads a model package's approval status, and sets it as was decided",
        ("sagemaker:DescribeModelPackage", "sagemaker:UpdateModelPackage"),
        (TEMPLATE.arn("sagemaker", "model-package/*"),),
    ),
)


def logs(function: Function) -> Statement:
    group = TEMPLATE.arn("logs", f"log-group:{function.log_group}:*")
    return Statement("OwnLog", "writes its own log", ("logs:CreateLogStream", "logs:PutLogEvents"), (group,))


def objects(sid: str, reason: str, actions: Sequence[str], prefixes: Sequence[str]) -> Statement:
    return Statement(sid, reason, actions, [f"{BUCKET}/{prefix}*" for prefix in prefixes])


def run_items(reason: str, *more: str) -> Statement:
    actions = ("GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", *more)
    return Statement("Runs", reason, [f"dynamodb:{action}" for action in actions], (RUNS, f"{RUNS}/index/*"))


def lists(reason: str, *more: str) -> Statement:
    return Statement("List", reason, ("s3:ListBucket", *more), (BUCKET,))


def notify() -> Statement:
    return Statement(
        "Notify", "tells people that a run failed or was refused", ("sns:Publish",), (TOPIC_ARN,)
    )


def start() -> Statement:
    return Statement("Start", "starts runs", ("states:StartExecution",), (TEMPLATE.state_machine_arn,))


def send(reason: str) -> Statement:
    return Statement("Send", reason, ("sqs:GetQueueUrl", "sqs:SendMessage"), (EVENTS_ARN,))


def look() -> Statement:
    actions = ("states:DescribeExecution",)
    return Statement(
        "Executions", "asks an execution how it ended, or whether it exists", actions, (EXECUTIONS,)
    )


def stop() -> Statement:
    reason = "ends an execution whose run was stopped between its claim and its start"
    return Statement("Stop", reason, ("states:StopExecution",), (EXECUTIONS,))
