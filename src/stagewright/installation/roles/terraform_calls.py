"""What Terraform reads and writes of an installation: the permissions of the roles that plan and apply.

A plan refreshes every resource of the state, so it makes the calls in `reads`. An apply makes those in
`writes` too. Source: the resources' code in terraform-provider-aws. No statement allows reading data:
objects, items, messages, logs.

An apply cannot delete the bucket, its objects or a table. An administrator destroys an installation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stagewright.installation.alarms import ALARMS
from stagewright.installation.functions import FUNCTIONS, ROUTER, TOPIC_ARN
from stagewright.installation.glue_jobs import GLUE_JOBS
from stagewright.installation.queues import DEAD_ARN, EVENTS_ARN
from stagewright.installation.roles import ROLES
from stagewright.installation.roles.arns import BUCKET, DOCUMENTS, RUNS
from stagewright.installation.roles.options import managed_policies
from stagewright.installation.roles.role import Statement
from stagewright.installation.rules import RULES
from stagewright.installation.state_machine import log_groups
from stagewright.installation.template import TEMPLATE
from stagewright.installation.topics import ALARMS_ARN

CI_PATH = "/stagewright-ci/"
"""IAM path of the CI roles and of the boundary. Roles of installations have the path `/`, so who may change
those cannot change these."""
PRICES = "staging/_prices.json"
"""Key of the prices that Terraform writes in every environment (runs/prices.py)."""
BOUNDARY_ARN = f"arn:{TEMPLATE.partition}:iam::{TEMPLATE.account}:policy{CI_PATH}{TEMPLATE.name('boundary')}"


@dataclass(frozen=True)
class Managed:
    """Resources of one kind of a service. `writes` is empty for what an apply only reads."""

    service: str
    sid: str
    reason: str
    resources: Sequence[str]
    reads: Sequence[str] = ()
    writes: Sequence[str] = ()
    conditions: Mapping[str, Any] = field(default_factory=dict)

    def plan(self) -> Statement:
        return self._statement(self.reads)

    def apply(self) -> Statement:
        return self._statement((*self.reads, *self.writes))

    def _statement(self, actions: Sequence[str]) -> Statement:
        named = [f"{self.service}:{action}" for action in actions]
        return Statement(self.sid, self.reason, named, self.resources, self.conditions)


_ROLE_ARNS = tuple(role.arn for role in ROLES)
_MANAGED_ARNS = tuple(managed_policies())
_FUNCTION_ARNS = tuple(function.arn for function in FUNCTIONS)
_MAPPINGS = TEMPLATE.arn("lambda", "event-source-mapping:*")
_ONLY_ROUTER = {"ArnEquals": {"lambda:FunctionArn": ROUTER.arn}}
_BOUNDED = {"StringEquals": {"iam:PermissionsBoundary": BOUNDARY_ARN}}
_PASSED = {
    "StringEquals": {
        "iam:PassedToService": ["lambda.amazonaws.com", "states.amazonaws.com", "glue.amazonaws.com"]
    }
}
_TAG, _UNTAG, _TAGS = "TagResource", "UntagResource", "ListTagsForResource"
RULE_READS = ("DescribeRule", _TAGS, "ListTargetsByRule")
RULE_WRITES = ("DeleteRule", "PutRule", "PutTargets", "RemoveTargets", _TAG, _UNTAG)

MANAGED = (
    Managed(
        "s3",
        "Bucket",
        "The settings of the bucket, without its objects.",
        (BUCKET,),
        (
            "ListBucket",
            "GetAccelerateConfiguration",
            "GetBucketAcl",
            "GetBucketCORS",
            "GetBucketLocation",
            "GetBucketLogging",
            "GetBucketNotification",
            "GetBucketObjectLockConfiguration",
            "GetBucketOwnershipControls",
            "GetBucketPolicy",
            "GetBucketPublicAccessBlock",
            "GetBucketRequestPayment",
            "GetBucketTagging",
            "GetBucketVersioning",
            "GetBucketWebsite",
            "GetEncryptionConfiguration",
            "GetLifecycleConfiguration",
            "GetReplicationConfiguration",
        ),
        ("ListBucketVersions", "PutBucketNotification"),
    ),
    Managed(
        "s3",
        "Prices",
        "AWS's prices, which every environment has.",
        (f"{BUCKET}/{PRICES}",),
        ("GetObject", "GetObjectTagging"),
        ("DeleteObject", "DeleteObjectVersion", "PutObject", "PutObjectTagging"),
    ),
    Managed(
        "dynamodb",
        "Tables",
        "The tables, without their items.",
        (RUNS, DOCUMENTS),
        ("DescribeContinuousBackups", "DescribeTable", "DescribeTimeToLive", "ListTagsOfResource"),
        ("CreateTable", _TAG, _UNTAG, "UpdateContinuousBackups", "UpdateTable", "UpdateTimeToLive"),
    ),
    Managed(
        "sqs",
        "Queues",
        "The queues, without their messages.",
        (EVENTS_ARN, DEAD_ARN),
        ("GetQueueAttributes", "GetQueueUrl", "ListQueueTags"),
        ("CreateQueue", "DeleteQueue", "SetQueueAttributes", "TagQueue", "UntagQueue"),
    ),
    Managed(
        "sns",
        "Topics",
        "The topics.",
        (TOPIC_ARN, ALARMS_ARN),
        ("GetTopicAttributes", _TAGS),
        ("CreateTopic", "DeleteTopic", "SetTopicAttributes", "Subscribe", _TAG, _UNTAG),
    ),
    Managed(
        "sns",
        "Subscriptions",
        "E-mail addresses of the topics. These actions take no resource.",
        ("*",),
        ("GetSubscriptionAttributes",),
        ("Unsubscribe",),
    ),
    Managed(
        "events",
        "Rules",
        "The rules and their targets.",
        tuple(rule.arn for rule in RULES),
        RULE_READS,
        RULE_WRITES,
    ),
    Managed(
        "lambda",
        "Functions",
        "The functions: code, settings, permissions.",
        _FUNCTION_ARNS,
        ("GetFunction", "GetFunctionCodeSigningConfig", "GetPolicy", "ListTags", "ListVersionsByFunction"),
        (
            "AddPermission",
            "CreateFunction",
            "DeleteFunction",
            "DeleteFunctionConcurrency",
            "PutFunctionConcurrency",
            "RemovePermission",
            _TAG,
            _UNTAG,
            "UpdateFunctionCode",
            "UpdateFunctionConfiguration",
        ),
    ),
    Managed(
        "lambda",
        "NewSource",
        "Connects the router with its queue. This action takes no resource.",
        ("*",),
        (),
        ("CreateEventSourceMapping",),
        _ONLY_ROUTER,
    ),
    Managed(
        "lambda",
        "Source",
        "The router's connection with its queue.",
        (_MAPPINGS,),
        ("GetEventSourceMapping",),
        ("DeleteEventSourceMapping", "UpdateEventSourceMapping"),
        _ONLY_ROUTER,
    ),
    Managed(
        "lambda",
        "SourceTags",
        "Tags of that connection. A condition cannot narrow these actions to the router's.",
        (_MAPPINGS,),
        ("ListTags",),
        (_TAG, _UNTAG),
    ),
    Managed(
        "lambda",
        "Layer",
        "The layer of the functions, which AWS or the platform team publishes.",
        (f"arn:{TEMPLATE.partition}:lambda:{TEMPLATE.region}:*:layer:*:*",),
        (),
        ("GetLayerVersion",),
    ),
    Managed(
        "states",
        "Machine",
        "The state machine and its published versions.",
        (TEMPLATE.state_machine_arn,),
        ("DescribeStateMachine", "ListStateMachineVersions", _TAGS),
        (
            "CreateStateMachine",
            "DeleteStateMachine",
            "DeleteStateMachineVersion",
            "PublishStateMachineVersion",
            _TAG,
            _UNTAG,
            "UpdateStateMachine",
        ),
    ),
    Managed(
        "states",
        "Definition",
        "Checks a changed definition in the plan. This action takes no resource.",
        ("*",),
        ("ValidateStateMachineDefinition",),
    ),
    Managed(
        "glue",
        "Jobs",
        "The Glue jobs.",
        tuple(job.arn for job in GLUE_JOBS),
        ("GetJob", "GetTags"),
        ("CreateJob", "DeleteJob", _TAG, _UNTAG, "UpdateJob"),
    ),
    Managed(
        "logs",
        "Groups",
        "The log groups and their metrics, without the logs.",
        tuple(
            TEMPLATE.arn("logs", f"log-group:{group['name']}{end}")
            for group in log_groups().values()
            for end in ("", ":*")
        ),
        ("DescribeMetricFilters", _TAGS),
        (
            "AssociateKmsKey",
            "CreateLogGroup",
            "DeleteLogGroup",
            "DeleteMetricFilter",
            "DeleteRetentionPolicy",
            "DisassociateKmsKey",
            "PutMetricFilter",
            "PutRetentionPolicy",
            _TAG,
            _UNTAG,
        ),
    ),
    Managed(
        "logs",
        "List",
        "Finds a log group by its name. This action takes no resource.",
        ("*",),
        ("DescribeLogGroups",),
    ),
    Managed(
        "cloudwatch",
        "Alarms",
        "The alarms.",
        tuple(alarm.arn for alarm in ALARMS),
        ("DescribeAlarms", _TAGS),
        ("DeleteAlarms", "PutMetricAlarm", _TAG, _UNTAG),
    ),
    Managed(
        "cloudwatch",
        "Dashboard",
        "The dashboard.",
        (f"arn:{TEMPLATE.partition}:cloudwatch::{TEMPLATE.account}:dashboard/{TEMPLATE.id}",),
        ("GetDashboard",),
        ("DeleteDashboards", "PutDashboard"),
    ),
    Managed(
        "iam",
        "Roles",
        "The roles of this installation.",
        _ROLE_ARNS,
        ("GetRole", "GetRolePolicy", "ListAttachedRolePolicies", "ListRolePolicies", "ListRoleTags"),
        (
            "DeleteRole",
            "ListInstanceProfilesForRole",
            "TagRole",
            "UntagRole",
            "UpdateAssumeRolePolicy",
            "UpdateRole",
        ),
    ),
    Managed(
        "iam",
        "BoundedRoles",
        "Creates a role and changes its policy only under the boundary, which the role of CI cannot change.",
        _ROLE_ARNS,
        (),
        ("CreateRole", "DeleteRolePolicy", "PutRolePermissionsBoundary", "PutRolePolicy"),
        _BOUNDED,
    ),
    Managed(
        "iam",
        "Policies",
        "The managed policies of roles whose own policy has no room for every option.",
        tuple(policy for _, policy in _MANAGED_ARNS),
        ("GetPolicy", "GetPolicyVersion", "ListPolicyVersions"),
        (
            "CreatePolicy",
            "CreatePolicyVersion",
            "DeletePolicy",
            "DeletePolicyVersion",
            "TagPolicy",
            "UntagPolicy",
        ),
    ),
    Managed(
        "iam",
        "Attach",
        "Attaches these policies, and no others, to their roles.",
        tuple(dict.fromkeys(role for role, _ in _MANAGED_ARNS)),
        (),
        ("AttachRolePolicy", "DetachRolePolicy"),
        {**_BOUNDED, "ArnEquals": {"iam:PolicyARN": [policy for _, policy in _MANAGED_ARNS]}},
    ),
    Managed(
        "iam",
        "Pass",
        "Gives functions, state machine and Glue jobs their roles.",
        _ROLE_ARNS,
        (),
        ("PassRole",),
        _PASSED,
    ),
)
