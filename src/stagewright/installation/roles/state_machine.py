"""The role of the state machine."""

from __future__ import annotations

from stagewright.installation.functions import SMOKE_TEST
from stagewright.installation.roles.arns import (
    ALARMS,
    ANY_GLUE_JOB,
    BUCKET,
    GLUE_JOB_ARNS,
    JOBS,
    REQUEST_NOT_TAGGED_FOR_ANOTHER,
    REQUEST_TAGGED,
    RESOURCE_TAGGED,
    RUNS,
    sagemaker_arns,
)
from stagewright.installation.roles.role import Role, Statement
from stagewright.installation.roles.shared import DESCRIBE_JOBS, STOP_JOBS, objects
from stagewright.installation.template import TEMPLATE
from stagewright.naming import MODELS
from stagewright.stages.registry import KINDS

_CREATED = (*JOBS, "model", "endpoint", "endpoint-config", "model-package-group")
_MANAGED_RULES = [
    TEMPLATE.arn("events", f"rule/StepFunctionsGetEventsForSageMaker{kind}JobsRule")
    for kind in ("Processing", "Training", "Tuning", "Transform")
]


def _kind_actions(statement: str) -> tuple[str, ...]:
    """Return the actions of one statement that the states of the stage kinds need."""
    actions = (kind.permissions.get(statement, ()) for kind in KINDS.values())
    return tuple(dict.fromkeys(action for kind_actions in actions for action in kind_actions))


WORKFLOW = Role(
    "workflow",
    "states.amazonaws.com",
    (
        Statement(
            "Runs",
            "Reads the plan and earlier results, and records the result of each stage.",
            ("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:UpdateItem"),
            (RUNS,),
        ),
        objects(
            "ReadObjects",
            "Reads the metrics files of stages, and models to copy and compare.",
            ("s3:GetObject",),
            ("",),
        ),
        objects(
            "CopyModels",
            "Copies a model to where no job can overwrite it, before it is registered.",
            ("s3:PutObject",),
            (MODELS,),
        ),
        Statement(
            "MissingMetrics",
            "Without it, S3 reports a missing metrics file as access denied.",
            ("s3:ListBucket",),
            (BUCKET,),
        ),
        Statement(
            "Create",
            "Creates jobs, models, endpoints and model package groups, each with this installation's tag.",
            _kind_actions("Create"),
            sagemaker_arns(*_CREATED),
            REQUEST_TAGGED,
        ),
        Statement(
            "TagNew",
            "A request that creates a resource with tags needs this permission. Only the request may: what"
            " exists without a tag cannot be claimed.",
            ("sagemaker:AddTags",),
            sagemaker_arns(*_CREATED),
            {
                "StringEquals": {
                    **REQUEST_TAGGED["StringEquals"],
                    "sagemaker:TaggingAction": [
                        action.removeprefix("sagemaker:") for action in _kind_actions("Create")
                    ],
                }
            },
        ),
        Statement(
            "TagOwn",
            "`.sync` adds the tag MANAGED_BY_AWS to this installation's jobs.",
            ("sagemaker:AddTags",),
            sagemaker_arns(*JOBS),
            {**RESOURCE_TAGGED, **REQUEST_NOT_TAGGED_FOR_ANOTHER},
        ),
        Statement(
            "DescribeJobs",
            "`.sync` waits for jobs. The state machine reads the best training job of a tuning job.",
            DESCRIBE_JOBS,
            sagemaker_arns(*JOBS),
        ),
        Statement(
            "StopJobs",
            "`.sync` stops a job when its execution stops. The state machine stops jobs that exceed their"
            " limit.",
            STOP_JOBS,
            sagemaker_arns(*JOBS),
            RESOURCE_TAGGED,
        ),
        Statement(
            "ListTags",
            "`.sync` lists the tags of jobs. AWS's policy for `.sync` uses all resources.",
            ("sagemaker:ListTags",),
            ("*",),
        ),
        Statement(
            "FindGroup",
            "Finds out whether a model package group exists.",
            _kind_actions("FindGroup"),
            sagemaker_arns("model-package-group"),
        ),
        Statement(
            "RegisterInGroup",
            "Registers model versions in this installation's groups. A version has the tags of its group.",
            _kind_actions("RegisterInGroup"),
            sagemaker_arns("model-package-group"),
            RESOURCE_TAGGED,
        ),
        Statement(
            "Register",
            "Registering also needs the new version as a resource, which has no tag yet. Models of other"
            " environments can be deployed here, so reading a version needs no tag.",
            _kind_actions("Register"),
            sagemaker_arns("model-package"),
        ),
        Statement(
            "DescribeEndpoints",
            "Waits until an endpoint is in service.",
            _kind_actions("DescribeEndpoints"),
            sagemaker_arns("endpoint"),
        ),
        Statement(
            "UpdateEndpoints",
            "Updates this installation's endpoints.",
            _kind_actions("UpdateEndpoints"),
            sagemaker_arns("endpoint", "endpoint-config"),
            RESOURCE_TAGGED,
        ),
        Statement(
            "DeleteEndpoints",
            "Deletes this installation's failed endpoints, which cannot be updated, and unused endpoint"
            " configurations and models.",
            _kind_actions("DeleteEndpoints"),
            sagemaker_arns("endpoint", "endpoint-config", "model"),
            RESOURCE_TAGGED,
        ),
        Statement(
            "Alarms",
            "Creates the alarms that roll back an endpoint update and deletes those that a document no longer"
            " declares.",
            _kind_actions("Alarms"),
            ALARMS,
        ),
        Statement(
            "GlueJobs",
            "Runs Glue stages. `.sync` polls the job run and stops it when the execution stops.",
            _kind_actions("GlueJobs"),
            GLUE_JOB_ARNS,
        ),
        Statement(
            "TaggedGlueJobs",
            "Runs the platform's own Glue jobs that carry this installation's tag.",
            _kind_actions("TaggedGlueJobs"),
            ANY_GLUE_JOB,
            RESOURCE_TAGGED,
        ),
        Statement(
            "Functions",
            "Invokes the platform's own functions that carry this installation's tag.",
            _kind_actions("Functions"),
            (TEMPLATE.arn("lambda", "function:*"),),
            RESOURCE_TAGGED,
        ),
        Statement(
            "Callbacks",
            "Sends messages with a token to the platform's own queues that carry this installation's tag.",
            _kind_actions("Callbacks"),
            (TEMPLATE.arn("sqs", "*"),),
            RESOURCE_TAGGED,
        ),
        Statement(
            "SmokeTest",
            "Invokes the function that sends an endpoint's smoke test.",
            _kind_actions("SmokeTest"),
            (SMOKE_TEST.arn,),
        ),
        Statement(
            "PassRole",
            "Passes the SageMaker role to jobs and models, and no other role.",
            ("iam:PassRole",),
            (TEMPLATE.job_role_arn,),
            {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        ),
        Statement(
            "ManagedRules",
            "These rules notify `.sync` of the end of a job.",
            ("events:PutTargets", "events:PutRule", "events:DescribeRule"),
            _MANAGED_RULES,
        ),
        Statement(
            "LogDelivery",
            "Delivers the state machine's log. Log deliveries take no narrower resource.",
            (
                "logs:CreateLogDelivery",
                "logs:GetLogDelivery",
                "logs:UpdateLogDelivery",
                "logs:DeleteLogDelivery",
                "logs:ListLogDeliveries",
                "logs:PutResourcePolicy",
                "logs:DescribeResourcePolicies",
                "logs:DescribeLogGroups",
            ),
            ("*",),
        ),
    ),
)
