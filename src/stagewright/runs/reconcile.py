"""Every five minutes, what was missed: events are best effort, and a function can die between two calls."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from stagewright.aws.executions import Execution
from stagewright.document import layers
from stagewright.document.triggers import has_code_trigger
from stagewright.errors import DocumentError, NotFoundError, StagewrightError
from stagewright.gateway import Gateway
from stagewright.naming import epoch, timestamp
from stagewright.runs import approvals, closing, lifecycle, notices, queue, settings
from stagewright.runs.closing import close
from stagewright.runs.documents import layers as layers_layers
from stagewright.runs.endpoints.expiry import expire
from stagewright.runs.intake import messages
from stagewright.runs.releases import manifest as manifests
from stagewright.runs.triggers import data, schedules
from stagewright.runs.values import Asked
from stagewright.store.endpoints import EndpointRecord
from stagewright.store.run_queue import Lease
from stagewright.store.runs import Header

PATIENCE = 120
"""Seconds that the ordinary way has, before something counts as missed."""
WINDOW = 24 * 3600
"""Seconds back that manifests are looked at: longer than any delivery, retries included, takes."""
MINUTE = 60
HELD_AT_MOST = 3600
"""Seconds that a run may hold its pipeline's lease without an execution."""
OPEN_LIMIT = 50_000
"""Open runs looked at in one sweep, oldest first."""


@dataclass(frozen=True)
class Repair:
    """One thing that was put right: `what` is requeued, started, closed, expired, decided or called.
    `ids`: run and pipeline, as far as it is about one, for the log."""

    what: str
    subject: str
    ids: Mapping[str, str] = field(default_factory=dict, compare=False)


def sweep(gateway: Gateway, patience: float = PATIENCE) -> list[Repair]:
    """All repairs that were needed. One that fails stops no other; StagewrightError names it at the end."""
    repairs: list[Repair] = []
    failed: list[str] = []
    logger = settings.logger()
    for subject, act in _jobs(gateway, time.time() - patience):
        try:
            repair = act()
        except Exception as error:
            logger.exception("a repair failed", subject=subject)
            failed.append(f"{subject}: {error}")
            continue
        if repair:
            about: dict[str, Any] = {"repair": repair.what, "subject": repair.subject, **repair.ids}
            logger.warning("repaired", metric="Repairs", value=1, **about)
            repairs.append(repair)
    if failed:
        raise StagewrightError(
            f"{len(failed)} repairs failed: {'; '.join(failed)}", "the next sweep tries again"
        )
    return repairs


def _jobs(gateway: Gateway, before: float) -> Iterator[tuple[str, Callable[[], Repair | None]]]:
    """What to look at, and how: each by itself, so that each may fail by itself."""
    for found in list(gateway.objects.list(manifests.FOLDER)):
        pipeline = manifests.pipeline_of(found.key)
        if pipeline and found.modified > before - WINDOW:
            yield found.key, partial(_requeue, gateway, pipeline, before)
    for item in data.overdue(gateway, before):
        yield item, partial(_settled, gateway, item)
    yield "the clock", partial(_ticked, gateway, before)
    headers = gateway.runs.open_runs(OPEN_LIMIT)
    _tell_age(headers[:1])
    waiting: dict[str, list[Header]] = {}
    for header in headers:
        if header.status == "QUEUED":
            waiting.setdefault(header.pipeline, []).append(header)
        elif _created(header) <= before:
            yield header.run, partial(_settle, gateway, header, before)
    for pipeline, queued in waiting.items():
        yield f"the turns of {pipeline}", partial(_turns, gateway, pipeline, queued, before)
    for served in gateway.endpoint_records.expired(timestamp(datetime.now(UTC))):
        yield f"endpoint {served.name}", partial(_expire, gateway, served)


def _expire(gateway: Gateway, item: EndpointRecord) -> Repair | None:
    return Repair("expired", item.name) if expire(gateway, item) else None


def _tell_age(oldest: Sequence[Header]) -> None:
    """An alarm looks at it: seconds since the oldest open run began, where there is one."""
    for header in oldest:
        age = round(time.time() - _created(header))
        settings.logger().info("oldest open run", metric="OldestRun", value=age, **_ids(header))


def _ids(header: Header) -> dict[str, Any]:
    return {"run": header.run, "pipeline": header.pipeline}


def _created(header: Header) -> float:
    return datetime.fromisoformat(header.created).timestamp()


