"""Why a stage runs, or which earlier result makes it needless.

A result is identified by what went in (see `fingerprint`), so a stage whose fingerprint has a good result is
not run, even when a stage before it has to run because its own result is gone: the same would go in. Kinds
that point at another stage's result instead of having content of their own (gate, register, model, endpoint)
also run when a stage that they wait for runs. Where a result lives in a place that a later run overwrites
(endpoint, outputs at a URI of one's own), only the newest good result counts.

Two settings say that the inputs do not tell everything: `cache: false`, and `max_age`. A result made under
one of them has its run among its inputs, so what depends on it runs again whenever it does.

What somebody rolled an endpoint back from is not deployed again by itself: its result stands until something
else would be deployed.

A gate that judges by the champion's metrics is not asked again by the champion that it let through itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from stagewright.planner import fingerprint
from stagewright.planner.model import Champion, GoodResult
from stagewright.planner.stage_resolver import Prepared
from stagewright.stages.base.schema import Cache
from stagewright.stages.registry import KINDS, AnyStage
from stagewright.syntax.durations import seconds


@dataclass(frozen=True)
class Case:
    """A stage that is on. `good`: its results, newest first; `again`: of what it waits for, what runs;
    `running`: all that runs."""

    name: str
    stage: AnyStage
    prepared: Prepared
    good: Sequence[GoodResult]
    again: Sequence[str]
    running: Collection[str]


@dataclass(frozen=True)
class Judge:
    """`time`: of the run's event. `force`: all that is on runs. `displaced`: see `Recorded`."""

    time: datetime
    force: bool
    champion: Champion | None
    superseded: Mapping[str, str]

    def why(self, case: Case) -> str | GoodResult:
        """The reason, or the result."""
        if self.force:
            return "forced"
        back = [each for each in case.good if each.rolled_back]
        if same := next((each for each in back if self._same(case, each)), None):
            return same
        there = [each for each in case.good if not each.rolled_back] or back[:1]
        reason = self._why(replace(case, good=there))
        return f"{reason}; {back[0].rolled_back}" if back and isinstance(reason, str) else reason

    def _why(self, case: Case) -> str | GoodResult:
        stage, good = case.stage, case.good
        if stage.cache is False:
            return "cache is off"
        if not good:
            return self.superseded.get(case.name, "no earlier result")
        candidates = good[:1] if stage.overwrites_its_result else good
        fresh = [each for each in candidates if self._counts(each, stage)]
        same = next((each for each in fresh if self._same(case, each)), None)
        if same and not (case.again and KINDS[stage.kind].request.is_pointer):
            return same
        if not fresh and isinstance(stage.cache, Cache):
            return f"its result of {good[0].run} is older than {stage.cache.max_age}"
        difference = fingerprint.explain(good[0].inputs, case.prepared.inputs, case.running)
        return f"{case.name}: {difference or f'{case.again[0]} runs again'}"

    def _counts(self, result: GoodResult, stage: AnyStage) -> bool:
        if not isinstance(stage.cache, Cache):
            return True
        age = self.time - datetime.fromisoformat(result.ended)
        return age.total_seconds() <= seconds(stage.cache.max_age)

    def _same(self, case: Case, result: GoodResult) -> bool:
        if result.fingerprint == case.prepared.fingerprint:
            return True
        let_through = self.champion and self.champion.made_by(case.name) == result.run
        aside = (fingerprint.UNCACHED, *(["champion."] if let_through else []))
        return dict(_inputs(result.inputs, aside)) == dict(_inputs(case.prepared.inputs, aside))


def _inputs(inputs: Mapping[str, str], aside: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    return ((path, value) for path, value in inputs.items() if not path.startswith(aside))
