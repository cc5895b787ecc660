"""Of the function that takes events, plans runs and starts them."""

from __future__ import annotations

from stagewright.installation.functions import ROUTER as FUNCTION
from stagewright.installation.queues import DEAD_ARN, EVENTS_ARN
from stagewright.installation.roles.arns import (
    ANY_GLUE_JOB,
    DOCUMENTS,
    GLUE_JOB_ARNS,
    JOBS,
    OURS,
    of_sagemaker,
)
from stagewright.installation.roles.role import Role, Statement
from stagewright.installation.roles.shared import (
    APPROVALS,
    CATALOGUE,
    LOOK_AT_JOBS,
    STOP_JOBS,
    lists,
    logs,
    notify,
    objects,
    run_items,
    send,
    start,
    stop,
)

_GLUE_RUNS = ("glue:GetJobRuns", "glue:BatchStopJobRun")

ROUTER = Role(
    "router",
    "lambda.amazonaws.com",
    (
        logs(FUNCTION),
        Statement(
            "Queue",
            "Lambda reads the queue in the function's name",
            ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
            (EVENTS_ARN,),
        ),
        Statement(
            "PutOff",
            "has a message that it could not route delivered again soon, later each time",
            ("sqs:ChangeMessageVisibility",),
            (EVENTS_ARN,),
        ),
        objects(
            "ReadRelease",
            "reads the manifest and the versions of the files that it names",
            ("s3:GetObject", "s3:GetObjectVersion"),
            ("manifests/", "staging/"),
        ),
        objects(
            "Publish",
            "copies a release to where it stays, and packs bundles",
            ("s3:GetObject", "s3:PutObject"),
            ("releases/", "code/"),
        ),
        lists("finds inputs, and results that would be reused; tells a missing object from a forbidden one"),
        Statement(
            "Documents",
            "reads the document, writes its revisions",
            ("dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem"),
            (DOCUMENTS,),
        ),
        CATALOGUE,
        send("asks for runs of schedules and of settled data, and looks later at what still settles"),
        Statement(
            "Bury",
            "sends a message that cannot be read to the dead letters",
            ("sqs:GetQueueUrl", "sqs:SendMessage"),
            (DEAD_ARN,),
        ),
        run_items("reads and writes runs: claims, places in line, plans in batches", "BatchWriteItem"),
        start(),
        stop(),
        notify(),
        Statement(
            "LookAtJobs",
            "looks at the jobs of a run that a newer one takes the place of",
            LOOK_AT_JOBS,
            of_sagemaker(*JOBS),
        ),
        Statement("StopJobs", "stops those jobs", STOP_JOBS, of_sagemaker(*JOBS), OURS),
        Statement("StopGlueRuns", "stops its Glue runs", _GLUE_RUNS, GLUE_JOB_ARNS),
        Statement(
            "StopTaggedGlueRuns",
            "stops its runs of the platform's own jobs that are tagged for this installation",
            _GLUE_RUNS,
            ANY_GLUE_JOB,
            OURS,
        ),
        Statement(
            "LookAtModels",
            "checks that a model or endpoint which would be reused is still there",
            ("sagemaker:DescribeModel", "sagemaker:DescribeEndpoint"),
            of_sagemaker("model", "endpoint"),
        ),
        Statement(
            "FindChampion",
            "finds the newest approved version that a gate compares with; a list takes no resource",
            ("sagemaker:ListModelPackages",),
            ("*",),
        ),
        *APPROVALS,
    ),
)
