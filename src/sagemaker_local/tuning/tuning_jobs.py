"""Create, describe, list, stop and delete hyperparameter tuning jobs, and list their training jobs."""

from __future__ import annotations

from typing import Any, ClassVar

from sagemaker_local.api import protocol
from sagemaker_local.api.fields import Rules, under
from sagemaker_local.api.listing import Listing
from sagemaker_local.api.protocol import ApiError, invalid
from sagemaker_local.jobs import training_jobs
from sagemaker_local.jobs.jobs import Jobs
from sagemaker_local.jobs.kinds import TUNING
from sagemaker_local.jobs.matcher import check_regex
from sagemaker_local.jobs.training_jobs import TrainingJobs
from sagemaker_local.jobs.transitions import ENDED
from sagemaker_local.resource import Operation, now
from sagemaker_local.store import Record
from sagemaker_local.tuning import tuned_jobs, warm_start
from sagemaker_local.tuning.completion import not_improving
from sagemaker_local.tuning.tuning_definition import Definition, definitions
from sagemaker_local.tuning.tuning_run import TuningRun

CONFIG = "HyperParameterTuningJobConfig"
_JOB_RULES = {path: allowed for path, allowed in training_jobs.RULES.items() if "." in path}
"""Members with one part, which a training job rejects, do not exist in a definition."""
RULES: Rules = {
    **under("TrainingJobDefinition", _JOB_RULES),
    **under("TrainingJobDefinitions[]", _JOB_RULES),
    f"{CONFIG}.Strategy": ("Bayesian", "Random", "Grid"),
    f"{CONFIG}.StrategyConfig": (),
    f"{CONFIG}.ParameterRanges.AutoParameters[]": (),
    f"{CONFIG}.TuningJobCompletionCriteria.ConvergenceDetected.CompleteOnConvergence": ("Disabled",),
    "TrainingJobDefinition.HyperParameterRanges.AutoParameters[]": (),
    "TrainingJobDefinitions[].HyperParameterRanges.AutoParameters[]": (),
    "WarmStartConfig.WarmStartType": ("IdenticalDataAndAlgorithm",),
    "Autotune": (),
}
ORDERS = {
    "Name": "TrainingJobName",
    "CreationTime": "CreationTime",
    "Status": "TrainingJobStatus",
    "FinalObjectiveMetricValue": "_Objective",
}
LIST_DEFAULTS = {"SortBy": "Name", "SortOrder": "Ascending"}
"""The defaults of both lists (API reference)."""


class TuningJobs(Jobs):
    kind = TUNING
    defaults: ClassVar[Record] = {}

    def operations(self) -> dict[str, Operation]:
        return {
            **super().operations(),
            "DeleteHyperParameterTuningJob": self._delete,
            "ListTrainingJobsForHyperParameterTuningJob": self._list_training_jobs,
        }

    def check(self, request: dict[str, Any]) -> None:
        parsed = definitions(request)
        for definition in parsed:
            self._check_training(request[self.kind.name], definition)
        warm_start.check(self.context.store, request, parsed)

    def _check_training(self, name: str, definition: Definition) -> None:
        """Reject what CreateTrainingJob would reject, so that not every training job fails."""
        check_regex(definition.metric, definition.expression)
        request = definition.training_job(f"{name}-001-00000000", {}, [])
        TrainingJobs(self.context).check(protocol.parse("CreateTrainingJob", request))

    def run_of(self, record: Record) -> TuningRun:
        return TuningRun(self.context, record)

    def _existing(self, name: str) -> Record:
        record = self.context.store.get(self.kind.path, name)
        if record is None:
            raise ApiError("ResourceNotFound", self.kind.missing.format(name=name))
        return record

    def _in_use(self, record: Record) -> ApiError:
        name = record[self.kind.name]
        message = (
            f"A hyperparameter tuning job with the name, {name}, already exists. Choose a different name."
        )
        return ApiError("ResourceInUse", message)

    def _describe(self, request: dict[str, Any]) -> dict[str, Any]:
        store, record = self.context.store, self._existing(request[self.kind.name])
        jobs = tuned_jobs.summaries(store, record[self.kind.name])
        maximize = definitions(record)[0].maximize
        objectives = tuned_jobs.objectives(jobs)
        response = {
            **record,
            **tuned_jobs.counters(jobs),
            "BestTrainingJob": tuned_jobs.best(jobs, maximize=maximize),
            "TuningJobCompletionDetails": {
                "NumberOfTrainingJobsObjectiveNotImproving": not_improving(objectives, maximize=maximize)
            },
            "ConsumedResources": {
                "RuntimeInSeconds": int(record.get(self.kind.ended, now()) - record["CreationTime"])
            },
        }
        if "WarmStartConfig" in record:
            family = warm_start.family(store, record)
            response["OverallBestTrainingJob"] = tuned_jobs.best(family, maximize=maximize)
        return response

    def _delete(self, request: dict[str, Any]) -> dict[str, Any]:
        """Delete the tuning job. Its training jobs stay (API reference)."""
        record = self._existing(request[self.kind.name])
        if record[self.kind.status] not in ENDED:
            raise invalid(f"The tuning job is {record[self.kind.status]}; stop it before you delete it.")
        tuned_jobs.delete_all(self.context.store, record[self.kind.name])
        self.context.tags.delete(record[self.kind.arn])
        self.context.store.delete(self.kind.path, record[self.kind.name])
        return {}

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        response = super()._list(LIST_DEFAULTS | request)
        for record in response["HyperParameterTuningJobSummaries"]:
            config = record[CONFIG]
            jobs = tuned_jobs.summaries(self.context.store, record[self.kind.name])
            record |= {
                **tuned_jobs.counters(jobs),
                "Strategy": config["Strategy"],
                "ResourceLimits": config["ResourceLimits"],
            }
        return response

    def _list_training_jobs(self, request: dict[str, Any]) -> dict[str, Any]:
        """The training jobs. Sorted by objective, jobs without one are left out (API reference, SortBy)."""
        jobs = tuned_jobs.summaries(
            self.context.store, self._existing(request[self.kind.name])[self.kind.name]
        )
        if request.get("SortBy") == "FinalObjectiveMetricValue":
            jobs = [{**item, "_Objective": tuned_jobs.value_of(item)} for item in tuned_jobs.evaluated(jobs)]
        listing = Listing("TrainingJobSummaries", "TrainingJobName", "TrainingJobStatus", ORDERS)
        return listing.page(jobs, LIST_DEFAULTS | request)
