"""How many history events a run makes. Step Functions ends an execution at 25,000 (service quotas).

The figures per stage are those of the walker, which its tests count on a real engine; waits come on top.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stagewright.errors import Problem
from stagewright.planner.model import Plan, StagePlan
from stagewright.stages.registry import KINDS

LIMIT = 25_000
RUN, WAVE, PAGE, CHAIN = 11, 6, 11, 2
METRICS, LOOK, ATTEMPT = 5, 7, 17
"""Of reading a metrics file, of looking at gates beside, of an attempt that failed."""
WAIT, POLL = 9, 40
"""Events of one look at what takes its time, and the most seconds between two."""


def least(plan: Plan) -> int:
    """Of a run in which all ends well at once, each wave on one page."""
    stages = {stage.name: stage for stage in plan.stages}
    total = RUN + (WAVE + PAGE) * len(plan.waves)
    for chain in (chain for wave in plan.waves for chain in wave):
        total += CHAIN + sum(_least(stages[name]) for name in chain)
    return total


def most(plan: Plan) -> int:
    """Of a run in which every attempt is needed, and every wait lasts as long as it may."""
    return least(plan) + sum(_waits(stage) for stage in plan.stages if stage.action == "run")


def refused(plan: Plan) -> Iterator[Problem]:
    """A run that cannot come to its end."""
    if (count := least(plan)) > LIMIT:
        message = f"the run makes {count:,} history events, and Step Functions ends it at {LIMIT:,}"
        yield Problem("stages", message, "split the pipeline in two, the second with an upstream trigger")


def warnings(plan: Plan) -> Sequence[str]:
    """What may keep a run from its end."""
    if (count := most(plan)) <= LIMIT:
        return ()
    return (f"with all attempts and waits the run makes {count:,} history events, {LIMIT:,} at most",)


def _least(stage: StagePlan) -> int:
    metrics = METRICS if stage.metrics else 0
    return KINDS[stage.kind].request.history_events + metrics + (LOOK if stage.watch else 0)


def _waits(stage: StagePlan) -> int:
    looks = stage.timeout // POLL if KINDS[stage.kind].request.polls else 0
    return ATTEMPT * (stage.attempts - 1) + WAIT * looks
