"""Rules for tuning stages.

Sources: "Define Hyperparameter Ranges" and "How Hyperparameter Tuning Works" in the SageMaker developer
guide; ContinuousParameterRange, IntegerParameterRange and HyperbandStrategyConfig in the API reference.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import prod

from stagewright.stages.base import limits
from stagewright.stages.base.rules import RuleContext
from stagewright.stages.training.rules import training_rules
from stagewright.stages.tuning.schema import Choice, NumberRange, Range, Tuning, WholeRange
from stagewright.syntax.findings import Finding, Path, nearest
from stagewright.syntax.references import text_of

EPOCHS = ("epochs", "numepochs", "n-epochs", "n_epochs", "num_epochs")
"""Hyperparameters in which Hyperband looks for the maximum number of epochs of a training job."""


def rules(stage: Tuning, context: RuleContext, path: Path) -> Iterator[Finding]:
    """Findings within a tuning stage."""
    yield from training_rules(stage, context, path)
    yield from _objective(stage, path)
    yield from _counts(stage, path)
    yield from _ranges(stage, path)
    match stage.strategy:
        case "Grid":
            yield from _grid(stage, path)
        case "Hyperband":
            yield from _hyperband(stage, path)
    defaults, longest = context.defaults.environment, limits.TRAINING_VARIABLE
    environment_path, most = (*path, "environment"), limits.TUNED_ENVIRONMENT
    yield from limits.environment(stage.environment, defaults, longest, environment_path, most)


def _objective(stage: Tuning, path: Path) -> Iterator[Finding]:
    """A built-in algorithm of AWS reports its own metrics, so it needs no definitions."""
    metric = stage.objective.metric
    if metric not in stage.metrics and (stage.metrics or stage.entry_point):
        remedy = nearest(metric, stage.metrics, "declared") or f"declare it in {path[-1]}'s metrics"
        yield Finding((*path, "objective", "metric"), f"no metric {metric!r}", remedy)


def _counts(stage: Tuning, path: Path) -> Iterator[Finding]:
    """The limit on hyperparameters includes fixed and tuned ones, those of script mode, and one of AWS."""
    added = 1 + (limits.SCRIPT_MODE_HYPERPARAMETERS if stage.entry_point else 0)
    names = [*stage.hyperparameters, *stage.ranges]
    ranges_path, most = (*path, "ranges"), limits.HYPERPARAMETERS - added
    yield from limits.at_most(most, names, ranges_path, "fixed and tuned hyperparameters")
    yield from limits.at_most(limits.TUNED_METRICS, stage.metrics, (*path, "metrics"), "metrics")


def _ranges(stage: Tuning, path: Path) -> Iterator[Finding]:
    for name, range_ in stage.ranges.items():
        range_path = (*path, "ranges", name)
        yield from limits.length(name, limits.HYPERPARAMETER_NAME, range_path)
        if name in stage.hyperparameters:
            yield Finding(range_path, "also a fixed hyperparameter", "remove it from one of them")
        yield from _range(range_, bool(stage.entry_point), range_path)


def _range(range_: Range, script_mode: bool, path: Path) -> Iterator[Finding]:
    if isinstance(range_, Choice):
        yield from _choice(range_, script_mode, path)
    elif range_.min >= range_.max:
        message = f"min {text_of(range_.min)}, max {text_of(range_.max)}: max must be above min"
        yield Finding((*path, "max"), message, "put a single value into hyperparameters")
    else:
        yield from _scaling(range_, path)


def _choice(choice: Choice, script_mode: bool, path: Path) -> Iterator[Finding]:
    texts = [json.dumps(value) if script_mode else text_of(value) for value in choice.values]
    for index, text in enumerate(texts):
        value_path = (*path, "values", index)
        yield from limits.length(text, limits.RANGE_VALUE, value_path)
        if text in texts[:index]:
            yield Finding(value_path, f"{text} is listed more than once", "remove one")


def _scaling(range_: WholeRange | NumberRange, path: Path) -> Iterator[Finding]:
    scaling_path = (*path, "scaling")
    if range_.scaling == "Logarithmic" and range_.min <= 0:
        yield Finding(scaling_path, "Logarithmic needs a min above 0", "use Linear or Auto")
    if range_.scaling == "ReverseLogarithmic" and (
        isinstance(range_, WholeRange) or range_.min < 0 or range_.max >= 1
    ):
        message = "ReverseLogarithmic needs a continuous range with 0 <= min and max < 1"
        yield Finding(scaling_path, message, "use Linear or Auto")


def _grid(stage: Tuning, path: Path) -> Iterator[Finding]:
    for name, range_ in stage.ranges.items():
        if not isinstance(range_, Choice):
            message = f"Grid accepts only categorical ranges, but this one is {range_.type}"
            yield Finding((*path, "ranges", name), message, "list its values, or use another strategy")
    combinations = prod(len(range_.values) for range_ in stage.ranges.values() if isinstance(range_, Choice))
    if combinations > limits.COMBINATIONS:
        message = f"{combinations:,} combinations, but AWS accepts at most {limits.COMBINATIONS}"
        yield Finding((*path, "ranges"), message, "use another strategy")
    if "max_jobs" in stage.model_fields_set:
        yield Finding((*path, "max_jobs"), "Grid tries every combination", "leave it out")


def _hyperband(stage: Tuning, path: Path) -> Iterator[Finding]:
    if stage.early_stopping:
        message = "Hyperband stops training jobs by itself"
        yield Finding((*path, "early_stopping"), message, "leave it out")
    config = stage.request.get("HyperParameterTuningJobConfig", {})
    has_config = isinstance(config, dict) and "StrategyConfig" in config
    if not has_config and not any(name in stage.hyperparameters for name in EPOCHS):
        message = "Hyperband needs the maximum number of epochs"
        remedy = "set hyperparameters.epochs, or HyperbandStrategyConfig in request"
        yield Finding((*path, "strategy"), message, remedy)
