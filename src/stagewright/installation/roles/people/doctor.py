"""The read-only policy for `stagewright doctor`, run by an operator or a CI pipeline."""

from __future__ import annotations

from stagewright.installation.functions import FUNCTIONS, TOPIC_ARN
from stagewright.installation.glue_jobs import GLUE_JOBS
from stagewright.installation.queues import DEAD_ARN, EVENTS_ARN
from stagewright.installation.roles.arns import BUCKET, DOCUMENTS, EXECUTIONS, RUNS
from stagewright.installation.roles.people.policy import Policy
from stagewright.installation.roles.role import Statement
from stagewright.installation.template import TEMPLATE
from stagewright.installation.topics import ALARMS_ARN

_FUNCTION_ARNS = [function.arn for function in FUNCTIONS]

DOCTOR = Policy(
    "doctor",
    "For an operator or a CI pipeline that runs `doctor --target NAME`. All of it only reads.",
    (
        Statement(
            "Bucket",
            "Checks versioning, event notifications, encryption and region.",
            (
                "s3:ListBucket",
                "s3:GetBucketLocation",
                "s3:GetBucketVersioning",
                "s3:GetBucketNotification",
                "s3:GetEncryptionConfiguration",
            ),
            (BUCKET,),
        ),
        Statement(
            "Tables",
            "Checks keys, indexes, backups and time to live.",
            ("dynamodb:DescribeTable", "dynamodb:DescribeContinuousBackups", "dynamodb:DescribeTimeToLive"),
            (RUNS, DOCUMENTS),
        ),
        Statement(
            "Documents",
            "Reads the documents to find the instance types that they use.",
            ("dynamodb:GetItem", "dynamodb:Query"),
            (DOCUMENTS, f"{DOCUMENTS}/index/by_item"),
        ),
        Statement("OpenRuns", "Finds stuck runs.", ("dynamodb:Query",), (f"{RUNS}/index/open_runs",)),
        Statement(
            "Queues",
            "Checks the redrive policy and the number of waiting messages.",
            ("sqs:GetQueueUrl", "sqs:GetQueueAttributes"),
            (EVENTS_ARN, DEAD_ARN),
        ),
        Statement(
            "Functions",
            "Checks code, layer and environment variables.",
            ("lambda:GetFunctionConfiguration",),
            _FUNCTION_ARNS,
        ),
        Statement(
            "EventSources",
            "Checks that the router reads its queue. A list takes no resource.",
            ("lambda:ListEventSourceMappings",),
            ("*",),
        ),
        Statement(
            "Layer",
            "Checks that the layer is published in the region.",
            ("lambda:GetLayerVersion",),
            (f"arn:{TEMPLATE.partition}:lambda:{TEMPLATE.region}:*:layer:*:*",),
        ),
        Statement(
            "Rules",
            "Checks the rules and their targets.",
            ("events:DescribeRule", "events:ListTargetsByRule"),
            (TEMPLATE.arn("events", f"rule/{TEMPLATE.name('*')}"),),
        ),
        Statement(
            "Machine",
            "Compares the state machine's definition.",
            ("states:DescribeStateMachine",),
            (TEMPLATE.state_machine_arn,),
        ),
        Statement(
            "Executions",
            "Checks whether the execution of an open run is still running.",
            ("states:DescribeExecution",),
            (EXECUTIONS,),
        ),
        Statement(
            "Roles",
            "Compares roles and their policies.",
            ("iam:GetRole", "iam:GetRolePolicy"),
            (f"arn:{TEMPLATE.partition}:iam::{TEMPLATE.account}:role/{TEMPLATE.name('*')}",),
        ),
        Statement(
            "Topics", "Checks that the topics exist.", ("sns:GetTopicAttributes",), (TOPIC_ARN, ALARMS_ARN)
        ),
        Statement(
            "GlueJobs", "Checks that the Glue jobs exist.", ("glue:GetJob",), [job.arn for job in GLUE_JOBS]
        ),
        Statement(
            "Alarms",
            "Reads the states of the alarms.",
            ("cloudwatch:DescribeAlarms",),
            (TEMPLATE.arn("cloudwatch", f"alarm:{TEMPLATE.name('*')}"),),
        ),
        Statement(
            "Metrics",
            "Reads when the sweeper last ran and how long events wait. A metric takes no resource.",
            ("cloudwatch:GetMetricStatistics",),
            ("*",),
        ),
        Statement(
            "Quotas",
            "Reads the account's SageMaker quotas. A list takes no resource.",
            ("servicequotas:ListServiceQuotas",),
            ("*",),
        ),
    ),
    needs_viewer=False,
)
