"""Of the function that repairs what was missed."""

from __future__ import annotations

from stagewright.installation.functions import SWEEPER as FUNCTION
from stagewright.installation.roles.arns import ALARMS, OURS, of_sagemaker
from stagewright.installation.roles.role import Role, Statement
from stagewright.installation.roles.shared import (
    APPROVALS,
    CATALOGUE,
    READ_DOCUMENTS,
    lists,
    logs,
    look,
    notify,
    run_items,
    send,
    start,
    stop,
)

SWEEPER = Role(
    "sweeper",
    "lambda.amazonaws.com",
    (
        logs(FUNCTION),
        lists("lists manifests and their versions", "s3:ListBucketVersions"),
        send("sends a missed event again"),
        READ_DOCUMENTS,
        CATALOGUE,
        run_items("finds what was left undone: runs, leases, marks, endpoints, and puts it right"),
        start(),
        stop(),
        look(),
        notify(),
        Statement(
            "Endpoints",
            "looks at an endpoint whose time is over, and whose it is",
            ("sagemaker:DescribeEndpoint", "sagemaker:ListTags"),
            of_sagemaker("endpoint"),
        ),
        Statement(
            "Expire",
            "deletes it, its configurations and models, where they carry this installation's tag",
            ("sagemaker:DeleteEndpoint", "sagemaker:DeleteEndpointConfig", "sagemaker:DeleteModel"),
            of_sagemaker("endpoint", "endpoint-config", "model"),
            OURS,
        ),
        Statement("Alarms", "deletes its alarms", ("cloudwatch:DeleteAlarms",), ALARMS),
        *APPROVALS,
    ),
)
