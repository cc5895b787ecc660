"""Of the state machine."""

from __future__ import annotations

from stagewright.installation.roles.arns import (
    ALARMS,
    ANY_GLUE_JOB,
    BUCKET,
    GLUE_JOB_ARNS,
    JOBS,
    NOBODY_ELSES,
    OURS,
    RUNS,
    TAGGED,
    of_sagemaker,
)
from stagewright.installation.roles.role import Role, Statement
from stagewright.installation.roles.shared import LOOK_AT_JOBS, STOP_JOBS, objects
from stagewright.installation.template import TEMPLATE

_MADE = (*JOBS, "model", "endpoint", "endpoint-config", "model-package-group")
_GLUE_RUNS = ("glue:StartJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:BatchStopJobRun")
"""All of them take a job as the resource, and its tags as a condition ("Actions, resources, and condition
keys for AWS Glue"). `.sync` asks Glue itself: no managed rule belongs to it."""
_MANAGED_RULES = [
    TEMPLATE.arn("events", f"rule/StepFunctionsGetEventsForSageMaker{kind}JobsRule")
    for kind in ("Processing", "Training", "Tuning", "Transform")
]

WORKFLOW = Role(
    "workflow",
    "states.amazonaws.com",
    (
        Statement(
            "Runs",
            "reads the plan, its pages and earlier results; records how each stage ended",
            ("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:UpdateItem"),
            (RUNS,),
        ),
        objects("ReadMetrics", "reads the metrics file of a stage", ("s3:GetObject",), ("",)),
        Statement(
            "MissingMetrics",
            "without it S3 says that a missing file is forbidden",
            ("s3:ListBucket",),
            (BUCKET,),
        ),
        Statement(
            "Create",
            "starts jobs; makes models, endpoints and groups, with this installation's tag",
            (
                "sagemaker:CreateProcessingJob",
                "sagemaker:CreateTrainingJob",
                "sagemaker:CreateHyperParameterTuningJob",
                "sagemaker:CreateTransformJob",
                "sagemaker:CreateModel",
                "sagemaker:CreateEndpointConfig",
                "sagemaker:CreateEndpoint",
                "sagemaker:CreateModelPackageGroup",
            ),
            of_sagemaker(*_MADE),
            TAGGED,
        ),
        Statement(
            "Tag",
            "creating with tags needs it, and `.sync` adds the tag MANAGED_BY_AWS; what another"
            " installation has keeps that one's tag",
            ("sagemaker:AddTags",),
            of_sagemaker(*_MADE),
            NOBODY_ELSES,
        ),
        Statement(
            "Watch",
            "`.sync` waits for a job; a tuning job's best training job is looked at",
            LOOK_AT_JOBS,
            of_sagemaker(*JOBS),
        ),
        Statement(
            "StopJobs",
            "`.sync` stops a job with the execution; what takes too long is stopped",
            STOP_JOBS,
            of_sagemaker(*JOBS),
            OURS,
        ),
        Statement(
            "ListTags",
            "`.sync` asks for a job's tags; AWS's own policy has it on all",
            ("sagemaker:ListTags",),
            ("*",),
        ),
        Statement(
            "Register",
            "a package takes its group's tags, none of its own",
            (
                "sagemaker:DescribeModelPackageGroup",
                "sagemaker:CreateModelPackage",
                "sagemaker:DescribeModelPackage",
            ),
            of_sagemaker("model-package-group", "model-package"),
        ),
        Statement("Look", "waits for an endpoint", ("sagemaker:DescribeEndpoint",), of_sagemaker("endpoint")),
        Statement(
            "Serve",
            "updates this installation's endpoint, to a configuration of its own, and tries it",
            ("sagemaker:UpdateEndpoint", "sagemaker:InvokeEndpoint"),
            of_sagemaker("endpoint", "endpoint-config"),
            OURS,
        ),
        Statement(
            "Replace",
            "deletes this installation's endpoint where it failed, since it cannot be updated any more, and"
            " configurations and models that nobody needs",
            ("sagemaker:DeleteEndpoint", "sagemaker:DeleteEndpointConfig", "sagemaker:DeleteModel"),
            of_sagemaker("endpoint", "endpoint-config", "model"),
            OURS,
        ),
        Statement(
            "Alarms",
            "makes the alarms that an update rolls back on, and deletes those that a document has dropped;"
            " SageMaker reads them as the execution role",
            ("cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms"),
            ALARMS,
        ),
        Statement(
            "GlueJobs",
            "runs scripts; `.sync` asks for a run until it ends, and stops it with the execution",
            _GLUE_RUNS,
            GLUE_JOB_ARNS,
        ),
        Statement(
            "TaggedGlueJobs",
            "runs the platform's own jobs that are tagged for this installation",
            _GLUE_RUNS,
            ANY_GLUE_JOB,
            OURS,
        ),
        Statement(
            "Functions",
            "calls the platform's functions that are tagged for this installation",
            ("lambda:InvokeFunction",),
            (TEMPLATE.arn("lambda", "function:*"),),
            OURS,
        ),
        Statement(
            "PassRole",
            "jobs and models run with the one SageMaker role",
            ("iam:PassRole",),
            (TEMPLATE.job_role_arn,),
            {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        ),
        Statement(
            "ManagedRules",
            "`.sync` is told by these rules that a job ended",
            ("events:PutTargets", "events:PutRule", "events:DescribeRule"),
            _MANAGED_RULES,
        ),
        Statement(
            "LogDelivery",
            "the log of the state machine; log deliveries take no narrower resource",
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
