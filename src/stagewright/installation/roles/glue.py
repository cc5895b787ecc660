"""The execution role of Glue jobs."""

from __future__ import annotations

from stagewright.installation.glue_jobs import LOG_GROUPS, ROLE
from stagewright.installation.roles.arns import BUCKET
from stagewright.installation.roles.role import Role, Statement
from stagewright.installation.roles.shared import objects
from stagewright.installation.template import TEMPLATE
from stagewright.naming import RUNS

GLUE = Role(
    ROLE,
    "glue.amazonaws.com",
    (
        objects("Read", "Reads code and data.", ("s3:GetObject",), ("",)),
        objects("Write", "Writes the outputs of stages.", ("s3:PutObject", "s3:DeleteObject"), (RUNS,)),
        Statement(
            "List", "Lists the inputs of stages.", ("s3:ListBucket", "s3:GetBucketLocation"), (BUCKET,)
        ),
        Statement(
            "Logs",
            "Writes the logs of job runs.",
            ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"),
            tuple(TEMPLATE.arn("logs", f"log-group:{group}/*") for group in LOG_GROUPS),
        ),
    ),
)
