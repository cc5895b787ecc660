"""Guardrails: what nobody in the account may do but the installation's own roles and its administrators.

Together they make a service control policy. Unlike the policies of roles, it also limits whoever has
administrator rights in the account (AWS Organizations user guide, "Service control policies").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stagewright.installation.roles.arns import BUCKET, RUNS
from stagewright.installation.roles.recorder import RECORDER
from stagewright.installation.roles.router import ROUTER
from stagewright.installation.roles.state_machine import WORKFLOW
from stagewright.installation.roles.sweeper import SWEEPER
from stagewright.installation.template import TEMPLATE

PEOPLE_KEYS = ["backfill#*", "queue#*", "unfinished"]
"""Partition keys of the table `runs` whose items people write: data_scientist.py, operator.py."""
RESULT = ["fingerprint", "inputs", "plan", "release", "result", "stage_key", "trigger"]
_FUNCTIONS = (ROUTER.arn, RECORDER.arn, SWEEPER.arn)


@dataclass(frozen=True)
class Guardrail:
    """A denial of `actions` on `resources` for everyone but the roles `except_roles` and administrators."""

    sid: str
    reason: str
    actions: Sequence[str]
    resources: Sequence[str]
    except_roles: Sequence[str] = ()
    conditions: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "sid": self.sid,
            "reason": self.reason,
            "actions": list(self.actions),
            "resources": list(self.resources),
            "except_roles": list(self.except_roles),
            "conditions": dict(self.conditions),
        }


def service_control_policy(
    guardrails: Sequence[dict[str, Any]], administrators: Sequence[str]
) -> dict[str, Any]:
    """Return the policy. `administrators`: ARN patterns of roles, such as those of CI and of break-glass."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": guardrail["sid"],
                "Effect": "Deny",
                "Action": guardrail["actions"],
                "Resource": guardrail["resources"],
                "Condition": {
                    **guardrail["conditions"],
                    "ArnNotLike": {"aws:PrincipalArn": [*guardrail["except_roles"], *administrators]},
                },
            }
            for guardrail in guardrails
        ],
    }


GUARDRAILS = (
    Guardrail(
        "Releases",
        "Published releases and bundled code decide which code runs.",
        ("s3:PutObject", "s3:DeleteObject*"),
        (f"{BUCKET}/releases/*", f"{BUCKET}/code/*"),
        (ROUTER.arn,),
    ),
    Guardrail(
        "Models",
        "Registered models are served as they were registered.",
        ("s3:PutObject", "s3:DeleteObject*"),
        (f"{BUCKET}/models/*",),
        (WORKFLOW.arn,),
    ),
    Guardrail(
        "Records",
        "A whole item could forge a run, a claim or a result. People write only what is listed.",
        ("dynamodb:BatchWriteItem", "dynamodb:PutItem", "dynamodb:DeleteItem", "dynamodb:PartiQLInsert"),
        (RUNS,),
        _FUNCTIONS,
        {"ForAnyValue:StringNotLike": {"dynamodb:LeadingKeys": PEOPLE_KEYS}},
    ),
    Guardrail(
        "Results",
        "These attributes are results and plans.",
        ("dynamodb:UpdateItem", "dynamodb:PartiQLUpdate"),
        (RUNS,),
        (*_FUNCTIONS, WORKFLOW.arn),
        {"ForAnyValue:StringEquals": {"dynamodb:Attributes": RESULT}},
    ),
    Guardrail(
        "Jobs",
        "Only the state machine gives the role of jobs to a job.",
        ("iam:PassRole",),
        (TEMPLATE.job_role_arn,),
        (WORKFLOW.arn,),
    ),
    Guardrail(
        "Executions",
        "Only the router and the sweeper start runs.",
        ("states:StartExecution",),
        (TEMPLATE.state_machine_arn,),
        (ROUTER.arn, SWEEPER.arn),
    ),
    Guardrail(
        "Installation",
        "Functions, state machine, tables, rules and roles change by Terraform only.",
        (
            "dynamodb:DeleteTable",
            "events:DeleteRule",
            "events:DisableRule",
            "iam:AttachRolePolicy",
            "iam:PutRolePolicy",
            "iam:UpdateAssumeRolePolicy",
            "lambda:UpdateFunction*",
            "states:UpdateStateMachine",
        ),
        (
            TEMPLATE.arn("dynamodb", f"table/{TEMPLATE.name('*')}"),
            TEMPLATE.arn("events", f"rule/{TEMPLATE.name('*')}"),
            TEMPLATE.arn("lambda", f"function:{TEMPLATE.name('*')}"),
            TEMPLATE.state_machine_arn,
            f"arn:{TEMPLATE.partition}:iam::{TEMPLATE.account}:role/{TEMPLATE.name('*')}",
        ),
    ),
)
