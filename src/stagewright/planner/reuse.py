"""Whether a stage runs, or reuses an earlier result.

- A result is identified by its inputs (see `fingerprint`). A stage with a good result for the same
  fingerprint is not run, even if an earlier stage runs because its own result is gone: the inputs would be
  the same.
- A stage of a pointer kind (its result points at results of other stages) has no content of its own. It also
  runs whenever a stage that it depends on runs.
- If a later run overwrites the location of a result (an endpoint, outputs at your own URI), only the newest
  good result counts.
- `cache: false` and `cache: {max_age: ...}` mean that the inputs do not determine the result. A result made
  under either has its run among its inputs, so that the stages that depend on it run again too.
- A version from which an endpoint was rolled back is not deployed again: its result is reused until something
  else would be deployed.
- A gate that compares with a champion is not run again just because it let that champion through.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from stagewright.planner import fingerprint
from stagewright.planner.model import Champion, GoodResult
from stagewright.planner.resolved_stage import ResolvedStage
from stagewright.stages.base.schema import Cache
from stagewright.stages.registry import KINDS, AnyStage
from stagewright.syntax.durations import seconds


@dataclass(frozen=True)
class ReuseCase:
    """An enabled stage.

    Fields:
        results: Its good results, newest first.
        rerun: The stages that it depends on and that run.
        running: All stages that run.
    """

    name: str
    stage: AnyStage
    resolved: ResolvedStage
    results: Sequence[GoodResult]
    rerun: Sequence[str]
    running: Collection[str]


@dataclass(frozen=True)
class ReusePolicy:
    """What decides on reuse, apart from the stage itself.

    Fields:
        time: The time of the run's event.
        force: Whether every enabled stage runs.
        superseded: See `Recorded`.
    """

    time: datetime
    force: bool
    champion: Champion | None
    superseded: Mapping[str, str]

    def decide(self, case: ReuseCase) -> str | GoodResult:
        """Return the reason why the stage runs, or the result to reuse."""
        if self.force:
            return "forced"
        rolled_back = [result for result in case.results if result.rolled_back]
        if same := next((result for result in rolled_back if self._same_inputs(case, result)), None):
            return same
        standing = [result for result in case.results if not result.rolled_back] or rolled_back[:1]
        decision = self._decide(replace(case, results=standing))
        if rolled_back and isinstance(decision, str):
            return f"{decision}; {rolled_back[0].rolled_back}"
        return decision

    def _decide(self, case: ReuseCase) -> str | GoodResult:
        stage, results = case.stage, case.results
        if stage.cache is False:
            return "cache is off"
        if not results:
            return self.superseded.get(case.name, "no earlier result")
        candidates = results[:1] if stage.overwrites_its_result else results
        fresh = [result for result in candidates if self._is_fresh(result, stage)]
        same = next((result for result in fresh if self._same_inputs(case, result)), None)
        if same and not (case.rerun and KINDS[stage.kind].request.is_pointer):
            return same
        if not fresh and isinstance(stage.cache, Cache):
            return f"its result of {results[0].run} is older than {stage.cache.max_age}"
        difference = fingerprint.explain(results[0].inputs, case.resolved.inputs, case.running)
        return f"{case.name}: {difference or f'{case.rerun[0]} runs again'}"

    def expired(self, result: GoodResult, stage: AnyStage) -> str:
        """Return why the stage's `cache` does not allow the result, or "" if it does."""
        if stage.cache is False:
            return "cache is off"
        if isinstance(stage.cache, Cache) and not self._is_fresh(result, stage):
            return f"it is older than {stage.cache.max_age}"
        return ""

    def _is_fresh(self, result: GoodResult, stage: AnyStage) -> bool:
        if not isinstance(stage.cache, Cache):
            return True
        age = self.time - datetime.fromisoformat(result.ended)
        return age.total_seconds() <= seconds(stage.cache.max_age)

    def _same_inputs(self, case: ReuseCase, result: GoodResult) -> bool:
        if result.fingerprint == case.resolved.fingerprint:
            return True
        made_champion = self.champion and self.champion.made_by(case.name) == result.run
        ignored = (fingerprint.UNCACHED, *(["champion."] if made_champion else []))
        return dict(_inputs(result.inputs, ignored)) == dict(_inputs(case.resolved.inputs, ignored))


def _inputs(inputs: Mapping[str, str], ignored: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    return ((path, value) for path, value in inputs.items() if not path.startswith(ignored))
