"""The role of the sweeper, the function that repairs what lost events left undone."""

from __future__ import annotations

from stagewright.installation.functions import SWEEPER as FUNCTION
from stagewright.installation.roles.arns import ALARMS, RESOURCE_TAGGED, sagemaker_arns
from stagewright.installation.roles.role import Role, Statement
from stagewright.installation.roles.shared import (
    APPROVALS,
    LIST_DOCUMENTS,
    LIST_VERSIONS,
    READ_DOCUMENTS,
    describe_executions,
    logs,
    notify,
    objects,
    read_manifests,
    read_used_time,
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
        *read_manifests("Finds pushes without a run, and reads which triggers were in force."),
        send("Sends a lost event again."),
        READ_DOCUMENTS,
        LIST_DOCUMENTS,
        run_items("Finds and repairs unfinished runs, leases, trigger state and expired endpoints."),
        start(),
        stop(),
        describe_executions(),
        notify(),
        *read_used_time(),
        Statement(
            "Endpoints",
            "Reads the state and the tags of an expired endpoint.",
            ("sagemaker:DescribeEndpoint", "sagemaker:ListTags"),
            sagemaker_arns("endpoint"),
        ),
        Statement(
            "Expire",
            "Deletes an expired endpoint with its configurations and models, if they carry this"
            " installation's tag.",
            ("sagemaker:DeleteEndpoint", "sagemaker:DeleteEndpointConfig", "sagemaker:DeleteModel"),
            sagemaker_arns("endpoint", "endpoint-config", "model"),
            RESOURCE_TAGGED,
        ),
        Statement(
            "Alarms", "Deletes the alarms of an expired endpoint.", ("cloudwatch:DeleteAlarms",), ALARMS
        ),
        LIST_VERSIONS,
        objects(
            "Releases",
            "Reads what differs between a version that waits for approval and the one that serves.",
            ("s3:GetObject",),
            ("releases/",),
        ),
        *APPROVALS,
    ),
)
