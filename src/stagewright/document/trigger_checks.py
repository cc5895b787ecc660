"""Checks of triggers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from functools import cache
from zoneinfo import ZoneInfo

from stagewright.document.pipeline import Pipeline
from stagewright.document.reference_values import registers
from stagewright.document.schema_errors import shown, type_of
from stagewright.document.triggers import (
    AnyTrigger,
    DataTrigger,
    ModelApprovedTrigger,
    ScheduleTrigger,
    UpstreamTrigger,
)
from stagewright.naming import OWN_FOLDERS
from stagewright.syntax import cron
from stagewright.syntax.findings import Finding, Path, nearest, quoted
from stagewright.syntax.references import find_references
from stagewright.syntax.regular_expressions import ways

DATE_LENGTH = 500
"""Maximum characters of a date's expression."""
KEY_LENGTH = 1024
"""Maximum bytes of an object's key (Amazon S3 user guide, "Naming Amazon S3 objects")."""
MOST_WAYS = 4 * (KEY_LENGTH + 1) ** 2
"""Two of `*` and `+`, and two optional parts. A search of the longest key then takes about a second."""


def is_expensive(regex: str) -> bool:
    """Return whether a valid regular expression may need very many steps for some keys.

    The router evaluates the expressions of all pipelines.
    """
    return ways(regex, KEY_LENGTH) > MOST_WAYS


@cache
def date_pattern(regex: str) -> re.Pattern[str] | None:
    """Return the compiled expression of a trigger's date. None: `trigger_findings` rejects it."""
    return None if any(_date(regex, ())) else re.compile(regex)


def trigger_findings(pipeline: Pipeline, set_aside: Set[str] = frozenset()) -> Iterator[Finding]:
    """Yield the problems of triggers, except those of their references.

    `set_aside`: stages that are invalid or missing. Triggers may name them.
    """
    for index, trigger in enumerate(pipeline.triggers):
        path: Path = ("triggers", index)
        yield from _any(pipeline, trigger, path, set_aside)
        match trigger:
            case DataTrigger():
                yield from _data(trigger, path)
            case ScheduleTrigger():
                yield from _schedule(trigger, path)
            case ModelApprovedTrigger():
                yield from _approved(pipeline, trigger, path) if not set_aside else ()
            case UpstreamTrigger() if trigger.pipeline == pipeline.name:
                yield Finding((*path, "pipeline"), "a pipeline cannot start itself", "name another pipeline")
            case _:
                pass
        if any(trigger.filter == other.filter for other in pipeline.triggers[:index]):
            yield Finding(path, "the trigger is repeated", "remove one of them")


def _any(pipeline: Pipeline, trigger: AnyTrigger, path: Path, set_aside: Set[str]) -> Iterator[Finding]:
    for index, stage in enumerate(trigger.only):
        if stage not in pipeline.stages and stage not in set_aside:
            remedy = nearest(stage, pipeline.stages, "stages")
            yield Finding((*path, "only", index), f"no such stage: {stage}", remedy)
    for name, value in trigger.parameters.items():
        parameter = (*path, "parameters", name)
        if name not in pipeline.parameters:
            remedy = nearest(name, pipeline.parameters, "declared") or "the document declares none"
            yield Finding(parameter, "no such parameter", remedy)
        elif (expected := type_of(pipeline.parameters[name])) != type_of(value):
            what = (
                f"{value}, which is a text"
                if isinstance(value, str) and find_references(value)
                else shown(value)
            )
            yield Finding(parameter, f"{name} is declared as {expected}, not {what}")


def _data(trigger: DataTrigger, path: Path) -> Iterator[Finding]:
    prefix = (*path, "prefix")
    if not trigger.prefix or "://" in trigger.prefix or trigger.prefix.startswith("/"):
        remedy = "write the part of the key after the bucket, such as raw/house-price/"
        yield Finding(prefix, f'"{trigger.prefix}" is not a prefix in the bucket', remedy)
    elif trigger.prefix.startswith(OWN_FOLDERS):
        yield Finding(prefix, f"{trigger.prefix} is reserved", "use another prefix for data")
    if not trigger.suffix and not trigger.settle:
        yield Finding(
            path,
            "each object would start a run",
            "give suffix (the end of the last object's key) or settle (such as 10m)",
        )
    if trigger.date is not None:
        yield from _date(trigger.date, (*path, "date"))


def _date(regex: str, path: Path) -> Iterator[Finding]:
    if len(regex) > DATE_LENGTH:
        yield Finding(path, f"{len(regex)} characters; the maximum is {DATE_LENGTH}", "write a shorter one")
        return
    try:
        groups = re.compile(regex).groups
    except (re.error, OverflowError, RecursionError) as error:
        remedy = r"such as 'day=([0-9-]+)/'"
        yield Finding(path, f"{quoted(regex)} is not a regular expression: {error}", remedy)
        return
    if groups != 1:
        remedy = "use ( ) for the date only, and (?: ) elsewhere"
        yield Finding(path, f"{quoted(regex)} has {groups} groups; it must have one", remedy)
    if is_expensive(regex):
        remedy = "use no repetition or | within a repetition, at most two of * and +, and few optional parts"
        yield Finding(path, f"{quoted(regex)} may take too long on some keys", remedy)


def _schedule(trigger: ScheduleTrigger, path: Path) -> Iterator[Finding]:
    if (trigger.cron is None) == (trigger.rate is None):
        yield Finding(path, "requires either cron or rate", 'such as cron: "0 14 ? * SAT *"')
    if trigger.rate is not None:
        yield from _rate(trigger, trigger.rate, path)
    if trigger.cron is not None:
        try:
            cron.parse(trigger.cron)
        except ValueError as error:
            bare = re.fullmatch(r"\s*cron\((.*)\)\s*", trigger.cron)
            remedy = f'write "{bare[1]}"' if bare else 'such as "0 14 ? * SAT *": Saturdays at 14:00'
            yield Finding((*path, "cron"), f"{quoted(trigger.cron)}: {error}", remedy)
    try:
        ZoneInfo(trigger.timezone)
    except (KeyError, ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError; a folder is an OSError
        remedy = "use an IANA name, such as Europe/Zurich"
        yield Finding((*path, "timezone"), f"unknown time zone: {quoted(trigger.timezone)}", remedy)


def _rate(trigger: ScheduleTrigger, rate: str, path: Path) -> Iterator[Finding]:
    try:
        cron.rate_minutes(rate)
    except ValueError as error:
        bare = re.fullmatch(r"\s*rate\((.*)\)\s*", rate)
        remedy = f"write {bare[1]}" if bare else "use a number and minutes, hours or days, such as 6 hours"
        yield Finding((*path, "rate"), str(error), remedy)
    if "timezone" in trigger.model_fields_set:
        remedy = "remove it, or use cron"
        yield Finding((*path, "timezone"), "a rate has no time zone", remedy)


def _approved(pipeline: Pipeline, trigger: ModelApprovedTrigger, path: Path) -> Iterator[Finding]:
    stages = registers(pipeline)
    if trigger.group is None and len(stages) != 1:
        names = f" ({', '.join(stages)})" if stages else ""
        message = f"without group, the document needs one register stage; it has {len(stages)}{names}"
        yield Finding(path, message, "give group")
