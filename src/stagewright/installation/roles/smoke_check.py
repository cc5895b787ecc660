"""The role of the function that sends an endpoint's smoke test."""

from __future__ import annotations

from stagewright.installation.functions import SMOKE_TEST as FUNCTION
from stagewright.installation.roles.arns import RESOURCE_TAGGED, sagemaker_arns
from stagewright.installation.roles.role import Role, Statement
from stagewright.installation.roles.shared import list_bucket, logs, objects

SMOKE_TEST = Role(
    FUNCTION.key,
    "lambda.amazonaws.com",
    (
        logs(FUNCTION),
        Statement(
            "Invoke",
            "Sends a request to this installation's endpoints.",
            ("sagemaker:InvokeEndpoint",),
            sagemaker_arns("endpoint"),
            RESOURCE_TAGGED,
        ),
        objects("ReadFiles", "Reads the files of smoke tests.", ("s3:GetObject",), ("",)),
        list_bucket("Without it, S3 reports a missing file as access denied."),
    ),
)
