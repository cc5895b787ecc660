"""Of jobs, models and endpoints."""

from __future__ import annotations

from stagewright.installation.roles.arns import ALARMS, BUCKET
from stagewright.installation.roles.role import Role, Statement
from stagewright.installation.roles.shared import objects
from stagewright.installation.template import TEMPLATE

SAGEMAKER = Role(
    "sagemaker",
    "sagemaker.amazonaws.com",
    (
        objects("Read", "jobs read code, data and models", ("s3:GetObject",), ("",)),
        objects(
            "Write",
            "jobs write what they make, endpoints what they capture",
            ("s3:PutObject",),
            ("runs/", "captured/"),
        ),
        Statement(
            "Alarms",
            "an endpoint's update reads the alarms that it rolls back on (SageMaker developer guide,"
            " Auto-Rollback Configuration and Monitoring: the execution role)",
            ("cloudwatch:DescribeAlarms",),
            ALARMS,
        ),
        Statement("List", "jobs list their inputs", ("s3:ListBucket",), (BUCKET,)),
        Statement(
            "Logs",
            "jobs and endpoints write their logs",
            ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"),
            (TEMPLATE.arn("logs", "log-group:/aws/sagemaker/*"),),
        ),
        Statement(
            "Metrics",
            "jobs publish metrics; PutMetricData takes no resource, only a namespace",
            ("cloudwatch:PutMetricData",),
            ("*",),
            {"StringLike": {"cloudwatch:namespace": ["/aws/sagemaker/*", "aws/sagemaker/*"]}},
        ),
        Statement(
            "ImageToken", "pulls images; a token takes no resource", ("ecr:GetAuthorizationToken",), ("*",)
        ),
        Statement(
            "Images",
            "pulls images, AWS's own from AWS's accounts",
            ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
            (f"arn:{TEMPLATE.partition}:ecr:{TEMPLATE.region}:*:repository/*",),
        ),
    ),
)
