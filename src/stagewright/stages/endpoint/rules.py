"""Rules for endpoint stages.

AWS's limits are from the API references of SageMaker, TrafficRoutingConfig (waits of at most one hour, a
canary of at most 50 %, linear steps of 10 to 50 %) and BlueGreenUpdatePolicy (8 hours in total), and of
CloudWatch, PutMetricAlarm (an alarm evaluates at most one day).
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
"""Percent of a part of a linear update."""
LEAST_PART = 1
"""Instances of a part, however few percent it has."""
MORE_INSTANCES = "AWS accepts at most half: increase instance_count, or update all at once"


def rules(stage: Endpoint, context: RuleContext, path: Path) -> Iterator[Finding]:
    """Findings within an endpoint stage."""
    yield from required(stage, context.defaults, path, "instance_type")
    yield from served(stage, stage.model, context, path)
    if stage.update:
        yield from _update(stage.update, stage.instance_count, (*path, "update"))
    for name, alarm in stage.alarms.items():
        yield from _alarm(alarm, (*path, "alarms", name))
    if stage.smoke_test:
        yield from _smoke_test(stage.smoke_test, (*path, "smoke_test"))
    yield from code(stage.entry_point, stage.include, (*path, "entry_point"))
    yield from limits.environment(stage.environment, {}, limits.SERVING_VARIABLE, (*path, "environment"))


def _update(update: Update, instances: int | str, path: Path) -> Iterator[Finding]:
    yield from _parts(update, instances, path)
    for name in ("wait", "bake"):
        value = getattr(update, name)
        if value and seconds(value) > HOUR:
            yield Finding((*path, name), f"{value} is longer than the maximum of AWS, 1h")
    total = _part_waits(update, instances) * seconds(update.wait) + seconds(update.bake or "10m")
    if total > LONGEST_UPDATE:
        message = "the waits add up to more than the maximum of AWS, 8h"
        yield Finding(path, message, "reduce wait, bake or the number of parts")


def _parts(update: Update, instances: int | str, path: Path) -> Iterator[Finding]:
    sizes = [name for name in ("size", "instances") if getattr(update, name) is not None]
    if update.type == "all-at-once" and sizes:
        yield Finding((*path, sizes[0]), "an all-at-once update has no parts", "leave it out")
    if update.type != "all-at-once" and len(sizes) != 1:
        remedy = "set either size (percent) or instances"
        yield Finding(path, f"a {update.type} update needs one size for its parts", remedy)
    if update.type == "linear" and update.size is not None and update.size < LEAST_STEP:
        yield Finding((*path, "size"), f"{update.size} % is below the minimum of AWS, {LEAST_STEP} %")
    if update.type != "all-at-once" and sizes and isinstance(instances, int):
        part = update.instances or LEAST_PART
        if 2 * part > instances:
            message = f"a part of {part} of {instances} instances is more than half"
            yield Finding((*path, sizes[0]), message, MORE_INSTANCES)


def _part_waits(update: Update, instances: int | str) -> int:
    """The number of waits between the parts of an update."""
    if update.type == "linear":
        whole, part = (100, update.size) if update.size else (instances, update.instances or 1)
        return -(-int(whole) // part) - 1 if isinstance(whole, int) else 1
    return int(update.type == "canary")


def _alarm(alarm: Alarm, path: Path) -> Iterator[Finding]:
    if seconds(alarm.period) % 60:
        message = f"{alarm.period} is not a whole number of minutes"
        yield Finding((*path, "period"), message, "SageMaker publishes metrics once a minute")
    elif seconds(alarm.period) * alarm.evaluate > DAY:
        yield Finding(path, "evaluates more than one day", "reduce period or evaluate")


def _smoke_test(test: SmokeTest, path: Path) -> Iterator[Finding]:
    if (test.body is None) == (test.file is None):
        yield Finding(path, "no request body, or two", "set either body or file")
