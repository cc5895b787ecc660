"""The stages that one run is for.

All others are off in it, and lend their last good result. `start` runs also where nothing changed, and its
result carries its run among its inputs, so that all that depends on it runs too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import asdict, dataclass

from stagewright.document.dependencies import dependencies
from stagewright.document.pipeline import Pipeline
from stagewright.errors import PlanError, Problem
from stagewright.syntax.findings import nearest

OFF = "off"
NOT_SELECTED = "not selected"
SKIPPED = "skipped in this run"
OFF_REASONS = (OFF, NOT_SELECTED, SKIPPED)
"""How the reason of a stage that is off in a run begins."""
STARTS = "the run starts from here"


@dataclass(frozen=True)
class Selection:
    """What a run was asked to leave out. `only`: these run, all where it is empty. `start`: these and all
    that depends on them run. `skip`: these do not. Names of stages."""

    only: tuple[str, ...] = ()
    start: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.only or self.start or self.skip)

    def to_json(self) -> dict[str, list[str]]:
        """Without what is empty."""
        return {name: list(value) for name, value in asdict(self).items() if value}


ALL = Selection()


@dataclass(frozen=True)
class Selected:
    """The document with all off that is not selected. `why`: stage -> the reason why it is off; `start`: what
    runs whatever has changed."""

    pipeline: Pipeline
    why: Mapping[str, str]
    start: frozenset[str] = frozenset()


def select(pipeline: Pipeline, selection: Selection) -> Selected:
    """A stage that the document has off stays off. PlanError: no such stage, or parts that contradict."""
    if problems := tuple(_problems(pipeline, selection)):
        raise PlanError(problems)
    why = {name: OFF for name, stage in pipeline.stages.items() if not stage.enabled}
    wanted = _wanted(pipeline, selection)
    why |= {name: NOT_SELECTED for name in pipeline.stages if name not in wanted and name not in why}
    why |= {name: SKIPPED for name in selection.skip if name in wanted and name not in why}
    if not selection:
        return Selected(pipeline, why)
    stages = {
        name: stage.model_copy(update={"enabled": False}) if stage.enabled and name in why else stage
        for name, stage in pipeline.stages.items()
    }
    start = frozenset(selection.start) - why.keys()
    return Selected(pipeline.model_copy(update={"stages": stages}), why, start)


def unrunnable(pipeline: Pipeline, selection: Selection) -> tuple[Problem, ...]:
    """Stages that somebody asks for by name and that would not run all the same."""
    asked = [(option, name) for option, name in _named(selection) if option != "skip"]
    off = tuple(
        Problem(option, f"{name} is off in the document", f"stages.{name}.enabled=true switches it on")
        for option, name in asked
        if name in pipeline.stages and not pipeline.stages[name].enabled
    )
    pinned = tuple(
        Problem(option, f"{name} is pinned to run {run}", f"take stages.{name}.pin off")
        for option, name in asked
        if name in pipeline.stages and (run := pipeline.stages[name].pin)
    )
    return off + pinned


def _problems(pipeline: Pipeline, selection: Selection) -> Iterator[Problem]:
    for option, name in _named(selection):
        if name not in pipeline.stages:
            yield Problem(option, f"no such stage: {name}", nearest(name, pipeline.stages, "stages"))
        elif option != "skip" and name in selection.skip:
            yield Problem(option, f"{name} is to be skipped as well", "name it once")
    if selection.only and selection.start:
        message = "a run that starts from a stage has all that depends on it"
        yield Problem("only", message, "give one of only and from; skip goes with both")


def _named(selection: Selection) -> Iterator[tuple[str, str]]:
    """(part as people call it, stage)."""
    for part, names in (("only", selection.only), ("from", selection.start), ("skip", selection.skip)):
        yield from ((part, name) for name in names)


def _wanted(pipeline: Pipeline, selection: Selection) -> Set[str]:
    if selection.start:
        return _after(selection.start, dependencies(pipeline))
    return set(selection.only or pipeline.stages)


def _after(start: Iterable[str], needs: Mapping[str, Set[str]]) -> Set[str]:
    """`start` and every stage that depends on one of them."""
    found = set(start)
    while more := {name for name, before in needs.items() if name not in found and before & found}:
        found |= more
    return found


def parse_names(given: Iterable[str]) -> tuple[str, ...]:
    """Names as a command line has them, each text with one or several: `prepare,train`."""
    names = (name.strip() for text in given for name in text.split(","))
    return tuple(dict.fromkeys(name for name in names if name))
