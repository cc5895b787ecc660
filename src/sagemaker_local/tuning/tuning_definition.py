"""Training job definitions of a tuning job, and the training job requests made from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sagemaker_local.api.protocol import invalid, unsupported
from sagemaker_local.jobs import built_in_xgboost
from sagemaker_local.jobs.training_jobs import is_built_in
from sagemaker_local.store import Record
from sagemaker_local.tuning.ranges import Range, read

OBJECTIVE_PARAMETER = "_tuning_objective_metric"
"""SageMaker adds this hyperparameter to every training job of a tuning job."""
OWN = (
    "DefinitionName",
    "TuningObjective",
    "HyperParameterRanges",
    "StaticHyperParameters",
    "HyperParameterTuningResourceConfig",
)
"""Members of HyperParameterTrainingJobDefinition that CreateTrainingJob does not have."""
INSTANCE = ("InstanceType", "InstanceCount", "VolumeSizeInGB", "VolumeKmsKeyId")


@dataclass(frozen=True)
class Definition:
    """A HyperParameterTrainingJobDefinition with its objective and ranges. `request` is the definition
    itself."""

    name: str
    """Empty if the tuning job has a single definition without a name."""
    metric: str
    objective: str
    ranges: tuple[Range, ...]
    request: dict[str, Any]

    @property
    def maximize(self) -> bool:
        return self.objective == "Maximize"

    @property
    def expression(self) -> str:
        """The regular expression of the objective metric."""
        return next(item["Regex"] for item in self._definitions if item["Name"] == self.metric)

    @property
    def _definitions(self) -> list[dict[str, str]]:
        """The request's MetricDefinitions, or that of the objective metric of an XGBoost image."""
        own: list[dict[str, str]] = self.request["AlgorithmSpecification"].get("MetricDefinitions", [])
        return own or [item for item in _metrics(self.request) if item["Name"] == self.metric]

    def training_job(self, name: str, values: dict[str, str], tags: list[dict[str, str]]) -> dict[str, Any]:
        """The CreateTrainingJob request for these tuned hyperparameters."""
        static = self.request.get("StaticHyperParameters", {})
        flexible = self.request.get("HyperParameterTuningResourceConfig")
        specification = self.request["AlgorithmSpecification"]
        if not is_built_in({**self.request, "HyperParameters": static}):
            specification = {**specification, "MetricDefinitions": self._definitions}
        return {
            **{key: value for key, value in self.request.items() if key not in OWN},
            **({"ResourceConfig": _instances(flexible)} if flexible else {}),
            "AlgorithmSpecification": specification,
            "TrainingJobName": name,
            "HyperParameters": {**static, **values, OBJECTIVE_PARAMETER: self.metric},
            **({"Tags": tags} if tags else {}),
        }


def definitions(request: Record) -> tuple[Definition, ...]:
    """The definitions of a request or a record.

    ValidationException: what `sagemaker_rules` does not check is not valid.
    """
    config = request["HyperParameterTuningJobConfig"]
    multiple = request.get("TrainingJobDefinitions", [])
    if "TrainingJobDefinition" in request:
        return (_definition(request["TrainingJobDefinition"], config),)
    parsed = tuple(_definition(item, {}) for item in multiple)
    if len({item.objective for item in parsed}) > 1:
        raise unsupported("TrainingJobDefinitions with objectives of different types")
    return parsed


def _definition(request: dict[str, Any], config: dict[str, Any]) -> Definition:
    name = request.get("DefinitionName", "")
    objective = request.get("TuningObjective") or config.get("HyperParameterTuningJobObjective")
    if objective is None:
        raise invalid(
            "An objective metric must be given: HyperParameterTuningJobObjective or TuningObjective"
        )
    ranges = read(request.get("HyperParameterRanges") or config.get("ParameterRanges", {}))
    if objective["MetricName"] not in [item["Name"] for item in _metrics(request)]:
        raise invalid(
            f"The objective metric {objective['MetricName']} is not one of the MetricDefinitions "
            "in AlgorithmSpecification"
        )
    return Definition(name, objective["MetricName"], objective["Type"], ranges, request)


def _metrics(request: dict[str, Any]) -> list[dict[str, str]]:
    """The MetricDefinitions of a definition's training jobs.

    Jobs with an XGBoost image have those of the algorithm, also with a script: an example of AWS tunes one by
    `validation:rmse` (amazon-sagemaker-examples, sm-managed_spot_training_xgboost). The script prints a tab.
    """
    specification = request["AlgorithmSpecification"]
    if own := specification.get("MetricDefinitions", []):
        return list(own)
    if not built_in_xgboost.is_built_in(specification):
        return []
    return [
        {**item, "Regex": item["Regex"].replace("#011", r"(?:#011|\t)")}
        for item in built_in_xgboost.metric_definitions()
    ]


def _instances(flexible: dict[str, Any]) -> dict[str, Any]:
    """If there are several instance types, SageMaker uses the first one that is available."""
    resources = {**flexible, **next(iter(flexible.get("InstanceConfigs", [])), {})}
    return {key: resources[key] for key in INSTANCE if key in resources}
