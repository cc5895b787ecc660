"""Selection: which stages of the document a run includes.

Other stages are disabled for the run and reuse their last good result. The `start` stages run even if nothing
changed. Their results have the run among their inputs, so that the stages that depend on them run too.

Gates and approvals in `bypass` do not run either, and the stages that they guard run without them. See
`controls`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import asdict, dataclass

from stagewright.document.dependencies import dependencies
from stagewright.document.expansion import instances_of
from stagewright.document.pipeline import Pipeline
from stagewright.errors import PlanError, Problem
from stagewright.naming import stage_of
from stagewright.syntax.findings import nearest

OFF = "off"
NOT_SELECTED = "not selected"
SKIPPED = "skipped in this run"
BYPASSED = "bypassed"
OFF_REASONS = (OFF, NOT_SELECTED, SKIPPED, BYPASSED)
"""Prefixes of the reason of a stage that is disabled in a run."""
REASON_LIMIT = 1_000
"""Characters of the reason of a bypass."""
STARTS = "the run starts from here"


@dataclass(frozen=True)
class Selection:
    """Names of the stages that a run includes or leaves out.

    Fields:
        only: Only these run. Empty: all.
        start: These, and all stages that depend on them, run.
        skip: These do not run.
        bypass: The gates and approvals that the run does without.
        reason: Why it does without them.
    """

    only: tuple[str, ...] = ()
    start: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    bypass: tuple[str, ...] = ()
    reason: str = ""

    def __bool__(self) -> bool:
        return bool(self.only or self.start or self.skip or self.bypass)

    def of_instances(self, pipeline: Pipeline) -> Selection:
        """Return the selection with all instances of a stage in place of its name.

        `pipeline`: expanded, see `document.expansion`.
        """
        only, start, skip, bypass = (
            instances_of(pipeline, names) for names in (self.only, self.start, self.skip, self.bypass)
        )
        return Selection(only, start, skip, bypass, self.reason)

    def to_json(self) -> dict[str, list[str] | str]:
        """Return the selection as JSON, without empty fields."""
        fields = asdict(self).items()
        return {name: list(value) if isinstance(value, tuple) else value for name, value in fields if value}


ALL = Selection()


@dataclass(frozen=True)
class Selected:
    """A document in which the stages that are not selected are disabled.

    Fields:
        why: Disabled stage -> the reason.
        start: The stages that run even if nothing changed.
    """

    pipeline: Pipeline
    why: Mapping[str, str]
    start: frozenset[str] = frozenset()


def select(pipeline: Pipeline, selection: Selection) -> Selected:
    """Apply a selection to a document. Disabled stages stay disabled. The name of a stage with `for_each`
    selects all its instances.

    Raises PlanError for an unknown stage, or a contradiction.
    """
    selection = selection.of_instances(pipeline)
    if problems := tuple(_problems(pipeline, selection)):
        raise PlanError(problems)
    why = {name: OFF for name, stage in pipeline.stages.items() if not stage.enabled}
    included = _included(pipeline, selection)
    why |= dict.fromkeys(selection.bypass, f"{BYPASSED}: {selection.reason}")
    why |= {name: NOT_SELECTED for name in pipeline.stages if name not in included and name not in why}
    why |= {name: SKIPPED for name in selection.skip if name in included and name not in why}
    if not selection:
        return Selected(pipeline, why)
    stages = {
        name: stage.model_copy(update={"enabled": False}) if stage.enabled and name in why else stage
        for name, stage in pipeline.stages.items()
    }
    start = frozenset(selection.start) - why.keys()
    return Selected(pipeline.model_copy(update={"stages": stages}), why, start)


def unrunnable(pipeline: Pipeline, selection: Selection) -> tuple[Problem, ...]:
    """Return a problem for each stage that is selected by name, but disabled or pinned in the document."""
    named = [(option, name) for option, name in _named(selection) if option in ("only", "from")]
    disabled = tuple(
        Problem(option, f"{name} is disabled in the document", f"set stages.{name}.enabled=true")
        for option, name in named
        if name in pipeline.stages and not pipeline.stages[name].enabled
    )
    pinned = tuple(
        Problem(option, f"{name} is pinned to run {run}", f"remove stages.{name}.pin")
        for option, name in named
        if name in pipeline.stages and (run := pipeline.stages[name].pin)
    )
    return disabled + pinned


def _problems(pipeline: Pipeline, selection: Selection) -> Iterator[Problem]:
    for option, name in _named(selection):
        if name not in pipeline.stages:
            if not _may_be_instance(pipeline, name):
                yield Problem(option, f"no such stage: {name}", nearest(name, pipeline.stages, "stages"))
        elif option != "skip" and name in selection.skip:
            yield Problem(option, f"{name} is also skipped", "name it once")
        elif option in ("only", "from") and name in selection.bypass:
            yield Problem(option, f"{name} is also bypassed", "name it once")
        elif option == "bypass" and not (pipeline.stages[name].is_control and pipeline.stages[name].enabled):
            message = f"{name} is not an enabled gate or approval"
            yield Problem(option, message, f"leave out --bypass {name}")
    if len(selection.reason) > REASON_LIMIT:
        message = f"it has {len(selection.reason):,} characters; the maximum is {REASON_LIMIT:,}"
        yield Problem("reason", message, "shorten it")
    if bool(selection.bypass) != bool(selection.reason.strip()):
        yield Problem("bypass", "--bypass and --reason belong together", "add --bypass STAGE --reason TEXT")
    if selection.only and selection.start:
        message = "a run that starts from a stage includes all stages that depend on it"
        yield Problem("only", message, "use either only or from; skip can be combined with both")


def _may_be_instance(pipeline: Pipeline, name: str) -> bool:
    """Return whether the name may be an instance of a document that is not expanded yet."""
    stage = pipeline.stages.get(stage_of(name))
    return stage is not None and stage.for_each is not None


def _named(selection: Selection) -> Iterator[tuple[str, str]]:
    """Yield (option, stage). Options are named as on the command line."""
    parts = {
        "only": selection.only,
        "from": selection.start,
        "skip": selection.skip,
        "bypass": selection.bypass,
    }
    for part, names in parts.items():
        yield from ((part, name) for name in names)


def _included(pipeline: Pipeline, selection: Selection) -> Set[str]:
    if selection.start:
        return _after(selection.start, dependencies(pipeline))
    return set(selection.only or pipeline.stages)


def _after(start: Iterable[str], needs: Mapping[str, Set[str]]) -> Set[str]:
    """Return `start` and every stage that depends on one of them."""
    included = set(start)
    while more := {name for name, stages in needs.items() if name not in included and stages & included}:
        included |= more
    return included


def parse_names(values: Iterable[str]) -> tuple[str, ...]:
    """Parse the values of a command-line option, each with one or more names: `prepare,train`."""
    names = (name.strip() for value in values for name in value.split(","))
    return tuple(dict.fromkeys(name for name in names if name))
