"""What `stagewright doctor` needs: to look at the installation, and to change nothing.

No role of the installation: a person's or a pipeline's own role is given these statements (docs/iam.md).
"""

from __future__ import annotations

from stagewright.installation.functions import FUNCTIONS, TOPIC_ARN
from stagewright.installation.glue_jobs import GLUE_JOBS
from stagewright.installation.queues import DEAD_ARN, EVENTS_ARN
from stagewright.installation.roles.arns import BUCKET, DOCUMENTS, EXECUTIONS, RUNS
from stagewright.installation.roles.role import Role, Statement
from stagewright.installation.template import TEMPLATE
from stagewright.installation.topics import ALARMS_ARN

_FUNCTION_ARNS = [function.arn for function in FUNCTIONS]

READER = Role(
    "doctor",
    "sts.amazonaws.com",
    (
        Statement(
            "Bucket",
            "looks at versioning, events, encryption and region",
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
            "looks at keys, indexes, backups and expiry",
            ("dynamodb:DescribeTable", "dynamodb:DescribeContinuousBackups", "dynamodb:DescribeTimeToLive"),
            (RUNS, DOCUMENTS),
        ),
        Statement(
            "Documents",
            "reads the documents, for the instance types that they use",
            ("dynamodb:GetItem", "dynamodb:Query"),
            (DOCUMENTS, f"{DOCUMENTS}/index/by_item"),
        ),
        Statement("OpenRuns", "finds runs that are stuck", ("dynamodb:Query",), (f"{RUNS}/index/open_runs",)),
        Statement(
            "Queues",
            "looks at redrive and at how many messages wait",
            ("sqs:GetQueueUrl", "sqs:GetQueueAttributes"),
            (EVENTS_ARN, DEAD_ARN),
        ),
        Statement(
            "Functions",
            "looks at code, layer and environment",
            ("lambda:GetFunctionConfiguration",),
            _FUNCTION_ARNS,
        ),
        Statement(
            "EventSources",
            "asks whether the router reads its queue; a list takes no resource",
            ("lambda:ListEventSourceMappings",),
            ("*",),
        ),
        Statement(
            "Layer",
            "asks whether the layer is published in the region",
            ("lambda:GetLayerVersion",),
            (f"arn:{TEMPLATE.partition}:lambda:{TEMPLATE.region}:*:layer:*:*",),
        ),
        Statement(
            "Rules",
            "looks at rules and where they send",
            ("events:DescribeRule", "events:ListTargetsByRule"),
            (TEMPLATE.arn("events", f"rule/{TEMPLATE.name('*')}"),),
        ),
        Statement(
            "Machine",
            "compares the definition",
            ("states:DescribeStateMachine",),
            (TEMPLATE.state_machine_arn,),
        ),
        Statement(
            "Executions",
            "asks whether the execution of an open run still runs",
            ("states:DescribeExecution",),
            (EXECUTIONS,),
        ),
        Statement(
            "Roles",
            "compares roles and their policies",
            ("iam:GetRole", "iam:GetRolePolicy"),
            (f"arn:{TEMPLATE.partition}:iam::{TEMPLATE.account}:role/{TEMPLATE.name('*')}",),
        ),
        Statement("Topics", "asks for them", ("sns:GetTopicAttributes",), (TOPIC_ARN, ALARMS_ARN)),
        Statement("GlueJobs", "asks for them", ("glue:GetJob",), [job.arn for job in GLUE_JOBS]),
        Statement(
            "Alarms",
            "looks at the states of the alarms",
            ("cloudwatch:DescribeAlarms",),
            (TEMPLATE.arn("cloudwatch", f"alarm:{TEMPLATE.name('*')}"),),
        ),
        Statement(
            "Figures",
            "asks when the sweeper ran last, and how long events wait; a metric takes no resource",
            ("cloudwatch:GetMetricStatistics",),
            ("*",),
        ),
        Statement(
            "Quotas",
            "reads the account's quotas of SageMaker; a list takes no resource",
            ("servicequotas:ListServiceQuotas",),
            ("*",),
        ),
    ),
)