def _requeue(gateway: Gateway, pipeline: str, before: float) -> Repair | None:
    """Sends the event again of each version of the manifest that no run has claimed."""
    lost: list[str] = []
    for found in gateway.objects.versions(manifests.key_of(pipeline)):
        if found.modified < before - WINDOW:
            break
        key = manifests.code_key(pipeline, found.version)
        if found.modified <= before and gateway.runs.claimed(key) is None:
            lost.append(found.version)
            if not _asks_for_runs(gateway, pipeline):
                return None
            written = timestamp(datetime.fromtimestamp(found.modified, UTC))
            gateway.queue.send(messages.release_event(gateway.installation, pipeline, found.version, written))
    return Repair("requeued", f"{pipeline}: {', '.join(lost)}", {"pipeline": pipeline}) if lost else None


def _settled(gateway: Gateway, item: str) -> Repair | None:
    key = data.check(gateway, item)
    return Repair("settled", key) if key else None


def _ticked(gateway: Gateway, before: float) -> Repair | None:
    """For where the rule `tick` has not come for so long; the very first tick is the rule's own."""
    last = gateway.trigger_state.last_tick()
    if not last or epoch(last) > before - MINUTE:
        return None
    count = schedules.tick(gateway, datetime.now(UTC))
    return Repair("ticked", f"{count} runs since {last}") if count else None


def _asks_for_runs(gateway: Gateway, pipeline: str) -> bool:
    """A run whose document is missing or wrong is refused, which people can see: so that counts as asking."""
    try:
        effective = layers.effective(layers_layers.read(gateway, pipeline), settings.code_overrides)
    except (NotFoundError, DocumentError):
        return True
    return has_code_trigger(effective.layers.document())


def _settle(gateway: Gateway, header: Header, before: float) -> Repair | None:
    if header.status == "PLANNED":
        return _start(gateway, header)
    try:
        status = closing.record(gateway, header.execution)
    except NotFoundError:
        status = _lost(gateway, header)
    if status:
        return Repair("closed", header.run, _ids(header))
    decided = approvals.catch_up(gateway, header.run, timestamp(datetime.fromtimestamp(before, UTC)))
    stages = ", ".join(each.stage for each in decided)
    return Repair("decided", f"{header.run}: {stages}", _ids(header)) if decided else None


def _start(gateway: Gateway, header: Header) -> Repair | None:
    try:
        lifecycle.go_on(gateway, header.run)
    except StagewrightError as error:
        if not gateway.runs.is_open(header.run):
            return Repair("closed", header.run, _ids(header))
        lease = gateway.run_queue.lease(header.pipeline)
        since = lease.since if lease and lease.holder == header.run else header.created
        if _is_fresh(since) or gateway.executions.exists(header.run):
            raise
        return _given_up(gateway, header, f"it could not be started: {error.message}")
    return Repair("started", header.run, _ids(header))


def _turns(gateway: Gateway, pipeline: str, headers: Sequence[Header], before: float) -> Repair | None:
    """Looks whose turn it is. A run that did nothing about its turn, or stopped nobody, is told again."""
    lease = gateway.run_queue.lease(pipeline)
    called = queue.call(gateway, pipeline)
    if called and (lease is None or called != lease.holder):
        return Repair("called", called, {"run": called, "pipeline": pipeline})
    late = {header.run: header for header in headers if _created(header) <= before}
    if lease and called in late and epoch(lease.since) <= before:
        if _is_hopeless(lease, before):
            why = f"{lease.attempts} attempts to plan and start it came to no end"
            return _given_up(gateway, late[called], why)
        queue.tell(gateway, called)
        return Repair("called", called, {"run": called, "pipeline": pipeline})
    stops = [run for run, header in late.items() if run != called and Asked.of(header).cancels]
    if stops:
        queue.tell(gateway, stops[-1])
    return Repair("called", stops[-1], {"run": stops[-1], "pipeline": pipeline}) if stops else None


def _is_hopeless(lease: Lease, before: float) -> bool:
    """Every attempt was begun and the last one is no longer under way; or no router has come at all."""
    if lease.attempts >= lifecycle.ATTEMPTS and epoch(lease.last_attempt_at) <= before:
        return True
    return not _is_fresh(lease.since)


def _is_fresh(since: str) -> bool:
    return time.time() - epoch(since) < HELD_AT_MOST


def _given_up(gateway: Gateway, header: Header, why: str) -> Repair | None:
    """Lest a run that nobody can start keeps its pipeline from running at all."""
    return Repair("closed", header.run, _ids(header)) if lifecycle.give_up(gateway, header.run, why) else None


def _lost(gateway: Gateway, header: Header) -> str | None:
    """Step Functions forgets an execution 90 days after its end (service quotas)."""
    now = time.time()
    cause = "its execution is gone: deleted, or ended more than 90 days ago"
    status = close(
        gateway, header, Execution(header.execution, "FAILED", now, now, "Stagewright.Lost", cause)
    )
    if status:
        notices.notify(gateway, header, cause)
    return status
