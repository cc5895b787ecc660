"""The policy of CI, which pushes."""

from __future__ import annotations

from stagewright.installation.roles.arns import DOCUMENTS
from stagewright.installation.roles.people.policy import Policy
from stagewright.installation.roles.role import Statement
from stagewright.installation.roles.shared import list_bucket, objects

PUSH = Policy(
    "push",
    "For CI: `push`, `promote` to this installation. Its holder chooses the code that runs with the role of"
    " jobs.",
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
    needs_viewer=False,
)
