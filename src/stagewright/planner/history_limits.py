"""The number of history events of a run. Step Functions ends an execution at 25,000 (service quotas).

The numbers are those of the state machine's walker. Its tests count them on a real engine.
"""

from __future__ import annotations

from collections.abc import Iterator

from stagewright.errors import Problem
from stagewright.planner.model import Plan, StagePlan
from stagewright.stages.registry import KINDS

LIMIT = 25_000
"""Maximum number of history events of an execution."""
RUN, WAVE, PAGE, CHAIN = 11, 6, 11, 2
"""Events of a run, a wave, a page and a chain, without what they contain."""
METRICS, WATCH, ATTEMPT = 5, 7, 17
"""Events of reading a metrics file, of checking watched gates, and of a failed attempt."""
POLL, POLL_SECONDS = 9, 40
"""Events of one poll, and the maximum seconds between two polls."""


def minimum(plan: Plan) -> int:
    """Return the events of a run without retries and waits, in which each wave has one page."""
    stages = {stage.name: stage for stage in plan.stages}
    total = RUN + (WAVE + PAGE) * len(plan.waves)
    for chain in (chain for wave in plan.waves for chain in wave):
        total += CHAIN + sum(_minimum(stages[name]) for name in chain)
    return total


def maximum(plan: Plan) -> int:
    """Return the events of a run that needs every attempt, and waits until every time limit."""
    return minimum(plan) + sum(_delays(stage) for stage in plan.stages if stage.action == "run")


def problems(plan: Plan) -> Iterator[Problem]:
    """Yield a problem if Step Functions would end the run in any case."""
    if (count := minimum(plan)) > LIMIT:
        message = f"the run has {count:,} history events; Step Functions ends it at {LIMIT:,}"
        yield Problem("stages", message, "split the pipeline in two, the second with an upstream trigger")


def warnings(plan: Plan) -> Iterator[str]:
    """Yield a warning if Step Functions may end the run."""
    if (count := maximum(plan)) > LIMIT:
        yield f"with all attempts and waits, the run has {count:,} history events; the limit is {LIMIT:,}"


def _minimum(stage: StagePlan) -> int:
    metrics = METRICS if stage.metrics else 0
    return KINDS[stage.kind].request.history_events + metrics + (WATCH if stage.watch else 0)


def _delays(stage: StagePlan) -> int:
    polls = stage.timeout // POLL_SECONDS if KINDS[stage.kind].request.polls else 0
    return ATTEMPT * (stage.attempts - 1) + POLL * polls
