"""Names of everything an installation owns, within AWS's limits."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

JOB_NAME_LIMIT = 63
"""SageMaker: CreateTrainingJob, TrainingJobName, at most 63 characters of [a-zA-Z0-9-]."""

TUNING_NAME_LIMIT = 32
"""SageMaker: CreateHyperParameterTuningJob, HyperParameterTuningJobName. The names of its training jobs begin
with it."""
LAST_ATTEMPT = 2
"""Digits that an attempt's number may have."""

RUN_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"

OWNER_TAG = "stagewright:installation"
"""Whose a resource is: what the roles' conditions rest on. Its value is `Installation.id`."""

BUNDLE_DIGITS = 16
SUFFIXES = {"aws": "amazonaws.com", "aws-cn": "amazonaws.com.cn", "aws-us-gov": "amazonaws.com"}


@dataclass(frozen=True)
class Installation:
    """One installed Stagewright. Every resource name follows from it."""

    bucket: str
    region: str
    account: str
    environment: str = "local"
    prefix: str = "stagewright"
    partition: str = "aws"

    @property
    def id(self) -> str:
        """Tells installations apart that share an account."""
        return f"{self.prefix}-{self.environment}"

    @property
    def tags(self) -> dict[str, str]:
        """Of everything that an installation has or makes: whose it is, and what costs are grouped by."""
        return {OWNER_TAG: self.id, "stagewright:environment": self.environment}

    def name(self, what: str) -> str:
        return f"{self.id}-{what}"

    def alarm_name(self, what: str) -> str:
        """Of an alarm that a run makes. The slash ends the installation's name, which may begin another's."""
        return f"{self.id}/{what}"

    @property
    def documents_table(self) -> str:
        return self.name("documents")

    @property
    def runs_table(self) -> str:
        return self.name("runs")

    @property
    def job_role_arn(self) -> str:
        return f"arn:{self.partition}:iam::{self.account}:role/{self.name('sagemaker')}"

    def arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    @property
    def state_machine_arn(self) -> str:
        return self.arn("states", f"stateMachine:{self.name('workflow')}")

    def uri(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"


def run_id(installation: Installation, pipeline: str, trigger_key: str, time: datetime) -> str:
    """The same for each delivery of one event; at most 63 characters.

    Another one in every installation, since jobs are named after it: two that share an account may have the
    same pipeline on the same schedule. Six digits to the base of 36, for a thousand events of one second.
    """
    unique = int.from_bytes(hashlib.sha256(f"{installation.id} {trigger_key}".encode()).digest())
    tail = "".join(RUN_DIGITS[unique // 36**place % 36] for place in range(6))
    moment = time.astimezone(UTC)
    return f"{pipeline}-{moment.year:04}{moment:%m%dt%H%M%S}-{tail}"


def pipeline_of(run: str) -> str:
    """Of a run's id."""
    return run.rsplit("-", 2)[0]


def job_name(run: str, stage: str, attempt: int = 1) -> str:
    """`{run}-{stage}-{attempt}`; where that is too long a hash replaces the end of the run."""
    tail = f"-{stage}-{attempt}"
    if len(run) + len(tail) <= JOB_NAME_LIMIT:
        return run + tail
    unique = hashlib.sha256(run.encode()).hexdigest()[:8]
    head = run[: JOB_NAME_LIMIT - len(tail) - len(unique) - 1].rstrip("-")
    return f"{head}-{unique}{tail}"


def tuning_job_name(run: str, stage: str, attempt: int = 1) -> str:
    """`{pipeline}-{stage}-{hash of run and stage}-{attempt}`, pipeline and stage as far as there is room."""
    unique = hashlib.sha256(f"{run} {stage}".encode()).hexdigest()[:10]
    room = TUNING_NAME_LIMIT - len(unique) - LAST_ATTEMPT - 2
    head = f"{pipeline_of(run)}-{stage}"[:room].rstrip("-")
    return f"{head}-{unique}-{attempt}"


def timestamp(time: datetime) -> str:
    """ISO 8601 in UTC with milliseconds: sorts as text."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def epoch(time: str) -> float:
    """Seconds since 1970 of an ISO 8601 time; one without a zone is in UTC."""
    parsed = datetime.fromisoformat(time)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


ATTEMPT = "<<attempt>>"
"""In names and places of a stage with `retry`: the number of the attempt, from 1."""

JOB = "stagewright-job"
"""The argument by which a run of Glue is found."""

OWN_FOLDERS = ("staging/", "manifests/", "releases/", "code/", "runs/", "glue/")
"""Of the bucket: objects there are the framework's, and start no run as data."""
