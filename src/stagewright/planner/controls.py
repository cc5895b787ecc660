"""Controls: gates and approvals, and the stages that they guard.

A control guards every stage that depends on it, directly or not. A guarded stage runs only if each control
before it is in force. A control is in force if

- it runs in this run: the state machine then decides whether the guarded stages run,
- it has a result that this run would reuse if it were selected: with the same inputs, not rejected since, and
  not older than the results that it judged,
- the request bypasses it.

A control that the pushed document disables or pins counts as removed: that was reviewed. So was the `only` of
a document's trigger. If such a run leaves out a control, it suffices that the results that a stage uses were
made behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from stagewright.document.expansion import instances_of
from stagewright.document.pipeline import Pipeline
from stagewright.document.triggers import trigger_name
from stagewright.errors import Problem
from stagewright.planner.model import GoodResult, Trigger
from stagewright.planner.selection import OFF, Selected


def controls(selected: Selected, bypass: Sequence[str]) -> frozenset[str]:
    """Return the controls that must be in force."""
    stages = selected.pipeline.stages
    return frozenset(
        name
        for name, stage in stages.items()
        if stage.is_control and not stage.pin and selected.why.get(name) != OFF and name not in bypass
    )


def selected_by_document(pipeline: Pipeline, trigger: Trigger) -> bool:
    """Return whether the run's stages are the `only` of the document's trigger that requested it."""
    if not trigger.only or trigger.start or trigger.skip or trigger.bypass:
        return False
    return any(
        trigger_name(declared.filter) == trigger.name
        and instances_of(pipeline, declared.only) == trigger.only
        for declared in pipeline.triggers
    )


def made_behind(
    control: str,
    stage: str,
    inputs: Mapping[str, str],
    needs: Mapping[str, Set[str]],
    guards: Mapping[str, Set[str]],
    results: Mapping[str, Sequence[GoodResult]],
) -> bool:
    """Return whether a result of `stage` was made behind a control whose result still counts.

    `inputs`: of the result's fingerprint. They name the results that it was made from.
    """
    for need in needs[stage]:
        if need != control and control not in guards[need]:
            continue
        fingerprint = inputs.get(f"upstream.{need}")
        used = next((good for good in results.get(need, ()) if good.fingerprint == fingerprint), None)
        if used is None:
            return False
        if need != control and not made_behind(control, need, used.inputs, needs, guards, results):
            return False
    return True


def lapse_problem(path: str, stage: str, control: str, why: str) -> Problem:
    """Return the problem of a stage that does not run because a control is not in force."""
    remedy = f"let {control} run too, or add --bypass {control} --reason TEXT"
    return Problem(path, f"{stage} is guarded by {control} ({why})", remedy)
