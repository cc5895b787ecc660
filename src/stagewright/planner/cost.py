"""The most that a plan can use: every job until its time limit, every attempt of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from stagewright.document.budget import Budget
from stagewright.errors import Problem

HOUR = 3600
GLUE = "glue"
SMALL = 0.0625
"""Data processing units of the smaller Python shell."""


@dataclass(frozen=True)
class Use:
    """Instances of one type that a stage holds. `hours`: instances times hours at most, all attempts
    together; None where they serve until somebody removes them. `purpose`: as Service Quotas names it.
    """

    purpose: str
    instance_type: str
    instances: int
    hours: float | None


def uses(requests: Mapping[str, Any], timeout: int, attempts: int = 1) -> tuple[Use, ...]:
    """Of the requests of one stage. `timeout`: seconds after which the state machine gives it up, for jobs
    that have no limit of their own."""
    return tuple(use for name, request in requests.items() for use in _of(name, request, timeout, attempts))


def hours_by_type(found: Iterable[Use]) -> dict[str, float]:
    """Instance type -> instance-hours at most, of what ends by itself."""
    total: Counter[str] = Counter()
    for use in found:
        total[use.instance_type] += use.hours or 0  # type: ignore[assignment]
    return {name: float(hours) for name, hours in sorted(total.items()) if hours}


def money(found: Iterable[Use], prices: Mapping[str, float]) -> float:
    """Of the instance-hours, at `prices` per instance type; KeyError for a type without a price."""
    return sum(hours * prices[name] for name, hours in hours_by_type(found).items())


def over(budget: Budget, stages: Sequence[tuple[str, tuple[Use, ...]]]) -> Iterator[Problem]:
    """What the budget forbids. `stages`: name and uses of every stage that runs."""
    found = [use for _, uses in stages for use in uses]
    hours = sum(hours_by_type(found).values())
    if budget.instance_hours is not None and hours > budget.instance_hours:
        message = f"the run may take {hours:,.2f} instance-hours, and {budget.instance_hours:,} are allowed"
        yield Problem("budget.instance_hours", f"{message}: {_shares(stages)}", _REMEDY)
    if budget.money is None:
        return
    if missing := hours_by_type(found).keys() - budget.prices.keys():
        yield Problem(
            "budget.prices", f"no price of {', '.join(sorted(missing))}", "add it, per instance-hour"
        )
    elif (cost := money(found, budget.prices)) > budget.money:
        message = f"the run may cost {cost:,.2f}, and {budget.money:,} are allowed"
        yield Problem("budget.money", f"{message}: {_shares(stages)}", _REMEDY)


_REMEDY = "lower max_runtime_seconds, instances or max_jobs, or raise the budget"


def _shares(stages: Sequence[tuple[str, tuple[Use, ...]]]) -> str:
    """The stages that take most, as a person reads them."""
    taken = {name: sum(hours_by_type(found).values()) for name, found in stages}
    most = sorted((item for item in taken.items() if item[1]), key=lambda item: -item[1])
    return ", ".join(f"{name} {hours:,.2f} h" for name, hours in most[:5])


def _of(operation: str, request: Any, timeout: int, attempts: int) -> Iterator[Use]:
    match operation:
        case "CreateProcessingJob":
            cluster = request["ProcessingResources"]["ClusterConfig"]
            yield _job("processing job", cluster, _limit(request, timeout), attempts)
        case "CreateTrainingJob":
            purpose = "spot training job" if request.get("EnableManagedSpotTraining") else "training job"
            for group in _groups(request["ResourceConfig"]):
                yield _job(purpose, group, _limit(request, timeout), attempts)
        case "CreateHyperParameterTuningJob":
            yield from _tuning(request, timeout, attempts)
        case "CreateTransformJob":
            yield _job("transform job", request["TransformResources"], timeout, attempts)
        case "CreateEndpointConfig":
            for variant in request["ProductionVariants"]:
                if "InstanceType" in variant:
                    count = variant["InitialInstanceCount"]
                    yield Use("endpoint", variant["InstanceType"], count, None)
        case "StartJobRun":
            yield _glue(request, timeout, attempts)


def _job(purpose: str, resources: Mapping[str, Any], seconds: float, attempts: int) -> Use:
    count = int(resources["InstanceCount"])
    return Use(purpose, resources["InstanceType"], count, count * attempts * seconds / HOUR)


def _groups(resources: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A job may have instances of several types (ResourceConfig.InstanceGroups)."""
    return list(resources.get("InstanceGroups") or [resources])


def _limit(request: Mapping[str, Any], timeout: int) -> int:
    return int(request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", timeout))


def _tuning(request: Mapping[str, Any], timeout: int, attempts: int) -> Iterator[Use]:
    config, job = request["HyperParameterTuningJobConfig"], request["TrainingJobDefinition"]
    limits = config["ResourceLimits"]
    jobs = limits.get("MaxNumberOfTrainingJobs") or _combinations(config["ParameterRanges"])
    side_by_side = min(limits["MaxParallelTrainingJobs"], jobs)
    purpose = "spot training job" if job.get("EnableManagedSpotTraining") else "training job"
    for group in _groups(job["ResourceConfig"]):
        one = _job(purpose, group, _limit(job, timeout), attempts)
        yield Use(purpose, one.instance_type, one.instances * side_by_side, (one.hours or 0) * jobs)


def _combinations(ranges: Mapping[str, Any]) -> int:
    return prod(len(each["Values"]) for each in ranges.get("CategoricalParameterRanges", ()))


def _glue(request: Mapping[str, Any], timeout: int, attempts: int) -> Use:
    seconds = request["Timeout"] * 60 if "Timeout" in request else timeout
    shell = "pythonshell" if request.get("MaxCapacity", SMALL) > SMALL else "pythonshell-small"
    kind = request.get("WorkerType") or shell
    count = int(request.get("NumberOfWorkers", 1))
    return Use("glue job run", f"{GLUE}.{kind}", count, count * attempts * seconds / HOUR)
