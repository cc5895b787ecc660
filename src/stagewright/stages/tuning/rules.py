"""What the fields of a tuning stage must be to one another.

Sources: "Define Hyperparameter Ranges" and "How Hyperparameter Tuning Works" in the SageMaker developer
guide; ContinuousParameterRange, IntegerParameterRange and HyperbandStrategyConfig in the API reference.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import prod

from stagewright.stages.base import limits
from stagewright.stages.base.limits import (
    HYPERPARAMETER_NAME,
    HYPERPARAMETERS,
    SCRIPT_MODE_HYPERPARAMETERS,
    SEARCHED,
    TUNED_METRICS,
    at_most,
    length,
)
from stagewright.stages.base.rules import RuleContext
from stagewright.stages.training.rules import training_rules
from stagewright.stages.tuning.schema import Choice, NumberRange, Range, Tuning, WholeRange
from stagewright.syntax.findings import Finding, Path, nearest
from stagewright.syntax.references import text_of


def tuned(stage: Tuning, path: Path) -> Iterator[Finding]:
    """Fixed and tuned hyperparameters count together, and so do script mode's, and one that AWS adds."""
    own = 1 + (SCRIPT_MODE_HYPERPARAMETERS if stage.entry_point else 0)
    together = [*stage.hyperparameters, *stage.ranges]
    yield from at_most(HYPERPARAMETERS - own, together, (*path, "ranges"), "fixed and tuned hyperparameters")
    yield from at_most(TUNED_METRICS, stage.metrics, (*path, "metrics"), "metrics")
    searched = [value for each in stage.ranges.values() for value in getattr(each, "values", (each,))]
    what = "ranges (each value of a categorical one counts)"
    yield from at_most(SEARCHED, searched, (*path, "ranges"), what)
    for name in stage.ranges:
        yield from length(name, HYPERPARAMETER_NAME, (*path, "ranges", name))


def rules(stage: Tuning, context: RuleContext, path: Path) -> Iterator[Finding]:
    """Findings within a tuning stage."""
    yield from training_rules(stage, context, path)
    yield from tuning(stage, path)
    yield from limits.environment(
        stage.environment,
        context.defaults.environment,
        limits.TRAINING_VARIABLE,
        (*path, "environment"),
        limits.TUNED_ENVIRONMENT,
    )


EPOCHS = ("epochs", "numepochs", "n-epochs", "n_epochs", "num_epochs")
"""Hyperparameters in which Hyperband looks for the most epochs of a training job."""


def tuning(stage: Tuning, path: Path) -> Iterator[Finding]:
    yield from _objective(stage, path)
    yield from tuned(stage, path)
    for name, values in stage.ranges.items():
        place = (*path, "ranges", name)
        if name in stage.hyperparameters:
            yield Finding(place, "a fixed hyperparameter too", "remove it from one of the two")
        yield from _range(values, bool(stage.entry_point), place)
    match stage.strategy:
        case "Grid":
            yield from _grid(stage, path)
        case "Hyperband":
            yield from _hyperband(stage, path)


def _objective(stage: Tuning, path: Path) -> Iterator[Finding]:
    """An algorithm of AWS's reports metrics of its own, and takes no definitions."""
    metric = stage.objective.metric
    if metric not in stage.metrics and (stage.metrics or stage.entry_point):
        remedy = nearest(metric, stage.metrics, "declared") or f"declare it in {path[-1]}'s metrics"
        yield Finding((*path, "objective", "metric"), f"no metric {metric!r}", remedy)


def _range(values: Range, script_mode: bool, path: Path) -> Iterator[Finding]:
    if isinstance(values, Choice):
        yield from _choice(values, script_mode, path)
        return
    if values.min >= values.max:
        shown = f"min {text_of(values.min)}, max {text_of(values.max)}"
        remedy = "one value alone belongs into hyperparameters"
        yield Finding((*path, "max"), f"{shown}: max must be above min", remedy)
        return
    yield from _scaling(values, path)


def _choice(values: Choice, script_mode: bool, path: Path) -> Iterator[Finding]:
    texts = [json.dumps(value) if script_mode else text_of(value) for value in values.values]
    for index, text in enumerate(texts):
        place = (*path, "values", index)
        yield from limits.length(text, limits.RANGE_VALUE, place)
        if text in texts[:index]:
            yield Finding(place, f"{text} is there more than once", "remove one")


def _scaling(values: WholeRange | NumberRange, path: Path) -> Iterator[Finding]:
    place = (*path, "scaling")
    if values.scaling == "Logarithmic" and values.min <= 0:
        yield Finding(place, "Logarithmic needs a min above 0", "use Linear or Auto")
    if values.scaling == "ReverseLogarithmic" and (
        isinstance(values, WholeRange) or values.min < 0 or values.max >= 1
    ):
        message = "ReverseLogarithmic needs a continuous range with 0 <= min and max < 1"
        yield Finding(place, message, "use Linear or Auto")


def _grid(stage: Tuning, path: Path) -> Iterator[Finding]:
    for name, values in stage.ranges.items():
        if not isinstance(values, Choice):
            message = f"Grid takes categorical ranges only, and this one is {values.type}"
            yield Finding((*path, "ranges", name), message, "list its values, or use another strategy")
    combinations = prod(len(each.values) for each in stage.ranges.values() if isinstance(each, Choice))
    if combinations > limits.COMBINATIONS:
        message = f"{combinations:,} combinations, and AWS takes at most {limits.COMBINATIONS}"
        yield Finding((*path, "ranges"), message, "use another strategy")
    if "max_jobs" in stage.model_fields_set:
        yield Finding((*path, "max_jobs"), "Grid tries every combination", "leave it out")


def _hyperband(stage: Tuning, path: Path) -> Iterator[Finding]:
    if stage.early_stopping:
        message = "Hyperband stops training jobs by itself"
        yield Finding((*path, "early_stopping"), message, "leave it out")
    config = stage.request.get("HyperParameterTuningJobConfig", {})
    told = isinstance(config, dict) and "StrategyConfig" in config
    if not told and not any(name in stage.hyperparameters for name in EPOCHS):
        message = "Hyperband has to know the most epochs of a training job"
        remedy = "give hyperparameters.epochs, or HyperbandStrategyConfig in request"
        yield Finding((*path, "strategy"), message, remedy)
