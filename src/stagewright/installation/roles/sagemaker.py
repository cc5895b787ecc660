"""The execution role of SageMaker jobs, models and endpoints."""

from __future__ import annotations

from stagewright.installation.roles.arns import ALARMS, BUCKET
from stagewright.installation.roles.role import Role, Statement
from stagewright.installation.roles.shared import objects
from stagewright.installation.template import TEMPLATE
from stagewright.naming import CAPTURED, RUNS

SAGEMAKER = Role(
    "sagemaker",
    "sagemaker.amazonaws.com",
    (
        objects("Read", "Reads code, data and models.", ("s3:GetObject",), ("",)),
        objects(
            "Write",
            "Writes the outputs of jobs and the data that endpoints capture.",
            ("s3:PutObject",),
            (RUNS, CAPTURED),
        ),
        Statement(
            "Alarms",
            "Reads the alarms that roll back an endpoint update. SageMaker uses the execution role for this"
            " (developer guide, Auto-Rollback Configuration and Monitoring).",
            ("cloudwatch:DescribeAlarms",),
            ALARMS,
        ),
        Statement("List", "Lists the inputs of jobs.", ("s3:ListBucket",), (BUCKET,)),
        Statement(
            "Logs",
            "Writes the logs of jobs and endpoints.",
            ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"),
            (TEMPLATE.arn("logs", "log-group:/aws/sagemaker/*"),),
        ),
        Statement(
            "Metrics",
            "Publishes the metrics of jobs. PutMetricData takes no resource, so the namespace is restricted.",
            ("cloudwatch:PutMetricData",),
            ("*",),
            {"StringLike": {"cloudwatch:namespace": ["/aws/sagemaker/*", "aws/sagemaker/*"]}},
        ),
        Statement(
            "ImageToken",
            "Authenticates to ECR to pull images. This action takes no resource.",
            ("ecr:GetAuthorizationToken",),
            ("*",),
        ),
        Statement(
            "Images",
            "Pulls images, including AWS's images from AWS's accounts.",
            ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
            (f"arn:{TEMPLATE.partition}:ecr:{TEMPLATE.region}:*:repository/*",),
        ),
    ),
)
