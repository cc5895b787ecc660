"""The API's names for each job type."""

from __future__ import annotations

from dataclasses import dataclass

TUNED = "tuned-training-job"
"""The kind of records with what a tuning job stores about its training jobs, by training job name."""


@dataclass(frozen=True)
class JobKind:
    """The names of one job type. `noun` is as in CreateTrainingJob.

    `missing` is the ValidationException message for an unknown name.
    """

    noun: str
    missing: str
    has_transitions: bool

    @property
    def path(self) -> str:
        return f"{self.noun.lower()}-job"

    @property
    def name(self) -> str:
        return f"{self.noun}JobName"

    @property
    def arn(self) -> str:
        return f"{self.noun}JobArn"

    @property
    def status(self) -> str:
        return f"{self.noun}JobStatus"

    @property
    def started(self) -> str:
        return f"{self.noun}StartTime"

    @property
    def ended(self) -> str:
        return f"{self.noun}EndTime"

    @property
    def event(self) -> str:
        return f"SageMaker {self.noun} Job State Change"

    @property
    def phrase(self) -> str:
        return self.noun.lower()

    @property
    def log_group(self) -> str:
        return f"/aws/sagemaker/{self.noun}Jobs"


PROCESSING = JobKind("Processing", "Could not find requested job with name: {name}", has_transitions=False)
TRANSFORM = JobKind("Transform", "Could not find requested job with name: {name}", has_transitions=False)
TRAINING = JobKind("Training", "Requested resource not found.", has_transitions=True)


@dataclass(frozen=True)
class TuningKind(JobKind):
    """The names of tuning jobs, which do not follow the pattern of the other types."""

    @property
    def path(self) -> str:
        return "hyper-parameter-tuning-job"

    @property
    def ended(self) -> str:
        return "HyperParameterTuningEndTime"

    @property
    def event(self) -> str:
        return "SageMaker HyperParameter Tuning Job State Change"

    @property
    def phrase(self) -> str:
        return "hyperparameter tuning"


TUNING = TuningKind(
    "HyperParameterTuning",
    "Amazon SageMaker can't find a tuning job called {name}. Type another name.",
    has_transitions=False,
)
