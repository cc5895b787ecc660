"""The statements of two permissions for people and CI: to override values, and to choose the code that runs.

The installation creates no such roles. They share no resource to write: overrides are items of the table
`documents`, and code comes from objects of the bucket only (docs/security.md).
"""

from __future__ import annotations

from stagewright.installation.functions import ROUTER
from stagewright.installation.roles.arns import DOCUMENTS
from stagewright.installation.roles.role import Role, Statement
from stagewright.installation.roles.shared import list_bucket, objects

_ACCOUNT = "sts.amazonaws.com"

OVERRIDE = Role(
    "override",
    _ACCOUNT,
    (
        Statement(
            "Overrides",
            "Reads the layers of a document, writes its overrides and the revision that they make. The"
            " condition key `dynamodb:LeadingKeys` can narrow it to pipelines by name.",
            ("dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem"),
            (DOCUMENTS,),
        ),
        Statement(
            "FindPipelines",
            "Finds the pipeline that a misspelled name means.",
            ("dynamodb:Query",),
            (f"{DOCUMENTS}/index/by_item",),
        ),
        Statement(
            "Policy",
            "Reads whether the router accepts overrides of guarded fields.",
            ("lambda:GetFunctionConfiguration",),
            (ROUTER.arn,),
        ),
    ),
)
PUSH = Role(
    "push",
    _ACCOUNT,
    (
        objects(
            "Release",
            "Writes code files and the release manifest, and so decides which code runs.",
            ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"),
            ("staging/", "manifests/"),
        ),
        list_bucket("Without it, S3 reports a missing manifest as access denied."),
        Statement(
            "Documents",
            "Writes the copies of the pushed documents, and deletes that of an overlay that is gone.",
            ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"),
            (DOCUMENTS,),
        ),
        Statement(
            "Triggers",
            "Lists the pipelines, to refuse upstream triggers that form a cycle.",
            ("dynamodb:Query",),
            (f"{DOCUMENTS}/index/by_item",),
        ),
    ),
)
PEOPLE = (OVERRIDE, PUSH)
