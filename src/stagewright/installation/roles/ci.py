"""The roles of CI. For each environment one that plans and one that applies; for GitLab two that promote.

infra/modules/ci creates them, with a trust that names the project or workspace, the branch, the protected
environment and the phase. An administrator applies it, so that no role of CI can change a role of CI.

The permissions boundary is what keeps a role that may create roles from giving itself more: a role of the
installation can do at most what all its roles together may do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from stagewright.installation.functions import ROUTER
from stagewright.installation.roles import ROLES
from stagewright.installation.roles.arns import BUCKET, DOCUMENTS, RUNS
from stagewright.installation.roles.options import OPTIONS, Options, role_options
from stagewright.installation.roles.people.push import PUSH
from stagewright.installation.roles.role import Role, Statement
from stagewright.installation.roles.shared import list_bucket, objects
from stagewright.installation.roles.terraform_calls import (
    BOUNDARY_ARN,
    CI_PATH,
    MANAGED,
    RULE_READS,
    RULE_WRITES,
    Managed,
)
from stagewright.installation.template import TEMPLATE

FORMAT = 1
_PARTS = {
    "storage": ("s3", "dynamodb"),
    "events": ("sqs", "sns", "events"),
    "compute": ("lambda", "states", "glue"),
}
_MOST_ARNS = 16
"""ARNs of a service in the boundary. A policy has at most 6,144 characters, so more become `*`."""
_BOUNDED = "What a role of the installation may do at most with this service."
_FEDERATED = "sts.amazonaws.com"
_PUSHED = ("staging/", "manifests/")

PLAN = Role("plan", _FEDERATED, tuple(managed.plan() for managed in MANAGED if managed.reads))
APPLY = Role("apply", _FEDERATED, tuple(managed.apply() for managed in MANAGED))
PROMOTE = Role(
    "promote",
    _FEDERATED,
    (
        *PUSH.statements,
        Statement(
            "Policy",
            "Reads whether the router accepts overrides of guarded fields, to check the document.",
            ("lambda:GetFunctionConfiguration",),
            (ROUTER.arn,),
        ),
        Statement(
            "Started",
            "Finds the run that the promotion starts.",
            ("dynamodb:GetItem", "dynamodb:Query"),
            (RUNS, f"{RUNS}/index/*"),
        ),
    ),
)
SOURCE = Role(
    "promote-source",
    _FEDERATED,
    (
        objects(
            "Release",
            "Reads a release to promote it to the next environment.",
            ("s3:GetObject", "s3:GetObjectVersion"),
            ("manifests/", "releases/", "staging/"),
        ),
        list_bucket("Finds the release, and the push of its document.", "s3:ListBucketVersions"),
        Statement(
            "Runs",
            "Reads the document and the run that show that the release succeeded.",
            ("dynamodb:GetItem", "dynamodb:Query"),
            (DOCUMENTS, f"{DOCUMENTS}/index/*", RUNS, f"{RUNS}/index/*"),
        ),
    ),
)
CI_ROLES = (PLAN, APPLY, PROMOTE, SOURCE)

_READ_PUSH = (
    objects("Pushed", "Compares the pushed files.", ("s3:GetObject", "s3:GetObjectTagging"), _PUSHED),
    Statement("PushedDocuments", "Compares the pushed documents.", ("dynamodb:GetItem",), (DOCUMENTS,)),
)
_WRITE_PUSH = (
    objects(
        "Pushed",
        "Pushes pipelines: writes and removes their files, and the manifest that starts a run.",
        (
            "s3:DeleteObject",
            "s3:DeleteObjectVersion",
            "s3:GetObject",
            "s3:GetObjectTagging",
            "s3:PutObject",
            "s3:PutObjectTagging",
        ),
        _PUSHED,
    ),
    Statement(
        "PushedDocuments",
        "Writes the copies of the pushed documents.",
        ("dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"),
        (DOCUMENTS,),
    ),
)
_BUCKET_SETTINGS = Statement(
    "BucketSettings",
    "Creates the bucket and its settings.",
    (
        "s3:CreateBucket",
        "s3:DeleteBucketPolicy",
        "s3:PutBucketOwnershipControls",
        "s3:PutBucketPolicy",
        "s3:PutBucketPublicAccessBlock",
        "s3:PutBucketTagging",
        "s3:PutBucketVersioning",
        "s3:PutEncryptionConfiguration",
        "s3:PutLifecycleConfiguration",
    ),
    (BUCKET,),
)
_VIA = {
    "StringLike": {
        "kms:ViaService": [
            f"{service}.{TEMPLATE.region}.amazonaws.com*"
            for service in ("dynamodb", "lambda", "s3", "states")
        ]
    }
}
_READ_KEY = Statement(
    "Key",
    "Decrypts the variables of the functions, the state machine's definition, and what a push wrote.",
    ("kms:Decrypt",),
    ("kms_key",),
    _VIA,
)
_DESCRIBE_KEY = Statement(
    "DescribeKey", "Looks up the installation's key.", ("kms:DescribeKey",), ("kms_key",)
)
_USE_KEY = Statement(
    "Key",
    "Encrypts what it creates, and lets Lambda, DynamoDB and Step Functions use the key.",
    ("kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"),
    ("kms_key",),
)
_PROMOTE_KEY = Statement(
    "Key", "Reads and writes encrypted files.", ("kms:Decrypt", "kms:GenerateDataKey"), ("kms_key",)
)
_VPC = Statement(
    "Network",
    "Lambda's guide requires these to connect a function to a VPC. They take no resource.",
    ("ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"),
    ("*",),
)
_GROUPS = (TEMPLATE.arn("sagemaker", "model-package-group/*"),)
_READ_GROUP = ("DescribeModelPackageGroup", "GetModelPackageGroupPolicy", "ListTags")
_WRITE_GROUP = (
    "AddTags",
    "CreateModelPackageGroup",
    "DeleteModelPackageGroup",
    "DeleteModelPackageGroupPolicy",
    "DeleteTags",
    "PutModelPackageGroupPolicy",
)
_LIST_STATE = Statement("StateBucket", "Finds the state.", ("s3:ListBucket",), ("state_bucket",))
_READ_STATE = Statement("State", "Reads the state.", ("s3:GetObject",), ("state",))
_WRITE_STATE = Statement("State", "Reads and writes the state.", ("s3:GetObject", "s3:PutObject"), ("state",))
_LOCK = Statement(
    "StateLock",
    "Locks the state.",
    ("s3:DeleteObject", "s3:GetObject", "s3:PutObject"),
    ("state_lock",),
)


def _groups(actions: Sequence[str]) -> Statement:
    named = [f"sagemaker:{action}" for action in actions]
    return Statement("ModelGroups", "The model package groups.", named, _GROUPS)


_BUS = Managed(
    "events",
    "Bus",
    "The event bus of other accounts.",
    (TEMPLATE.arn("events", f"event-bus/{TEMPLATE.name('accounts')}"),),
    ("DescribeEventBus", "ListTagsForResource"),
    ("CreateEventBus", "DeleteEventBus", "TagResource", "UntagResource"),
)
_BUS_RULES = Managed(
    "events",
    "BusRules",
    "The rules of that bus, one per account and kind of event.",
    (TEMPLATE.arn("events", f"rule/{TEMPLATE.name('accounts')}/*"),),
    RULE_READS,
    RULE_WRITES,
)
_BUS_PERMISSIONS = Managed(
    "events",
    "BusPermissions",
    "Lets the accounts put events on that bus. These actions take no resource.",
    ("*",),
    (),
    ("PutPermission", "RemovePermission"),
)


_OPTIONS: Options = {
    "create_bucket": {"apply": (_BUCKET_SETTINGS,)},
    "push": {"plan": _READ_PUSH, "apply": _WRITE_PUSH},
    "kms_key": {
        "plan": (_READ_KEY, _DESCRIBE_KEY),
        "apply": (_USE_KEY,),
        "promote": (_PROMOTE_KEY,),
        "promote-source": (_PROMOTE_KEY,),
    },
    "vpc": {"apply": (_VPC,)},
    "model_groups": {"plan": (_groups(_READ_GROUP),), "apply": (_groups((*_READ_GROUP, *_WRITE_GROUP)),)},
    "event_accounts": {
        "plan": (_BUS.plan(), _BUS_RULES.plan()),
        "apply": (_BUS.apply(), _BUS_RULES.apply(), _BUS_PERMISSIONS.apply()),
    },
    "state_bucket": {"plan": (_LIST_STATE, _READ_STATE), "apply": (_LIST_STATE, _WRITE_STATE, _LOCK)},
}
"""`kms_key`, `state_bucket`, `state` and `state_lock` are names of resources that
Terraform replaces."""


def ci() -> dict[str, Any]:
    """Return the CI roles, the statements that options add to them, and the boundary, with placeholders."""
    return {
        "format": FORMAT,
        "path": CI_PATH,
        "roles": {
            role.key: {"name": TEMPLATE.name(role.key), "policies": _policies(role)} for role in CI_ROLES
        },
        "role_options": role_options(_OPTIONS),
        "boundary": {
            "name": TEMPLATE.name("boundary"),
            "arn": BOUNDARY_ARN,
            "statements": [statement.to_json() for statement in _boundary()],
        },
    }


def _policies(role: Role) -> dict[str, list[dict[str, Any]]]:
    """Return the statements per policy. A policy has at most 6,144 characters, a role at most 10 policies."""
    policies: dict[str, list[dict[str, Any]]] = {}
    for statement in role.statements:
        service = statement.actions[0].partition(":")[0]
        part = next((part for part, services in _PARTS.items() if service in services), service)
        policies.setdefault(part, []).append(statement.to_json())
    return policies


def _boundary() -> Iterator[Statement]:
    """Return one statement per service: the actions and resources of all roles, also with every option."""
    by_service: dict[str, tuple[set[str], set[str]]] = {}
    added = [statement for by_role in OPTIONS.values() for role in by_role.values() for statement in role]
    for statement in (*(statement for role in ROLES for statement in role.statements), *added):
        if statement.effect == "Deny":
            continue
        for action in statement.actions:
            actions, resources = by_service.setdefault(action.partition(":")[0], (set(), set()))
            actions.add(action)
            resources.update(statement.resources)
    for service, (actions, resources) in sorted(by_service.items()):
        distinct = sorted(arn for arn in resources if not _covered(arn, resources))
        yield Statement(
            service.capitalize(),
            _BOUNDED,
            sorted(actions),
            distinct if len(distinct) <= _MOST_ARNS else ["*"],
        )


def _covered(arn: str, others: Iterable[str]) -> bool:
    """Whether another ARN ends with `*` and includes this one."""
    return any(other.endswith("*") and arn.startswith(other[:-1]) for other in others if other != arn)
