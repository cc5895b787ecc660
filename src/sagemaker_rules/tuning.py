"""Rules for tuning jobs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

from sagemaker_rules.rule import Breach, Request, Rule, at, breach, items, number, repeated

CONFIG = "HyperParameterTuningJobConfig"
LIMITS = f"{CONFIG}.ResourceLimits"
INTEGER, CONTINUOUS, CATEGORICAL = (
    f"{kind}ParameterRanges" for kind in ("Integer", "Continuous", "Categorical")
)
SEARCHED = 30
"""Hyperparameters that a tuning job can search, of all ranges together (API reference, ParameterRanges)."""
GUIDE = 'SageMaker developer guide, "{}"'
RANGES = GUIDE.format("Define Hyperparameter Ranges")
FEEDBACK = "https://github.com/aws/amazon-sagemaker-feedback/issues/195"


def _definitions(job: Request) -> Iterator[tuple[str, Request]]:
    if isinstance(one := job.get("TrainingJobDefinition"), Mapping):
        yield "TrainingJobDefinition", one
    for index, definition in enumerate(items(job, "TrainingJobDefinitions")):
        yield f"TrainingJobDefinitions[{index}]", definition


def _ranges(job: Request) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    """Yield path, range and kind of every range."""
    for path, space in _spaces(job):
        for kind in (INTEGER, CONTINUOUS, CATEGORICAL):
            for index, item in enumerate(items(space, kind) if isinstance(space, Mapping) else ()):
                yield f"{path}.{kind}[{index}]", item, kind


def _spaces(job: Request) -> Iterator[tuple[str, Any]]:
    """Yield path and content of each set of ranges."""
    yield f"{CONFIG}.ParameterRanges", at(job, f"{CONFIG}.ParameterRanges")
    for path, definition in _definitions(job):
        yield f"{path}.HyperParameterRanges", at(definition, "HyperParameterRanges")


def _searched(job: Request) -> Iterator[Breach]:
    for path, _ in _spaces(job):
        count = sum(where.startswith(f"{path}.") for where, _, _ in _ranges(job))
        if count > SEARCHED:
            yield breach(path, count=count, most=SEARCHED)


def _bounds(item: Mapping[str, Any]) -> tuple[float, float] | None:
    try:
        return float(item["MinValue"]), float(item["MaxValue"])
    except (KeyError, TypeError, ValueError):
        return None


def _values_twice(job: Request) -> Iterator[Breach]:
    for path, item, kind in _ranges(job):
        for value in repeated(item.get("Values", ())) if kind == CATEGORICAL else ():
            yield breach(f"{path}.Values", value=value, name=item.get("Name"))


def _empty_range(job: Request) -> Iterator[Breach]:
    for path, item, kind in _ranges(job):
        bounds = _bounds(item) if kind != CATEGORICAL else None
        if bounds and bounds[0] >= bounds[1]:
            values = {"min": item["MinValue"], "max": item["MaxValue"]}
            yield breach(f"{path}.MaxValue", name=item.get("Name"), **values)


def _fixed_and_tuned(job: Request) -> Iterator[Breach]:
    shared = [item for path, item, _ in _ranges(job) if path.startswith(CONFIG)]
    for path, definition in _definitions(job):
        own = [item for where, item, _ in _ranges(job) if where.startswith(f"{path}.")]
        for item in own or shared:
            if item.get("Name") in definition.get("StaticHyperParameters", {}):
                yield breach(f"{path}.StaticHyperParameters.{item['Name']}", name=item["Name"])


def _logarithmic(job: Request) -> Iterator[Breach]:
    for path, item, _ in _ranges(job):
        bounds = _bounds(item)
        if item.get("ScalingType") == "Logarithmic" and bounds and bounds[0] <= 0:
            yield breach(f"{path}.ScalingType", name=item.get("Name"))


def _reverse_logarithmic(job: Request) -> Iterator[Breach]:
    for path, item, kind in _ranges(job):
        bounds = _bounds(item)
        inside = kind == CONTINUOUS and bounds is not None and bounds[0] >= 0 and bounds[1] < 1
        if item.get("ScalingType") == "ReverseLogarithmic" and not inside:
            yield breach(f"{path}.ScalingType", name=item.get("Name"))


def _grid(job: Request) -> Iterator[Breach]:
    if at(job, f"{CONFIG}.Strategy") == "Grid":
        for path, item, kind in _ranges(job):
            if kind != CATEGORICAL:
                yield breach(path, name=item.get("Name"))


def _early_stopping(job: Request) -> Iterator[Breach]:
    stopping = f"{CONFIG}.TrainingJobEarlyStoppingType"
    if at(job, f"{CONFIG}.Strategy") == "Hyperband" and at(job, stopping) == "Auto":
        yield breach(stopping)


def _unlimited(job: Request) -> Iterator[Breach]:
    limits = at(job, LIMITS)
    names = ("MaxNumberOfTrainingJobs", "MaxRuntimeInSeconds")
    needed = limits is not None and at(job, f"{CONFIG}.Strategy") != "Grid"
    if needed and all(at(limits, name) is None for name in names):
        yield breach(f"{LIMITS}.MaxNumberOfTrainingJobs")


def _combinations(job: Request) -> Iterator[Breach]:
    """Ranges of whole numbers and lists of values have a number of combinations."""
    total = number(job, f"{LIMITS}.MaxNumberOfTrainingJobs")
    found = [(item, kind) for path, item, kind in _ranges(job) if path.startswith(CONFIG)]
    sizes = [_size(item, kind) for item, kind in found]
    if total and found and all(size is not None for size in sizes):
        combinations = prod(size for size in sizes if size is not None)
        if combinations < total:
            path = f"{LIMITS}.MaxNumberOfTrainingJobs"
            yield breach(path, combinations=float(combinations), total=total)


def _size(item: Mapping[str, Any], kind: str) -> int | None:
    if kind == CATEGORICAL:
        return len(item.get("Values", ()))
    bounds = _bounds(item)
    return int(bounds[1] - bounds[0]) + 1 if kind == INTEGER and bounds else None


def _objective(job: Request) -> Iterator[Breach]:
    """A built-in algorithm reports its own metrics, so it has no definitions."""
    shared = at(job, f"{CONFIG}.HyperParameterTuningJobObjective.MetricName")
    for path, definition in _definitions(job):
        metric = at(definition, "TuningObjective.MetricName") or shared
        defined = [item.get("Name") for item in items(definition, "AlgorithmSpecification.MetricDefinitions")]
        if metric and defined and metric not in defined:
            yield breach(f"{path}.AlgorithmSpecification.MetricDefinitions")


def _definition(job: Request) -> Iterator[Breach]:
    one, several = "TrainingJobDefinition" in job, bool(job.get("TrainingJobDefinitions"))
    if one == several:
        yield breach("TrainingJobDefinition")


def _definition_names(job: Request) -> Iterator[Breach]:
    names = [definition.get("DefinitionName") for definition in items(job, "TrainingJobDefinitions")]
    if not all(names) or repeated(names):
        yield breach("TrainingJobDefinitions")


RULES = (
    Rule(
        "values-unique",
        "tuning",
        "The values of the categorical hyperparameter {name} must be unique: {value}",
        FEEDBACK,
        _values_twice,
    ),
    Rule(
        "searched-hyperparameters",
        "tuning",
        "A tuning job can search at most {most} hyperparameters, of all ranges together; this has {count}",
        "SageMaker API reference, ParameterRanges",
        _searched,
    ),
    Rule(
        "range-not-empty",
        "tuning",
        "The MaxValue of the hyperparameter {name}, {max}, must be greater than its MinValue, {min}",
        f"{FEEDBACK}; {RANGES}",
        _empty_range,
    ),
    Rule(
        "fixed-or-tuned", "tuning", "Hyperparameter {name} is both static and tuned", RANGES, _fixed_and_tuned
    ),
    Rule(
        "logarithmic-above-zero",
        "tuning",
        "Logarithmic scaling works only for ranges that have only values greater than 0: {name}",
        "SageMaker API reference, IntegerParameterRange and ContinuousParameterRange, ScalingType",
        _logarithmic,
    ),
    Rule(
        "reverse-logarithmic-below-one",
        "tuning",
        "Reverse logarithmic scaling works only for continuous ranges within 0<=x<1.0: {name}",
        "SageMaker API reference, ContinuousParameterRange, ScalingType",
        _reverse_logarithmic,
    ),
    Rule(
        "grid-is-categorical",
        "tuning",
        "Strategy Grid takes categorical ranges only; {name} is not categorical",
        GUIDE.format("Understand the hyperparameter tuning strategies available"),
        _grid,
    ),
    Rule(
        "hyperband-stops-itself",
        "tuning",
        "TrainingJobEarlyStoppingType must be Off to use Hyperband",
        "SageMaker API reference, HyperParameterTuningJobConfig, TrainingJobEarlyStoppingType",
        _early_stopping,
    ),
    Rule(
        "jobs-or-runtime",
        "tuning",
        "ResourceLimits needs MaxNumberOfTrainingJobs or MaxRuntimeInSeconds",
        "SageMaker API reference, ResourceLimits",
        _unlimited,
    ),
    Rule(
        "enough-combinations",
        "tuning",
        "You don't have enough combinations of hyperparameter ranges. The total number of hyperparameter"
        " combinations for the provided ranges [{combinations}] must be equal or greater than the value of"
        " MaxNumberOfJobs, [{total}]. Provide additional ranges.",
        "https://github.com/aws/amazon-sagemaker-operator-for-k8s/issues/123",
        _combinations,
        quoted=True,
    ),
    Rule(
        "objective-is-defined",
        "tuning",
        "A metric is required for this hyperparameter tuning job objective. Provide a metric in the metric"
        " definitions.",
        "https://github.com/aws/amazon-sagemaker-examples/issues/1207",
        _objective,
        quoted=True,
    ),
    Rule(
        "one-definition-or-several",
        "tuning",
        "Either TrainingJobDefinition or TrainingJobDefinitions must be given, and not both",
        "SageMaker API reference, CreateHyperParameterTuningJob",
        _definition,
    ),
    Rule(
        "definition-names-unique",
        "tuning",
        "Each of TrainingJobDefinitions needs a DefinitionName of its own",
        "SageMaker API reference, HyperParameterTrainingJobDefinition, DefinitionName",
        _definition_names,
    ),
)
