"""Controls: gates and approvals. What overrides and the parameters of a run may not do to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from graphlib import TopologicalSorter
from typing import Any

from stagewright.document.dependencies import dependencies
from stagewright.document.overrides import guarded_findings
from stagewright.document.pipeline import Pipeline
from stagewright.stages.registry import AnyStage
from stagewright.syntax.condition import references
from stagewright.syntax.findings import Finding

REMEDY = "change it in the repository; for one run: stagewright run {} --bypass {} --reason TEXT"
ENABLED = ("enabled", True)
EVIDENCE = ("cache", "pin")


def guarded_by(needs: Mapping[str, Set[str]], controls: Set[str]) -> dict[str, frozenset[str]]:
    """Return stage -> the controls that guard it: those that it depends on, directly or not.

    `needs`: stage -> the stages that it depends on. Raises graphlib.CycleError if they have a cycle.
    """
    before: dict[str, frozenset[str]] = {}
    for name in TopologicalSorter(needs).static_order():
        before[name] = frozenset(needs[name] & controls).union(*(before[need] for need in needs[name]))
    return before


def evidence(stage: AnyStage) -> tuple[str, ...]:
    """Return the stages whose results a gate judges. Empty for other stages."""
    sources = (reference.stage for reference in references(stage.condition)) if stage.judges else ()
    return tuple(dict.fromkeys(filter(None, sources)))


def gate_parameters(pipeline: Pipeline) -> frozenset[str]:
    """Return the parameters that the conditions of gates read."""
    read = (ref for stage in pipeline.stages.values() if stage.judges for ref in references(stage.condition))
    return frozenset(".".join(ref.path[1:]) for ref in read if ref.path[0] == "parameters")


def reviewed_parameters(pushed: Pipeline, changed: Pipeline) -> dict[str, Any]:
    """Return the pushed values of the parameters that gates read and overrides changed."""
    return {
        name: pushed.parameters[name]
        for name in sorted(gate_parameters(pushed))
        if name in pushed.parameters and pushed.parameters[name] != changed.parameters.get(name)
    }


def forbidden_findings(
    pushed: Pipeline,
    document: Mapping[str, Any],
    content: Mapping[str, Any],
    code_allowed: Callable[[], bool],
) -> list[Finding]:
    """Return the overrides that are not permitted: those of controls, and without `code_allowed` of code.

    `document`: `pushed` as JSON. `code_allowed` is called only if the answer matters.
    """
    controls = list(_control_findings(pushed, content))
    reported = {finding.path for finding in controls}
    guarded = [finding for finding in guarded_findings(document, content) if finding.path not in reported]
    return [*controls, *guarded] if guarded and not code_allowed() else controls


def _control_findings(pushed: Pipeline, content: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield the overrides that could weaken a control. No setting of an installation permits these.

    Overrides may only enable a control. They may not choose which results a gate judges either: `cache` and
    `pin` of the stage that makes them.
    """
    judged = {source: gate for gate, stage in pushed.stages.items() for source in evidence(stage)}
    for name, stage in content.get("stages", {}).items():
        if name not in pushed.stages or not isinstance(stage, Mapping):
            continue
        if pushed.stages[name].is_control:
            fields = [field for field, value in stage.items() if (field, value) != ENABLED]
            why, control = f"{name} is a control: a gate or an approval", name
        else:
            fields = [field for field in EVIDENCE if field in stage and name in judged]
            control = judged.get(name, "")
            why = f"the gate {control} judges the results of {name}"
        remedy = REMEDY.format(pushed.name, control)
        for field in fields:
            yield Finding(("stages", name, field), f"overrides may not change this field: {why}", remedy)


def dependency_findings(pushed: Pipeline, changed: Pipeline) -> Iterator[Finding]:
    """Yield the stages that no longer depend on a control because of overrides."""
    controls = frozenset(name for name, stage in pushed.stages.items() if stage.is_control and stage.enabled)
    if not controls:
        return
    before, after = (guarded_by(dependencies(pipeline), controls) for pipeline in (pushed, changed))
    for name, guards in before.items():
        for control in sorted(guards - after[name]):
            message = f"overrides may not remove its dependency on {control}"
            yield Finding(("stages", name), message, REMEDY.format(pushed.name, control))
