"""The policy of an approver, who decides and starts nothing else."""

from __future__ import annotations

from stagewright.installation.roles.arns import RESOURCE_TAGGED, RUNS, sagemaker_arns
from stagewright.installation.roles.people.conditions import RUN_IDS
from stagewright.installation.roles.people.policy import Policy
from stagewright.installation.roles.role import Statement
from stagewright.installation.roles.shared import SEND_DECISION

DECISION = ("decision", "decided_by", "why", "decided")
"""Attributes of a decision (store/approvals.py)."""

APPROVER = Policy(
    "approver",
    "For people who decide: `approve` and `reject`, of stages and of model versions.",
    (
        Statement(
            "Decide",
            "Records a decision. The conditions limit it to items of runs, and to the attributes that the"
            " write sets or compares.",
            ("dynamodb:UpdateItem",),
            (RUNS,),
            {
                "ForAllValues:StringLike": {"dynamodb:LeadingKeys": [RUN_IDS]},
                "ForAllValues:StringEquals": {
                    "dynamodb:Attributes": ["run", "item", *DECISION, "status", "token", "barred"]
                },
                "StringEqualsIfExists": {"dynamodb:ReturnValues": "NONE"},
            },
        ),
        SEND_DECISION,
        Statement(
            "ModelApproval",
            "Sets the approval status of this installation's model versions, which have the tags of their"
            " group.",
            ("sagemaker:UpdateModelPackage",),
            sagemaker_arns("model-package"),
            RESOURCE_TAGGED,
        ),
    ),
)
