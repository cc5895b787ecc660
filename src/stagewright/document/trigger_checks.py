"""Checks of triggers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from typing import Any
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
from stagewright.syntax.findings import Finding, Path, nearest
from stagewright.syntax.references import find_references

REPETITIONS = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")
MOST_UNBOUNDED = 2
"""Maximum number of `*` and `+`. Each may multiply the steps of a search by the length of the key."""


def is_expensive(regex: str) -> bool:
    """Return whether a valid regular expression may need very many steps on some keys.

    It is if it repeats a repetition or an alternative, or has many `*` and `+`. The router evaluates the
    expressions of all pipelines.
    """
    parser: Any = re._parser  # type: ignore[attr-defined]  # the only parser of Python's expressions
    tree = parser.parse(regex)
    repetitions = list(_repetitions(tree, within=False))
    unbounded = sum(most == parser.MAXREPEAT for most, _ in repetitions)
    return unbounded > MOST_UNBOUNDED or any(nested for _, nested in repetitions)


def _repetitions(tree: Any, *, within: bool) -> Iterator[tuple[int, bool]]:
    """Yield the maximum of every repetition, and whether it is nested in another one.

    An alternative within a repetition counts as a nested repetition.
    """
    for operator, argument in tree:
        name = str(operator)
        if name in REPETITIONS:
            _, most, inner = argument
            yield int(most), within and int(most) > 1
            yield from _repetitions(inner, within=within or int(most) > 1)
        elif name == "BRANCH":
            if within:
                yield 1, True
            for branch in argument[1]:
                yield from _repetitions(branch, within=within)
        else:
            for part in argument if isinstance(argument, tuple) else (argument,):
                if hasattr(part, "data"):
                    yield from _repetitions(part, within=within)


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
    try:
        groups = re.compile(regex).groups
    except (re.error, OverflowError, RecursionError) as error:
        yield Finding(path, f"{regex!r} is not a regular expression: {error}", r"such as 'day=([0-9-]+)/'")
        return
    if groups != 1:
        remedy = "use ( ) for the date only, and (?: ) elsewhere"
        yield Finding(path, f"{regex!r} has {groups} groups; it must have one", remedy)
    if is_expensive(regex):
        remedy = "use no repetition or | within a repetition, and at most two of * and +"
        yield Finding(path, f"{regex!r} may take too long on some keys", remedy)


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
            yield Finding((*path, "cron"), f'"{trigger.cron}": {error}', remedy)
    try:
        ZoneInfo(trigger.timezone)
    except (KeyError, ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError; a folder is an OSError
        remedy = "use an IANA name, such as Europe/Zurich"
        yield Finding((*path, "timezone"), f'unknown time zone: "{trigger.timezone}"', remedy)


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
