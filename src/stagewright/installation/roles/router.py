"""The role of the router, the function that plans and starts runs from events."""

from __future__ import annotations

from stagewright.installation.functions import ROUTER as FUNCTION
from stagewright.installation.queues import DEAD_ARN, EVENTS_ARN
from stagewright.installation.roles.arns import (
    ANY_GLUE_JOB,
    DOCUMENTS,
    GLUE_JOB_ARNS,
    JOBS,
    RESOURCE_TAGGED,
    sagemaker_arns,
)
from stagewright.installation.roles.role import Role, Statement
from stagewright.installation.roles.shared import (
    APPROVALS,
    DESCRIBE_JOBS,
    LIST_DOCUMENTS,
    LIST_VERSIONS,
    STOP_JOBS,
    list_bucket,
    logs,
    notify,
    objects,
    run_items,
    send,
    start,
    stop,
)

_STOP_GLUE_RUNS = ("glue:GetJobRuns", "glue:BatchStopJobRun")

ROUTER = Role(
    "router",
    "lambda.amazonaws.com",
    (
        logs(FUNCTION),
        Statement(
            "Queue",
            "Lambda receives and deletes queue messages with the function's role.",
            ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
            (EVENTS_ARN,),
        ),
        Statement(
            "DelayRetry",
            "Sets the delay before a failed message is delivered again. Each retry waits longer.",
            ("sqs:ChangeMessageVisibility",),
            (EVENTS_ARN,),
        ),
        objects(
            "ReadRelease",
            "Reads a release manifest and the file versions that it lists.",
            ("s3:GetObject", "s3:GetObjectVersion"),
            ("manifests/", "staging/"),
        ),
        objects(
            "Publish",
            "Copies a release to its permanent location and packages the code of stages.",
            ("s3:GetObject", "s3:PutObject"),
            ("releases/", "code/"),
        ),
        objects(
            "GatherOutputs",
            "Copies reused outputs next to those of the run, for a stage that reads all of them.",
            ("s3:GetObject", "s3:PutObject"),
            ("runs/",),
        ),
        list_bucket(
            "Finds inputs and reusable results, and the order of pushes. Without it, S3 reports a missing"
            " object as access denied.",
            "s3:ListBucketVersions",
        ),
        Statement(
            "Documents",
            "Reads pipeline documents and writes their revisions.",
            ("dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem"),
            (DOCUMENTS,),
        ),
        LIST_DOCUMENTS,
        send("Requests scheduled runs and runs for new data, and schedules the check of a batch window."),
        Statement(
            "DeadLetters",
            "Moves an unreadable message to the dead-letter queue.",
            ("sqs:GetQueueUrl", "sqs:SendMessage"),
            (DEAD_ARN,),
        ),
        run_items("Claims, queues and records runs, and writes their plans in batches.", "BatchWriteItem"),
        start(),
        stop(),
        notify(),
        Statement(
            "DescribeJobs",
            "Finds the jobs of a run that a newer run supersedes.",
            DESCRIBE_JOBS,
            sagemaker_arns(*JOBS),
        ),
        Statement(
            "StopJobs",
            "Stops the jobs of a superseded run.",
            STOP_JOBS,
            sagemaker_arns(*JOBS),
            RESOURCE_TAGGED,
        ),
        Statement(
            "StopGlueRuns", "Stops the Glue job runs of a superseded run.", _STOP_GLUE_RUNS, GLUE_JOB_ARNS
        ),
        Statement(
            "StopTaggedGlueRuns",
            "Stops a superseded run's runs of the platform's own Glue jobs that carry this installation's"
            " tag.",
            _STOP_GLUE_RUNS,
            ANY_GLUE_JOB,
            RESOURCE_TAGGED,
        ),
        Statement(
            "DescribeModels",
            "Checks that a model or an endpoint still exists before its result is reused.",
            ("sagemaker:DescribeModel", "sagemaker:DescribeEndpoint"),
            sagemaker_arns("model", "endpoint"),
        ),
        LIST_VERSIONS,
        *APPROVALS,
    ),
)
