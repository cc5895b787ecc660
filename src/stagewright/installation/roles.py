"""The roles, as statements of least privilege, each with its reason.

Jobs, models and endpoints are named after the pipeline, so a name prefix cannot narrow them down. What is
created must instead carry the tag `stagewright:environment` of this installation, which every request of ours
does.
Glue jobs and Lambda functions that the platform has beside this installation are called only where they
carry that tag, too.
Sources: "IAM policies for Amazon SageMaker" in the Step Functions guide (`.sync` needs describe, stop and the
managed rule; since 2023 also AddTags, for the tag MANAGED_BY_AWS), "IAM policies for calling AWS Glue" there,
"Actions, resources, and condition keys" per service.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stagewright.installation.functions import RECORDER, ROUTER, SWEEPER, TOPIC_ARN, Function
from stagewright.installation.glue import LOG_GROUPS, ROLE
from stagewright.installation.queues import EVENTS_ARN
from stagewright.installation.render import TEMPLATE

BUCKET = f"arn:{TEMPLATE.partition}:s3:::{TEMPLATE.bucket}"
RUNS = TEMPLATE.arn("dynamodb", f"table/{TEMPLATE.runs_table}")
DOCUMENTS = TEMPLATE.arn("dynamodb", f"table/{TEMPLATE.documents_table}")
EXECUTIONS = TEMPLATE.arn("states", f"execution:{TEMPLATE.name('workflow')}:*")


@dataclass(frozen=True)
class Statement:
    """What is allowed on what, and why. `conditions` is an IAM Condition block."""

    sid: str
    reason: str
    actions: Sequence[str]
    resources: Sequence[str]
    conditions: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "sid": self.sid,
            "reason": self.reason,
            "actions": list(self.actions),
            "resources": list(self.resources),
            "conditions": dict(self.conditions),
        }

    def policy(self) -> dict[str, Any]:
        """As IAM takes it."""
        condition = {"Condition": dict(self.conditions)} if self.conditions else {}
        return {
            "Sid": self.sid,
            "Effect": "Allow",
            "Action": list(self.actions),
            "Resource": list(self.resources),
            **condition,
        }


@dataclass(frozen=True)
class Role:
    """`service` is the principal that may assume it."""

    what: str
    service: str
    statements: tuple[Statement, ...]

    @property
    def arn(self) -> str:
        return f"arn:{TEMPLATE.partition}:iam::{TEMPLATE.account}:role/{TEMPLATE.name(self.what)}"

    def to_json(self) -> dict[str, Any]:
        statements = [statement.policy() for statement in self.statements]
        return {
            "name": TEMPLATE.name(self.what),
            "arn": self.arn,
            "service": self.service,
            "trust": self._trust(),
            "statements": [statement.to_json() for statement in self.statements],
            "policy": {"Version": "2012-10-17", "Statement": statements},
        }

    def _trust(self) -> dict[str, Any]:
        statement: dict[str, Any] = {
            "Effect": "Allow",
            "Principal": {"Service": self.service},
            "Action": "sts:AssumeRole",
        }
        if self.service == "states.amazonaws.com":
            # Step Functions' guide asks so ("Prevent cross-service confused deputy issue"). For Lambda and
            # SageMaker it is not confirmed, and a role cannot be passed to another account anyway.
            statement["Condition"] = {"StringEquals": {"aws:SourceAccount": TEMPLATE.account}}
        return {"Version": "2012-10-17", "Statement": [statement]}


def _logs(function: Function) -> Statement:
    group = TEMPLATE.arn("logs", f"log-group:{function.log_group}:*")
    return Statement("OwnLog", "writes its own log", ("logs:CreateLogStream", "logs:PutLogEvents"), (group,))


def _objects(sid: str, reason: str, actions: Sequence[str], prefixes: Sequence[str]) -> Statement:
    return Statement(sid, reason, actions, [f"{BUCKET}/{prefix}*" for prefix in prefixes])


def _notify() -> Statement:
    return Statement(
        "Notify", "tells people that a run failed or was refused", ("sns:Publish",), (TOPIC_ARN,)
    )


def _start() -> Statement:
    return Statement("Start", "starts runs", ("states:StartExecution",), (TEMPLATE.state_machine_arn,))


def _send(reason: str) -> Statement:
    return Statement("Send", reason, ("sqs:GetQueueUrl", "sqs:SendMessage"), (EVENTS_ARN,))


def _look() -> Statement:
    actions = ("states:DescribeExecution",)
    return Statement(
        "Executions", "asks an execution how it ended, or whether it exists", actions, (EXECUTIONS,)
    )


def _stop() -> Statement:
    reason = "ends an execution whose run was stopped between its claim and its start"
    return Statement("Stop", reason, ("states:StopExecution",), (EXECUTIONS,))


def _sagemaker(*kinds: str) -> list[str]:
    return [TEMPLATE.arn("sagemaker", f"{kind}/*") for kind in kinds]


_OURS = {"StringEquals": {"aws:ResourceTag/stagewright:environment": TEMPLATE.environment}}
_ALARMS = (TEMPLATE.arn("cloudwatch", f"alarm:{TEMPLATE.name('*')}"),)
_RUN_ITEMS = Statement(
    "Runs",
    "reads and writes runs: claims, plans, pages, stages",
    (
        "dynamodb:GetItem",
        "dynamodb:Query",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
        "dynamodb:BatchWriteItem",
    ),
    (RUNS, f"{RUNS}/index/*"),
)
_READ_DOCUMENTS = Statement(
    "Documents", "asks whether a pipeline wants runs", ("dynamodb:GetItem",), (DOCUMENTS,)
)
_CATALOGUE = Statement(
    "Catalogue",
    "lists the documents, to see which pipelines an event is for",
    ("dynamodb:Query",),
    (f"{DOCUMENTS}/index/by_item",),
)
_LIST = Statement(
    "List",
    "lists manifests, inputs and their versions, and tells a missing object from a forbidden one",
    ("s3:ListBucket", "s3:ListBucketVersions"),
    (BUCKET,),
)

_JOBS = ("processing-job", "training-job", "hyper-parameter-tuning-job", "transform-job")
_WATCH = tuple(
    f"sagemaker:{verb}{kind}Job"
    for kind in ("Processing", "Training", "HyperParameterTuning", "Transform")
    for verb in ("Describe", "Stop")
)
"""Looks at jobs, and stops them."""
_APPROVALS = (
    Statement(
        "Decide",
        "tells a waiting stage what was decided; these actions take no resource",
        ("states:SendTaskSuccess", "states:SendTaskFailure"),
        ("*",),
    ),
    Statement(
        "Registry",
        "reads a model package's approval status, and sets it as was decided",
        ("sagemaker:DescribeModelPackage", "sagemaker:UpdateModelPackage"),
        (TEMPLATE.arn("sagemaker", "model-package/*"),),
    ),
)

_ROUTER = Role(
    "router",
    "lambda.amazonaws.com",
    (
        _logs(ROUTER),
        Statement(
            "Queue",
            "Lambda reads the queue in the function's name",
            ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
            (EVENTS_ARN,),
        ),
        _objects(
            "ReadRelease",
            "reads the manifest and the versions of the files that it names",
            ("s3:GetObject", "s3:GetObjectVersion"),
            ("manifests/", "staging/"),
        ),
        _objects(
            "Publish",
            "copies a release to where it stays, and packs bundles",
            ("s3:GetObject", "s3:PutObject"),
            ("releases/", "code/"),
        ),
        _objects(
            "ReadResults",
            "checks that a result which would be reused is still there",
            ("s3:GetObject",),
            ("runs/",),
        ),
        _LIST,
        Statement(
            "Documents",
            "reads the document, writes its revisions",
            ("dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem"),
            (DOCUMENTS,),
        ),
        _CATALOGUE,
        _send("asks for runs of schedules and of settled data, and looks later at what still settles"),
        _RUN_ITEMS,
        _start(),
        _stop(),
        _notify(),
        Statement(
            "StopJobs",
            "stops the jobs of a run that a newer one takes the place of",
            _WATCH,
            [TEMPLATE.arn("sagemaker", f"{kind}/*") for kind in _JOBS],
        ),
        Statement(
            "StopGlueRuns",
            "stops the Glue runs of such a run; Step Functions stops those of the platform's own jobs",
            ("glue:GetJobRun", "glue:GetJobRuns", "glue:BatchStopJobRun"),
            (TEMPLATE.arn("glue", f"job/{TEMPLATE.id}-*"),),
        ),
        Statement(
            "LookAtModels",
            "checks that a package, model or endpoint which would be reused is still there",
            ("sagemaker:DescribeModelPackage", "sagemaker:DescribeModel", "sagemaker:DescribeEndpoint"),
            [TEMPLATE.arn("sagemaker", f"{kind}/*") for kind in ("model-package", "model", "endpoint")],
        ),
        Statement(
            "FindChampion",
            "finds the newest approved version that a gate compares with; a list takes no resource",
            ("sagemaker:ListModelPackages",),
            ("*",),
        ),
        *_APPROVALS,
    ),
)

_RECORDER = Role(
    "recorder",
    "lambda.amazonaws.com",
    (
        _logs(RECORDER),
        _RUN_ITEMS,
        _READ_DOCUMENTS,
        _CATALOGUE,
        _send("asks for the runs that wait for this one"),
        _look(),
        _notify(),
    ),
)

_SWEEPER = Role(
    "sweeper",
    "lambda.amazonaws.com",
    (
        _logs(SWEEPER),
        _LIST,
        _send("sends a missed event again"),
        _READ_DOCUMENTS,
        _CATALOGUE,
        _RUN_ITEMS,
        _start(),
        _stop(),
        _look(),
        _notify(),
        Statement(
            "Endpoints",
            "looks at an endpoint whose time is over, and whose it is",
            ("sagemaker:DescribeEndpoint", "sagemaker:ListTags"),
            _sagemaker("endpoint"),
        ),
        Statement(
            "Expire",
            "deletes it, its configurations and models, where they carry this installation's tag",
            ("sagemaker:DeleteEndpoint", "sagemaker:DeleteEndpointConfig", "sagemaker:DeleteModel"),
            _sagemaker("endpoint", "endpoint-config", "model"),
            _OURS,
        ),
        Statement("Alarms", "deletes its alarms", ("cloudwatch:DeleteAlarms",), _ALARMS),
        *_APPROVALS,
    ),
)


_MADE = (*_JOBS, "model", "endpoint", "endpoint-config", "model-package-group")
_TAGGED = {"StringEquals": {"aws:RequestTag/stagewright:environment": TEMPLATE.environment}}
_GLUE_RUNS = ("glue:StartJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:BatchStopJobRun")
"""All of them take a job as the resource, and its tags as a condition ("Actions, resources, and condition
keys for AWS Glue"). `.sync` asks Glue itself: no managed rule belongs to it."""
_MANAGED_RULES = [
    TEMPLATE.arn("events", f"rule/StepFunctionsGetEventsForSageMaker{kind}JobsRule")
    for kind in ("Processing", "Training", "Tuning", "Transform")
]
_JOB_ROLE = TEMPLATE.job_role_arn

_WORKFLOW = Role(
    "workflow",
    "states.amazonaws.com",
    (
        Statement(
            "Runs",
            "reads the plan, its pages and earlier results; records how each stage ended",
            ("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:UpdateItem"),
            (RUNS,),
        ),
        _objects("ReadMetrics", "reads the metrics file of a stage", ("s3:GetObject",), ("",)),
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
            _sagemaker(*_MADE),
            _TAGGED,
        ),
        Statement(
            "Tag",
            "creating with tags needs it, and `.sync` adds the tag MANAGED_BY_AWS",
            ("sagemaker:AddTags",),
            _sagemaker(*_MADE),
        ),
        Statement(
            "Watch",
            "`.sync` waits for a job, and stops it with the execution; what takes too long is stopped, and a "
            "tuning job's best training job looked at",
            _WATCH,
            _sagemaker(*_JOBS),
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
            _sagemaker("model-package-group", "model-package"),
        ),
        Statement("Look", "waits for an endpoint", ("sagemaker:DescribeEndpoint",), _sagemaker("endpoint")),
        Statement(
            "Serve",
            "updates this installation's endpoint, to a configuration of its own, and tries it",
            ("sagemaker:UpdateEndpoint", "sagemaker:InvokeEndpoint"),
            _sagemaker("endpoint", "endpoint-config"),
            _OURS,
        ),
        Statement(
            "Replace",
            "deletes this installation's endpoint where it failed, since it cannot be updated any more, and"
            " configurations and models that nobody needs",
            ("sagemaker:DeleteEndpoint", "sagemaker:DeleteEndpointConfig", "sagemaker:DeleteModel"),
            _sagemaker("endpoint", "endpoint-config", "model"),
            _OURS,
        ),
        Statement(
            "Alarms",
            "makes the alarms that an update rolls back on, and deletes those that a document has dropped;"
            " SageMaker reads them with the caller's rights",
            ("cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms"),
            _ALARMS,
        ),
        Statement(
            "GlueJobs",
            "runs scripts; `.sync` asks for a run until it ends, and stops it with the execution",
            _GLUE_RUNS,
            (TEMPLATE.arn("glue", f"job/{TEMPLATE.id}-*"),),
        ),
        Statement(
            "TaggedGlueJobs",
            "runs the platform's own jobs that are tagged for this environment",
            _GLUE_RUNS,
            (TEMPLATE.arn("glue", "job/*"),),
            _OURS,
        ),
        Statement(
            "Functions",
            "calls the platform's functions that are tagged for this environment",
            ("lambda:InvokeFunction",),
            (TEMPLATE.arn("lambda", "function:*"),),
            _OURS,
        ),
        Statement(
            "PassRole",
            "jobs and models run with the one SageMaker role",
            ("iam:PassRole",),
            (_JOB_ROLE,),
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

_SAGEMAKER = Role(
    "sagemaker",
    "sagemaker.amazonaws.com",
    (
        _objects("Read", "jobs read code, data and models", ("s3:GetObject",), ("",)),
        _objects(
            "Write",
            "jobs write what they make, endpoints what they capture",
            ("s3:PutObject", "s3:AbortMultipartUpload"),
            ("runs/", "captured/"),
        ),
        Statement(
            "Alarms",
            "an endpoint's update reads the alarms that it rolls back on (SageMaker developer guide,"
            " Auto-Rollback Configuration and Monitoring: the execution role)",
            ("cloudwatch:DescribeAlarms",),
            _ALARMS,
        ),
        Statement("List", "jobs list their inputs", ("s3:ListBucket", "s3:GetBucketLocation"), (BUCKET,)),
        Statement(
            "Logs",
            "jobs and endpoints write their logs",
            ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"),
            (TEMPLATE.arn("logs", "log-group:/aws/sagemaker/*"),),
        ),
        Statement(
            "Metrics",
            "jobs publish metrics; PutMetricData takes no resource, only a namespace",
            ("cloudwatch:PutMetricData",),
            ("*",),
            {"StringLike": {"cloudwatch:namespace": ["/aws/sagemaker/*", "aws/sagemaker/*"]}},
        ),
        Statement(
            "ImageToken", "pulls images; a token takes no resource", ("ecr:GetAuthorizationToken",), ("*",)
        ),
        Statement(
            "Images",
            "pulls images, AWS's own from AWS's accounts",
            ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
            (f"arn:{TEMPLATE.partition}:ecr:{TEMPLATE.region}:*:repository/*",),
        ),
    ),
)

_GLUE = Role(
    ROLE,
    "glue.amazonaws.com",
    (
        _objects("Read", "scripts read code and data", ("s3:GetObject",), ("",)),
        _objects(
            "Write",
            "scripts write what they make",
            ("s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"),
            ("runs/",),
        ),
        Statement("List", "scripts list their inputs", ("s3:ListBucket", "s3:GetBucketLocation"), (BUCKET,)),
        Statement(
            "Logs",
            "runs write their logs",
            ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"),
            tuple(TEMPLATE.arn("logs", f"log-group:{group}/*") for group in LOG_GROUPS),
        ),
    ),
)

ROLES = (_ROUTER, _RECORDER, _SWEEPER, _WORKFLOW, _SAGEMAKER, _GLUE)
