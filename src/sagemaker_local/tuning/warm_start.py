"""Warm start: the results of earlier tuning jobs inform a new one (WarmStartConfig).

IdenticalDataAndAlgorithm needs the same input data, training image and objective metric as all parents
(HyperParameterTuningJobWarmStartConfig, API reference).
"""

from __future__ import annotations

from sagemaker_local.api.protocol import ApiError, invalid
from sagemaker_local.jobs.kinds import TUNING
from sagemaker_local.jobs.transitions import ENDED
from sagemaker_local.store import Record, Store
from sagemaker_local.tuning import tuned_jobs
from sagemaker_local.tuning.strategies import Finding
from sagemaker_local.tuning.tuning_definition import Definition, definitions


def parents(request: Record) -> list[str]:
    named = request.get("WarmStartConfig", {}).get("ParentHyperParameterTuningJobs", [])
    return [item["HyperParameterTuningJobName"] for item in named if "HyperParameterTuningJobName" in item]


def check(store: Store, request: Record, new: tuple[Definition, ...]) -> None:
    names = parents(request)
    if not names:
        return
    if request["HyperParameterTuningJobConfig"]["Strategy"] == "Grid":
        raise invalid("WarmStartConfig needs strategy Bayesian or Random")
    if len(new) > 1:
        raise invalid("WarmStartConfig needs one TrainingJobDefinition")
    for name in names:
        parent = store.get(TUNING.path, name)
        if parent is None:
            raise ApiError("ResourceNotFound", TUNING.missing.format(name=name))
        if parent[TUNING.status] not in ENDED:
            raise invalid(f"Parent tuning job {name} has not ended: it is {parent[TUNING.status]}")
        _check_identical(name, definitions(parent), new[0])


def _check_identical(name: str, parent: tuple[Definition, ...], new: Definition) -> None:
    for old in parent:
        for what, before, after in (
            ("objective metric", (old.objective, old.metric), (new.objective, new.metric)),
            ("training image", _image(old), _image(new)),
            ("input data", old.request.get("InputDataConfig"), new.request.get("InputDataConfig")),
            ("hyperparameters", _hyperparameters(old), _hyperparameters(new)),
        ):
            if before != after:
                raise invalid(f"IdenticalDataAndAlgorithm: the {what} differ from parent tuning job {name}'s")


def _image(definition: Definition) -> str | None:
    image: str | None = definition.request["AlgorithmSpecification"].get("TrainingImage")
    return image


def _hyperparameters(definition: Definition) -> int:
    """The number of hyperparameters. Static ones may become tunable and vice versa."""
    return len(definition.ranges) + len(definition.request.get("StaticHyperParameters", {}))


def findings(store: Store, request: Record) -> list[Finding]:
    """The results of the parents' training jobs, including their static hyperparameters."""
    results = []
    for name in parents(request):
        parent = store.get(TUNING.path, name)
        static = definitions(parent)[0].request.get("StaticHyperParameters", {}) if parent else {}
        results += [
            Finding({**static, **item["TunedHyperParameters"]}, tuned_jobs.value_of(item))
            for item in tuned_jobs.evaluated(tuned_jobs.summaries(store, name))
        ]
    return results


def family(store: Store, record: Record) -> list[Record]:
    """The training jobs of a tuning job and its parents."""
    names = [*parents(record), record[TUNING.name]]
    return [item for name in names for item in tuned_jobs.summaries(store, name)]
