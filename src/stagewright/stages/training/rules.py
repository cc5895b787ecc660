"""Rules for training stages."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator

from stagewright.stages.base import limits
from stagewright.stages.base.rules import RuleContext, code, is_image_uri, required
from stagewright.stages.training.schema import Training, TrainingSpec
from stagewright.syntax.durations import seconds
from stagewright.syntax.findings import Finding, Path, quoted

BUILT_IN = "xgboost-"
"""How aliases of images begin that train without a script."""
CODE_CHANNEL = "code"
"""The channel that brings the script to a container without a network."""


def rules(stage: Training, context: RuleContext, path: Path) -> Iterator[Finding]:
    """Findings within a training stage."""
    yield from training_rules(stage, context, path)
    yield from _warm_pool(stage, path)
    defaults, longest = context.defaults.environment, limits.TRAINING_VARIABLE
    yield from limits.environment(stage.environment, defaults, longest, (*path, "environment"))


def training_rules(stage: TrainingSpec, context: RuleContext, path: Path) -> Iterator[Finding]:
    """Findings for the definition of training jobs, a stage's own or those of a tuning stage."""
    yield from required(stage, context.defaults, path, "image", "instance_type")
    yield from _without_script(stage, stage.image or context.defaults.image or "", path)
    yield from code(stage.entry_point, stage.include, (*path, "entry_point"))
    script_mode = bool(stage.entry_point)
    yield from limits.hyperparameters(stage.hyperparameters, script_mode, (*path, "hyperparameters"))
    yield from limits.at_most(limits.CHANNELS, stage.channels, (*path, "channels"), "channels")
    yield from limits.at_most(limits.METRICS, stage.metrics, (*path, "metrics"), "metrics")
    for name, regex in stage.metrics.items():
        yield from _regex(regex, (*path, "metrics", name))
    yield from _spot(stage, path)
    if CODE_CHANNEL in stage.channels and stage.entry_point:
        remedy = "choose another name"
        yield Finding((*path, "channels", CODE_CHANNEL), "the script has this channel", remedy)


def _without_script(stage: TrainingSpec, image: str, path: Path) -> Iterator[Finding]:
    """Findings for a stage without an entry point, whose image must then be able to train."""
    if stage.entry_point or not image or "${" in image or is_image_uri(image):
        return
    if not image.startswith(BUILT_IN):
        remedy = "set entry_point, or use the URI of your own image"
        yield Finding(path, f"no entry_point, but {image} needs one", remedy)
    elif stage.metrics:
        message = "the built-in XGBoost has its own metrics, and AWS rejects others"
        yield Finding(
            (*path, "metrics"), message, "leave metrics out: validation:rmse and the like are known"
        )


def _spot(stage: TrainingSpec, path: Path) -> Iterator[Finding]:
    """Findings for the wait of a Spot job (StoppingCondition, API reference)."""
    wait, runtime = stage.max_wait_seconds, stage.max_runtime_seconds
    if wait is not None and not stage.spot:
        yield Finding((*path, "max_wait_seconds"), "only Spot jobs have a wait", "set spot: true")
    elif isinstance(wait, int) and isinstance(runtime, int) and wait < runtime:
        message = f"{wait} is less than max_runtime_seconds, {runtime}"
        remedy = "the wait includes the run: make it at least as long"
        yield Finding((*path, "max_wait_seconds"), message, remedy)


def _warm_pool(stage: Training, path: Path) -> Iterator[Finding]:
    """Findings for a warm pool (ResourceConfig, API reference; "SageMaker AI Managed Warm Pools")."""
    if stage.keep_alive is None:
        return
    field = (*path, "keep_alive")
    if stage.spot:
        yield Finding(field, "Spot instances cannot be kept alive", "leave out spot or keep_alive")
    if seconds(stage.keep_alive) > limits.KEEP_ALIVE:
        yield Finding(field, f"{stage.keep_alive} is longer than the maximum of AWS, 1h")


def _regex(regex: str, path: Path) -> Iterator[Finding]:
    if too_long := list(limits.length(regex, limits.METRIC_REGEX, path)):
        yield from too_long
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # Python may give `[[` a meaning one day
            groups = re.compile(regex).groups
    except (re.error, OverflowError, RecursionError) as error:
        remedy = "such as 'MAE: ([0-9.]+)'"
        yield Finding(path, f"{quoted(regex)} is not a regular expression: {error}", remedy)
        return
    if groups != 1:
        remedy = "put ( ) around the number alone, (?: ) around the rest"
        yield Finding(path, f"{quoted(regex)} has {groups} groups, but needs exactly one", remedy)
