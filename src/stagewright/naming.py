"""Names of everything that an installation owns, within the limits of AWS."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

JOB_NAME_LIMIT = 63
"""Characters of a training job's name (SageMaker API reference, CreateTrainingJob, TrainingJobName)."""
TUNING_NAME_LIMIT = 32
"""Characters of a tuning job's name (SageMaker API reference, CreateHyperParameterTuningJob). The names of
its training jobs start with it."""
STAGE_PART_LIMIT = 32
"""Characters of a stage's name in the name of its job."""
ATTEMPT_DIGITS = 2
"""The most digits of an attempt number."""
RUN_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
BUNDLE_DIGITS = 16
"""Digits of the hash that names a code bundle."""
DNS_SUFFIXES = {"aws": "amazonaws.com", "aws-cn": "amazonaws.com.cn", "aws-us-gov": "amazonaws.com"}
"""The DNS suffix of each AWS partition."""

OWNER_TAG = "stagewright:installation"
"""The tag that says which installation owns a resource. Its value is `Installation.id`. Conditions of IAM
policies use it."""
UNSUCCESSFUL = "#unsuccessful"
"""Suffix of the key of a stage that failed or closed, in the index of stages."""
INSTANCE_MARK = "/"
"""Separates the stage and the item in the name of an instance."""
ATTEMPT = "<<attempt>>"
"""The token for the attempt number (from 1) in the names and S3 URIs of a stage with `retry`."""
GLUE_JOB_ARGUMENT = "stagewright-job"
"""The Glue job argument that identifies a stage's job run."""
RUNS = "runs/"
"""Key prefix of the outputs of stages."""
CAPTURED = "captured/"
"""Key prefix of the data that endpoints capture."""
MODELS = "models/"
"""Key prefix of the registered models. Jobs cannot write there."""
MODEL_VERSION = "stagewright:model-version"
"""Metadata of a model package: the S3 version id of its artifact."""
OWN_FOLDERS = ("staging/", "manifests/", "releases/", "code/", RUNS, MODELS, "glue/")
"""Key prefixes of the bucket that Stagewright writes. Objects there trigger no data run."""


@dataclass(frozen=True)
class Installation:
    """One installed Stagewright. All its resource names derive from these fields."""

    bucket: str
    region: str
    account: str
    environment: str = "local"
    prefix: str = "stagewright"
    partition: str = "aws"

    @property
    def id(self) -> str:
        """`<prefix>-<environment>`, unique among the installations of an account."""
        return f"{self.prefix}-{self.environment}"

    @property
    def tags(self) -> dict[str, str]:
        """The tags of every resource that the installation owns, also for cost allocation."""
        return {OWNER_TAG: self.id, "stagewright:environment": self.environment}

    def name(self, what: str) -> str:
        return f"{self.id}-{what}"

    def alarm_name(self, what: str) -> str:
        """Return the name of an alarm that a run creates.

        The slash keeps the alarms of two installations apart when one id is a prefix of the other.
        """
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
    """Return the id of the run that an event starts: `<pipeline>-<yyyymmdd>t<hhmmss>-<six digits>`.

    Every delivery of one event gives the same id, of at most 63 characters. The digits are a base-36 hash of
    the installation and the trigger key. They differ between installations, because two that share an
    account may run the same pipeline on the same schedule, and jobs are named after runs. Six digits keep a
    thousand events of one second apart.
    """
    unique = int.from_bytes(hashlib.sha256(f"{installation.id} {trigger_key}".encode()).digest())
    tail = "".join(RUN_DIGITS[unique // 36**power % 36] for power in range(6))
    moment = time.astimezone(UTC)
    return f"{pipeline}-{moment.year:04}{moment:%m%dt%H%M%S}-{tail}"


def person(identity: str) -> str:
    """Return the name of a person: the session of an assumed role, the name of an IAM user, or of this user.

    `arn:aws:sts::123456789012:assumed-role/Developer/ann@example.com` is `ann@example.com`. So one person is
    the same in two roles.
    """
    return identity.rpartition("/")[2].rpartition(":")[2].replace(",", "_").casefold()


def pipeline_of(run: str) -> str:
    """Return the pipeline of a run's id."""
    return run.rsplit("-", 2)[0]


def instance_name(stage: str, item: str) -> str:
    """Return the name of the stage that runs for one item of a list: `train/eu`."""
    return f"{stage}{INSTANCE_MARK}{item}"


def stage_of(instance: str) -> str:
    """Return the stage in the document that a planned stage is an instance of: `train` for `train/eu`."""
    return instance.partition(INSTANCE_MARK)[0]


def item_of(instance: str) -> str:
    """Return the item of an instance: `eu` for `train/eu`. Empty: the stage has no `for_each`."""
    return instance.partition(INSTANCE_MARK)[2]


def job_name(run: str, stage: str, attempt: int = 1) -> str:
    """Return `<run>-<stage>-<attempt>`. If that is too long, a hash replaces the end of the run.

    In the name of an instance, two hyphens replace the slash, which AWS does not accept. Names of stages and
    items have single hyphens, so two instances never share a name. A hash replaces the end of a long one.
    """
    tail = f"-{_stage_part(stage)}-{attempt}"
    if len(run) + len(tail) <= JOB_NAME_LIMIT:
        return run + tail
    unique = hashlib.sha256(run.encode()).hexdigest()[:8]
    head = run[: JOB_NAME_LIMIT - len(tail) - len(unique) - 1].rstrip("-")
    return f"{head}-{unique}{tail}"


def _stage_part(stage: str) -> str:
    name = stage.replace(INSTANCE_MARK, "--")
    if len(name) <= STAGE_PART_LIMIT:
        return name
    unique = hashlib.sha256(stage.encode()).hexdigest()[:8]
    return f"{name[: STAGE_PART_LIMIT - len(unique) - 1].rstrip('-')}-{unique}"


def tuning_job_name(run: str, stage: str, attempt: int = 1) -> str:
    """Return `<pipeline>-<stage>-<hash of run and stage>-<attempt>`, with pipeline and stage cut to fit."""
    unique = hashlib.sha256(f"{run} {stage}".encode()).hexdigest()[:10]
    room = TUNING_NAME_LIMIT - len(unique) - ATTEMPT_DIGITS - 2
    head = f"{pipeline_of(run)}-{_stage_part(stage)}"[:room].rstrip("-")
    return f"{head}-{unique}-{attempt}"


SAMPLE = {"stagewright-sample": "yes"}
"""Metadata of an object that a command uploads as sample data. The local target sends no event for it."""


def timestamp(time: datetime) -> str:
    """Return ISO 8601 in UTC with milliseconds. Such texts sort by time."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def epoch(time: str) -> float:
    """Return the seconds since 1970 of an ISO 8601 time. A time without a zone is in UTC."""
    parsed = datetime.fromisoformat(time)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
