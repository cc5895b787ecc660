"""What the fields of an endpoint stage must be to one another.

AWS's limits: API reference of SageMaker, TrafficRoutingConfig (waits up to an hour, a canary of at most 50 %,
linear steps of 10 to 50 %) and BlueGreenUpdatePolicy (8 hours for all of it); API reference of CloudWatch,
PutMetricAlarm (an alarm looks back a day at most).
"""

from __future__ import annotations

from collections.abc import Iterator

from stagewright.stages.base import limits
from stagewright.stages.base.rules import RuleContext, code, required, served
from stagewright.stages.endpoint.schema import Alarm, Endpoint, SmokeTest, Update
from stagewright.syntax.durations import seconds
from stagewright.syntax.findings import Finding, Path

HOUR = 3_600
DAY = 86_400
LONGEST_UPDATE = 28_800
LEAST_STEP = 10
"""Percent of a linear update's part."""


def endpoint_rules(stage: Endpoint, path: Path) -> Iterator[Finding]:
    if stage.update:
        yield from _update(stage.update, stage.instance_count, (*path, "update"))
    for name, alarm in stage.alarms.items():
        yield from _alarm(alarm, (*path, "alarms", name))
    if stage.smoke_test:
        yield from _smoke_test(stage.smoke_test, (*path, "smoke_test"))


def _update(update: Update, instances: int | str, path: Path) -> Iterator[Finding]:
    sizes = [name for name in ("size", "instances") if getattr(update, name) is not None]
    if update.type == "all-at-once" and sizes:
        yield Finding((*path, sizes[0]), "an update all at once has no parts", "leave it out")
    if update.type != "all-at-once" and len(sizes) != 1:
        remedy = "give one of size (percent) and instances"
        yield Finding(path, f"a {update.type} update needs the size of its part, once", remedy)
    if update.type == "linear" and update.size is not None and update.size < LEAST_STEP:
        yield Finding((*path, "size"), f"{update.size} % is less than AWS's least, {LEAST_STEP} %")
    if update.instances and isinstance(instances, int) and 2 * update.instances > instances:
        message = f"{update.instances} of {instances} instances is more than half"
        yield Finding((*path, "instances"), message, "AWS takes at most half; give more instance_count")
    for name in ("wait", "bake"):
        value = getattr(update, name)
        if value and seconds(value) > HOUR:
            yield Finding((*path, name), f"{value} is longer than AWS's longest, 1h")
    if _parts(update, instances) * seconds(update.wait) + seconds(update.bake or "10m") > LONGEST_UPDATE:
        yield Finding(path, "all waits together are longer than AWS's longest update, 8h", "wait less")


def _parts(update: Update, instances: int | str) -> int:
    """Waits between parts."""
    if update.type == "linear":
        whole, part = (100, update.size) if update.size else (instances, update.instances or 1)
        return -(-int(whole) // part) - 1 if isinstance(whole, int) else 1
    return int(update.type == "canary")


def _alarm(alarm: Alarm, path: Path) -> Iterator[Finding]:
    if seconds(alarm.period) % 60:
        remedy = "SageMaker's metrics come once a minute"
        yield Finding((*path, "period"), f"{alarm.period} is not whole minutes", remedy)
    elif seconds(alarm.period) * alarm.evaluate > DAY:
        yield Finding(path, "looks back more than a day", "a shorter period, or fewer of them")


def _smoke_test(test: SmokeTest, path: Path) -> Iterator[Finding]:
    if (test.body is None) == (test.file is None):
        yield Finding(path, "what is to be sent", "give one of body and file")


def rules(stage: Endpoint, context: RuleContext, path: Path) -> Iterator[Finding]:
    """Findings within an endpoint stage."""
    yield from required(stage, context.defaults, path, "instance_type")
    yield from served(stage, stage.model, context, path)
    yield from endpoint_rules(stage, path)
    yield from code(stage.entry_point, stage.include, (*path, "entry_point"))
    yield from limits.environment(stage.environment, {}, limits.SERVING_VARIABLE, (*path, "environment"))
