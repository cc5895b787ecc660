"""What the training jobs of a tuning job have in common, and the request of one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sagemaker_local.api.protocol import invalid, unsupported
from sagemaker_local.store import Record
from sagemaker_local.tuning.ranges import Categorical, Range, read

OBJECTIVE_PARAMETER = "_tuning_objective_metric"
"""SageMaker adds it to the hyperparameters of every training job that it tunes."""
OWN = (
    "DefinitionName",
    "TuningObjective",
    "HyperParameterRanges",
    "StaticHyperParameters",
    "HyperParameterTuningResourceConfig",
)
"""Members of a HyperParameterTrainingJobDefinition that CreateTrainingJob does not have."""
INSTANCE = ("InstanceType", "InstanceCount", "VolumeSizeInGB", "VolumeKmsKeyId")


@dataclass(frozen=True)
class Definition:
    """A HyperParameterTrainingJobDefinition with the objective and the ranges that apply to it."""

    name: str
    """Empty where the tuning job has only one, without a name."""
    metric: str
    objective: str
    ranges: tuple[Range, ...]
    given: dict[str, Any]

    @property
    def maximize(self) -> bool:
        return self.objective == "Maximize"

    @property
    def expression(self) -> str:
        """The regular expression of the objective metric."""
        metrics = self.given["AlgorithmSpecification"].get("MetricDefinitions", [])
        return next(str(item["Regex"]) for item in metrics if item["Name"] == self.metric)

    def training_job(self, name: str, values: dict[str, str], tags: list[dict[str, str]]) -> dict[str, Any]:
        """CreateTrainingJob for these tuned hyperparameters."""
        static = self.given.get("StaticHyperParameters", {})
        flexible = self.given.get("HyperParameterTuningResourceConfig")
        return {
            **{key: value for key, value in self.given.items() if key not in OWN},
            **({"ResourceConfig": _instances(flexible)} if flexible else {}),
            "TrainingJobName": name,
            "HyperParameters": {**static, **values, OBJECTIVE_PARAMETER: self.metric},
            **({"Tags": tags} if tags else {}),
        }


def definitions(request: Record) -> tuple[Definition, ...]:
    """Of a request or a record. ValidationException for what the service would refuse."""
    config = request["HyperParameterTuningJobConfig"]
    several = request.get("TrainingJobDefinitions", [])
    if "TrainingJobDefinition" in request and several:
        raise invalid("TrainingJobDefinition and TrainingJobDefinitions must not both be given")
    if "TrainingJobDefinition" in request:
        return (_definition(request["TrainingJobDefinition"], config),)
    if not several:
        raise invalid("TrainingJobDefinition or TrainingJobDefinitions must be given")
    found = tuple(_definition(item, {}) for item in several)
    if not all(item.name for item in found):
        raise invalid("Each of TrainingJobDefinitions needs a DefinitionName")
    if len({item.name for item in found}) < len(found):
        raise invalid("Each of TrainingJobDefinitions needs a DefinitionName of its own")
    if len({item.objective for item in found}) > 1:
        raise unsupported("TrainingJobDefinitions with objectives of different types")
    return found


def _definition(given: dict[str, Any], config: dict[str, Any]) -> Definition:
    name = given.get("DefinitionName", "")
    objective = given.get("TuningObjective") or config.get("HyperParameterTuningJobObjective")
    if objective is None:
        raise invalid(
            "An objective metric must be given: HyperParameterTuningJobObjective or TuningObjective"
        )
    ranges = read(given.get("HyperParameterRanges") or config.get("ParameterRanges", {}))
    for item in ranges:
        if item.name in given.get("StaticHyperParameters", {}):
            raise invalid(f"Hyperparameter {item.name} is both static and tuned")
    metrics = given["AlgorithmSpecification"].get("MetricDefinitions", [])
    if objective["MetricName"] not in [item["Name"] for item in metrics]:
        raise invalid(
            f"The objective metric {objective['MetricName']} is not one of the MetricDefinitions "
            "in AlgorithmSpecification"
        )
    return Definition(name, objective["MetricName"], objective["Type"], ranges, given)


def check_grid(found: tuple[Definition, ...]) -> None:
    for item in (item for definition in found for item in definition.ranges):
        if not isinstance(item, Categorical):
            raise invalid(f"Strategy Grid takes categorical ranges only; {item.name} is none")


def _instances(flexible: dict[str, Any]) -> dict[str, Any]:
    """With several instance types to choose from, SageMaker takes the first that it can have."""
    chosen = {**flexible, **next(iter(flexible.get("InstanceConfigs", [])), {})}
    return {key: chosen[key] for key in INSTANCE if key in chosen}
