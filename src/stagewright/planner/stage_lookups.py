"""What replaces the references of a stage: symbols for its fingerprint, values for its requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stagewright.document.pipeline import Pipeline
from stagewright.errors import PlanError, Problem
from stagewright.planner.champion_metrics import champion_metric
from stagewright.planner.model import Binding, Recorded, StagePlan, Trigger
from stagewright.planner.values import Lookup, Values, document_values, lookup
from stagewright.syntax.findings import nearest
from stagewright.syntax.references import Reference


class StageLookups:
    """Finds the values of references to the document, the trigger and the `stages` planned so far."""

    def __init__(
        self,
        pipeline: Pipeline,
        trigger: Trigger,
        recorded: Recorded,
        run: str,
        stages: Mapping[str, StagePlan],
    ) -> None:
        self.values = document_values(pipeline, trigger, recorded.installation, run)
        self.symbols = document_values(pipeline, trigger, recorded.installation, "<run>")
        self._reviewed = _reviewed_values(pipeline, trigger, recorded, run)
        self._champion = recorded.champion
        self._stages = stages

    def symbol(self, reference: Reference) -> Any:
        """Return a document value as it is, and a symbol for the result of a stage."""
        if reference.gathered:
            return f"<{'.'.join(reference.path[1:])}>/"
        if not reference.stage:
            return reference.text if reference.of_champion else lookup(self.symbols, reference)
        return f"<{'.'.join(reference.path[1:])}>"

    def of_run(self, name: str, bindings: dict[str, Binding], reused: list[Any]) -> Lookup:
        """Return a lookup for values of a run.

        A value that only the run will know becomes a token, and is added to `bindings`. A value of a reused
        result is added to `reused`.
        """

        def value(reference: Reference) -> Any:
            if reference.of_champion:
                return champion_metric(name, reference, self._champion)
            if not reference.stage:
                return lookup(self.values, reference)
            source = self._stages[reference.stage]
            path = reference.path[2:]
            if source.action == "reuse":
                reused.append(_recorded_value(name, source, path))
                return reused[-1]
            if path[0] == "outputs" and source.attempts == 1:
                return source.outputs[path[1]]
            token = f"<<{'.'.join(reference.path[1:])}>>"
            bindings[token] = Binding(token, reference.path[1:])
            return token

        return value

    def with_reviewed(self, find: Lookup) -> Lookup:
        """Return a lookup that has the values of the pushed document for parameters that the run changed."""

        def value(reference: Reference) -> Any:
            return self._reviewed[reference.path] if reference.path in self._reviewed else find(reference)

        return value


def _reviewed_values(pipeline: Pipeline, trigger: Trigger, recorded: Recorded, run: str) -> Values:
    """Return the parameters as the pushed document has them, where the run has others: path -> value."""
    pushed = pipeline.model_copy(update={"parameters": {**pipeline.parameters, **recorded.reviewed}})
    values = document_values(pushed, trigger, recorded.installation, run)
    return {("parameters", name): values["parameters", name] for name in recorded.reviewed}


def _recorded_value(name: str, source: StagePlan, path: tuple[str, ...]) -> Any:
    """Return a value of a reused result. Raises PlanError if it has no such value."""
    value: Any = source.result
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    if value is None:
        message = f"{source.name} has no {'.'.join(path)} in run {source.reused_from}, whose result is reused"
        known = source.result.get(path[0])
        has = nearest(path[-1], known, "it has") if len(path) > 1 and isinstance(known, Mapping) else ""
        remedy = "; or ".join(filter(None, (has, f"run {source.name} again")))
        raise PlanError((Problem(f"stages.{name}", message, remedy),))
    return value
