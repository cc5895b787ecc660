"""The policy of an operator, who keeps runs and endpoints going."""

from __future__ import annotations

from stagewright.installation.queues import DEAD_ARN, EVENTS_ARN
from stagewright.installation.roles.arns import (
    ANY_GLUE_JOB,
    DOCUMENTS,
    EXECUTIONS,
    GLUE_JOB_ARNS,
    JOBS,
    RESOURCE_TAGGED,
    RUNS,
    sagemaker_arns,
)
from stagewright.installation.roles.people.conditions import RUN_IDS
from stagewright.installation.roles.people.policy import Policy
from stagewright.installation.roles.people.requests import REQUEST_RUNS
from stagewright.installation.roles.role import Statement
from stagewright.installation.roles.shared import STOP_JOBS

CLOSED = ("ended", "open", "reason", "status")
"""Attributes that closing a run sets (store/runs.py, `transition`)."""

OPERATOR = Policy(
    "operator",
    "For people on call: `stop`, `resume`, `rollback`, `rollback-endpoint`, `predict`, `dlq`, and"
    " `run --bypass` if the installation names their role. `doctor` needs its own policy.",
    (
        REQUEST_RUNS,
        Statement(
            "Queues",
            "Sends a dead letter to the router again, or a request whose sender must be known.",
            ("sqs:GetQueueUrl", "sqs:SendMessage"),
            (EVENTS_ARN, DEAD_ARN),
        ),
        Statement(
            "DeadLetters",
            "Reads and deletes dead letters.",
            ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"),
            (DEAD_ARN,),
        ),
        Statement("StopRuns", "Stops executions.", ("states:StopExecution",), (EXECUTIONS,)),
        Statement(
            "StopJobs",
            "Stops this installation's jobs.",
            STOP_JOBS,
            sagemaker_arns(*JOBS),
            RESOURCE_TAGGED,
        ),
        Statement("StopGlueRuns", "Stops Glue job runs.", ("glue:BatchStopJobRun",), GLUE_JOB_ARNS),
        Statement(
            "StopTaggedGlueRuns",
            "Stops runs of the platform's own Glue jobs that carry this installation's tag.",
            ("glue:BatchStopJobRun",),
            ANY_GLUE_JOB,
            RESOURCE_TAGGED,
        ),
        Statement(
            "CloseRuns",
            "Closes a run that has not started. The conditions leave out plans, results, decisions and"
            " claims.",
            ("dynamodb:UpdateItem",),
            (RUNS,),
            {
                "ForAllValues:StringLike": {"dynamodb:LeadingKeys": [RUN_IDS]},
                "ForAllValues:StringEquals": {"dynamodb:Attributes": ["run", "item", *CLOSED]},
                "StringEqualsIfExists": {"dynamodb:ReturnValues": "NONE"},
            },
        ),
        Statement(
            "RunQueue",
            "Lets the next run of the queue start.",
            ("dynamodb:UpdateItem", "dynamodb:PutItem", "dynamodb:DeleteItem"),
            (RUNS,),
            {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["queue#*", "unfinished"]}},
        ),
        Statement(
            "RecordRollbacks",
            "Records the rollback of an endpoint.",
            ("dynamodb:UpdateItem",),
            (RUNS,),
            {
                "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["endpoint#*"]},
                "ForAllValues:StringEquals": {"dynamodb:Attributes": ["run", "item", "rollbacks", "created"]},
                "StringEqualsIfExists": {"dynamodb:ReturnValues": "NONE"},
            },
        ),
        Statement(
            "Overrides",
            "Restores an earlier revision of a document by overrides.",
            ("dynamodb:PutItem",),
            (DOCUMENTS,),
        ),
        Statement(
            "Endpoints",
            "Rolls this installation's endpoints back, and asks them for a prediction.",
            ("sagemaker:UpdateEndpoint", "sagemaker:InvokeEndpoint"),
            sagemaker_arns("endpoint", "endpoint-config"),
            RESOURCE_TAGGED,
        ),
        Statement(
            "ReadTags", "Reads whose endpoint it is.", ("sagemaker:ListTags",), sagemaker_arns("endpoint")
        ),
    ),
)
