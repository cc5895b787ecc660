"""The policy of a data scientist, who runs what was pushed, with other values."""

from __future__ import annotations

from stagewright.installation.roles.arns import DOCUMENTS, RUNS
from stagewright.installation.roles.people.policy import Policy
from stagewright.installation.roles.people.requests import REQUEST_RUNS
from stagewright.installation.roles.role import Statement

DATA_SCIENTIST = Policy(
    "data-scientist",
    "For people who run pipelines with other values: `run`, `backfill`, `resume`, `set`, `unset`, `rollback`."
    " It does not let them choose the code that runs, approve, or bypass a gate.",
    (
        REQUEST_RUNS,
        Statement(
            "Overrides",
            "Writes the overrides of a document and the revision that they make. A run takes the document"
            " from its release manifest and refuses a copy that differs. The condition key"
            " `dynamodb:LeadingKeys` can narrow it to pipelines by name.",
            ("dynamodb:PutItem",),
            (DOCUMENTS,),
        ),
        Statement(
            "Backfills",
            "Records which periods a backfill has requested. The table's other items stay closed.",
            ("dynamodb:BatchWriteItem", "dynamodb:PutItem"),
            (RUNS,),
            {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["backfill#*"]}},
        ),
    ),
)
