"""What a run used and cost, from the jobs that it started: read when the run has ended.

The plan pins the prices, so the same run always costs the same. A job that is stopping, or a warm pool that
waits for the next job, is not final: the sweeper counts the run again until everything is.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from functools import partial
from math import ceil
from typing import Any

from stagewright.aws.used_time import NOTHING, UsedTime
from stagewright.catalog.prices import DPUS
from stagewright.errors import StagewrightError
from stagewright.gateway import Gateway
from stagewright.parallel import run_parallel
from stagewright.planner.cost import amount
from stagewright.runs.settings import Runtime
from stagewright.runs.stored_plan import PlannedStage, recorded_stages
from stagewright.stages.base.usage import HOUR
from stagewright.stages.registry import recorded_kind
from stagewright.store.run_items import Header, StageItem

WITHOUT_JOB = ("NOT_RUN", "SKIPPED")
"""Statuses of stages that started nothing."""
GLUE_MINIMUM = 60
"""Seconds that a Glue job run is billed at least (AWS Glue pricing)."""


@dataclass(frozen=True)
class StageUsage:
    """What the jobs of a stage used, all attempts together.

    seconds    instance type -> billed instance-seconds
    saved      instance-seconds that Spot instances saved
    cost       decimal, empty without prices
    unpriced   instance types without a price, which `cost` leaves out
    """

    seconds: Mapping[str, int]
    saved: int
    cost: str
    unpriced: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunCost:
    """What a run cost. `amount` is decimal, empty without prices. `final`: it does not change anymore."""

    amount: str
    currency: str
    prices_of: str
    seconds: int
    saved: int
    unpriced: tuple[str, ...] = ()
    final: bool = True

    @classmethod
    def of(cls, header: Header) -> RunCost | None:
        """Return the recorded cost of a run. None: it is not counted yet."""
        if not header.cost:
            return None
        data = json.loads(header.cost)
        return cls(**{**data, "unpriced": tuple(data["unpriced"])})


@dataclass(frozen=True)
class Usage:
    """The counted usage of a run, by stage."""

    cost: RunCost
    stages: Mapping[str, StageUsage] = field(default_factory=dict)


def count(gateway: Gateway, run: str) -> Usage | None:
    """Record what an ended run used and cost. Safe to repeat. None: there is no such run, or it is open."""
    header = gateway.runs.header(run)
    if header is None or header.is_open:
        return None
    if (counted := read(gateway, header)) and counted.cost.final:
        gateway.runs.stop_counting(run)
        return counted
    planned = {plan.name: plan for plan in recorded_stages(gateway, header)}
    jobs = list(_jobs(gateway, header, planned.values()))
    times: defaultdict[str, list[UsedTime]] = defaultdict(list)
    for (stage, *_), time in zip(jobs, run_parallel(partial(_time, gateway), jobs), strict=True):
        times[stage.name].append(time)
    stages = {name: _stage(planned[name], used, header.currency) for name, used in times.items()}
    final = all(time.final for used in times.values() for time in used)
    usage = Usage(_total(header, stages.values(), final=final), stages)
    content = {name: asdict(stage) for name, stage in stages.items()}
    gateway.runs.put_usage(run, json.dumps(content), json.dumps(asdict(usage.cost)), final=final)
    return usage


def record(runtime: Runtime, run: str) -> None:
    """As `count`. An error is logged and not raised: no run depends on its cost. The sweeper tries again."""
    try:
        count(runtime.gateway, run)
    except StagewrightError as error:
        runtime.log.warning("usage not recorded", run=run, reason=error.message)


def read(gateway: Gateway, header: Header) -> Usage | None:
    """Return the recorded usage of a run. None: it is not counted yet."""
    cost = RunCost.of(header)
    if cost is None:
        return None
    stages = {
        name: StageUsage(**{**stage, "unpriced": tuple(stage["unpriced"])})
        for name, stage in gateway.runs.usage(header.run).items()
    }
    return Usage(cost, stages)


_Job = tuple[PlannedStage, str, str]
"""Stage, service and name of a job."""


def _jobs(gateway: Gateway, header: Header, planned: Collection[PlannedStage]) -> Iterator[_Job]:
    """Yield every job that the run may have started. A tuning job stands for its training jobs."""
    items = gateway.runs.stages(header.run)
    retried = any(stage.attempts > 1 for stage in planned)
    failed = Counter(attempt.stage for attempt in gateway.runs.attempts(header.run)) if retried else Counter()
    for stage in planned:
        service = recorded_kind(stage.kind).schema.job_service
        if stage.action != "run" or service == "none" or not _started(items.get(stage.name)):
            continue
        for attempt in range(1, failed[stage.name] + 2):
            job = stage.job_of(attempt)
            if service == "tuning":
                yield from ((stage, "training", name) for name in gateway.used_times.trainings(job))
            else:
                yield stage, service, job


def _started(item: StageItem | None) -> bool:
    return item is None or item.status not in WITHOUT_JOB


def _time(gateway: Gateway, job: _Job) -> UsedTime:
    stage, service, name = job
    if service != "glue":
        return gateway.used_times.of(service, name)
    run = gateway.glue.find(stage.definition, name)
    if run is None:
        return NOTHING
    size = f"glue.{run.size}"
    seconds = run.workers * _billed(run.seconds)
    if run.dpu_seconds:
        seconds = run.dpu_seconds / float(DPUS.get(size, 1))
    return UsedTime({size: ceil(seconds)} if seconds else {}, final=run.ended is not None)


def _billed(seconds: int) -> int:
    return max(GLUE_MINIMUM, seconds) if seconds else 0


def _stage(stage: PlannedStage, used: Iterable[UsedTime], currency: str) -> StageUsage:
    prices = {use["instance_type"]: use.get("price", "") for use in stage.uses}
    seconds: Counter[str] = Counter()
    saved = 0
    for time in used:
        seconds.update(time.seconds)
        saved += time.saved
    unpriced = tuple(sorted(name for name in seconds if not prices.get(name)))
    cost = sum(
        (
            Decimal(count) / HOUR * Decimal(prices[name])
            for name, count in seconds.items()
            if prices.get(name)
        ),
        Decimal(0),
    )
    return StageUsage(dict(seconds), saved, str(amount(cost)) if currency else "", unpriced)


def _total(header: Header, stages: Iterable[StageUsage], *, final: bool) -> RunCost:
    stages = list(stages)
    cost = sum((Decimal(stage.cost) for stage in stages if stage.cost), Decimal(0))
    unpriced: dict[str, Any] = {name: None for stage in stages for name in stage.unpriced}
    return RunCost(
        str(amount(cost)) if header.currency else "",
        header.currency,
        header.prices_of,
        sum(sum(stage.seconds.values()) for stage in stages),
        sum(stage.saved for stage in stages),
        tuple(sorted(unpriced)) if header.currency else (),
        final,
    )
