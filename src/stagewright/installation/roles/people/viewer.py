"""The policy of a viewer, who sees everything and changes nothing."""

from __future__ import annotations

from stagewright.installation.functions import ROUTER
from stagewright.installation.roles.arns import (
    BUCKET,
    DOCUMENTS,
    EXECUTIONS,
    JOBS,
    RUNS,
    sagemaker_arns,
)
from stagewright.installation.roles.people.policy import Policy
from stagewright.installation.roles.role import Statement
from stagewright.installation.roles.shared import DESCRIBE_JOBS, LIST_VERSIONS
from stagewright.installation.template import TEMPLATE

VIEWER = Policy(
    "viewer",
    "For everyone who works with the pipelines: `runs`, `show`, `get`, `logs`, `plan`, `diff`, `history`,"
    " `approvals`, `endpoints`, `config show`. The other policies for people need it too.",
    (
        Statement(
            "Tables",
            "Reads documents, runs and results.",
            ("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"),
            (DOCUMENTS, f"{DOCUMENTS}/index/by_item", RUNS, f"{RUNS}/index/*"),
        ),
        Statement(
            "Objects",
            "Reads manifests, releases, code, metrics files and what a plan would use.",
            ("s3:GetObject", "s3:GetObjectVersion"),
            (f"{BUCKET}/*",),
        ),
        Statement(
            "List", "Lists the inputs of a plan.", ("s3:ListBucket", "s3:ListBucketVersions"), (BUCKET,)
        ),
        Statement(
            "Settings",
            "Reads whether the router accepts overrides of guarded fields.",
            ("lambda:GetFunctionConfiguration",),
            (ROUTER.arn,),
        ),
        Statement(
            "Executions",
            "Reads whether a run is still running, and how it ended.",
            ("states:DescribeExecution",),
            (EXECUTIONS,),
        ),
        Statement("Jobs", "Reads the progress of jobs.", DESCRIBE_JOBS, sagemaker_arns(*JOBS)),
        Statement(
            "Served",
            "Reads models, model versions and endpoints.",
            (
                "sagemaker:DescribeEndpoint",
                "sagemaker:DescribeEndpointConfig",
                "sagemaker:DescribeModel",
                "sagemaker:DescribeModelPackage",
            ),
            sagemaker_arns("endpoint", "endpoint-config", "model", "model-package"),
        ),
        LIST_VERSIONS,
        Statement(
            "GlueRuns",
            "Reads the progress of Glue job runs.",
            ("glue:GetJobRuns",),
            (TEMPLATE.arn("glue", "job/*"),),
        ),
        Statement(
            "Logs",
            "Reads the logs of jobs, endpoints and functions.",
            ("logs:DescribeLogStreams", "logs:FilterLogEvents", "logs:GetLogEvents"),
            [
                TEMPLATE.arn("logs", f"log-group:{group}")
                for group in ("/aws/sagemaker/*", "/aws-glue/*", f"/aws/lambda/{TEMPLATE.name('*')}")
            ],
        ),
        Statement(
            "Alarms",
            "Reads the alarms of endpoints.",
            ("cloudwatch:DescribeAlarms",),
            (TEMPLATE.arn("cloudwatch", "alarm:*"),),
        ),
        Statement(
            "Quotas",
            "Reads the account's SageMaker quotas, to compare a plan with them. A list takes no resource.",
            ("servicequotas:ListServiceQuotas",),
            ("*",),
        ),
    ),
    needs_viewer=False,
)
