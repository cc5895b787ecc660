"""Backfills: one run for each date of a time span, a limited number at a time.

A backfill's id follows from everything that decides what its runs do, and a run's key follows from the id,
the date and the attempt. So a repeated request finds the existing runs by their keys, whatever died in
between. An event that may not have been sent is sent again, and starts no second run.

All runs use one revision of the document and one release. Both are pinned when the backfill begins.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from stagewright.document.expansion import expanded
from stagewright.document.layers import Effective, effective
from stagewright.document.parameters import with_parameters
from stagewright.document.pipeline import Pipeline
from stagewright.errors import DocumentError, PlanError, Problem, ReleaseError, TargetError
from stagewright.naming import timestamp
from stagewright.operator_gateway import OperatorGateway
from stagewright.parallel import run_parallel
from stagewright.planner.model import Trigger
from stagewright.planner.release import Release
from stagewright.planner.selection import Selection, select
from stagewright.planner.values import document_values
from stagewright.runs import closing
from stagewright.runs.documents import revisions
from stagewright.runs.own_events import request_key
from stagewright.runs.releases import manifest as manifests
from stagewright.runs.releases import released_layers
from stagewright.runs.requests import send_request
from stagewright.syntax.dates import Every, next_after, periods

TYPE = "backfill"
ITEM = "backfill#"
PATIENCE = 90.0
"""Seconds that an event may take to become a run."""


@dataclass(frozen=True)
class Backfill:
    """A request for runs of several dates.

    `first`, `last`, `every`: as in `syntax.dates.periods`. `only`, `skip`: sorted stages, as in `Selection`.
    `revision`, `version`: the document's and the manifest's, pinned for all runs. `version` is empty for a
    pipeline without code.
    """

    pipeline: str
    first: str
    last: str
    every: Every
    parameters: Mapping[str, Any] = field(default_factory=dict)
    force: bool = False
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    revision: int = 0
    version: str = ""
    by: str = ""
    created: str = ""

    @property
    def id(self) -> str:
        text = json.dumps(asdict(replace(self, by="", created="")), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def dates(self) -> tuple[str, ...]:
        return periods(self.first, self.last, self.every)

    @property
    def selection(self) -> Selection:
        return Selection(self.only, skip=self.skip)

    @property
    def options(self) -> str:
        """The command line options of its selection, such as `--skip deploy`. Empty for all stages."""
        return " ".join(f"--{name} {','.join(stages)}" for name, stages in self.selection.to_json().items())

    def is_same_request(self, other: Backfill) -> bool:
        """Whether both request the same runs, apart from the stages and from what is pinned."""
        one, two = (replace(backfill, revision=0, version="", only=(), skip=()) for backfill in (self, other))
        return one.id == two.id

    def request(self, date: str, attempt: int) -> str:
        return f"{self.pipeline}:{date}:{self.id}:{attempt}"

    def trigger(self, date: str, attempt: int = 1) -> Trigger:
        """The trigger of the run for a date, as of now."""
        key = request_key(TYPE, self.request(date, attempt))
        now = timestamp(datetime.now(UTC))
        return Trigger(
            TYPE, key, now, self.by, dict(self.parameters), only=self.only, skip=self.skip, date=date
        )


@dataclass(frozen=True)
class Period:
    """A date of a backfill with its newest run.

    Without a run, `attempt` is 0, and `run` and `status` are empty. `status` is ASKED until the event has
    become a run.
    """

    date: str
    attempt: int = 0
    run: str = ""
    status: str = ""
    reason: str = ""

    @property
    def succeeded(self) -> bool:
        return self.status == "SUCCEEDED"

    @property
    def is_open(self) -> bool:
        return self.status in ("ASKED", "QUEUED", "PLANNED", "RUNNING")


@dataclass(frozen=True)
class PinnedBackfill:
    """A backfill with its document and release. `is_new`: its revision is not recorded yet."""

    backfill: Backfill
    effective: Effective
    release: Release
    is_new: bool = False

    @property
    def document(self) -> Pipeline:
        return self.effective.pipeline


def pin(gateway: OperatorGateway, request: Backfill, *, latest: bool = False) -> PinnedBackfill:
    """Pin the document and the release of a backfill.

    If an earlier backfill with the same request is unfinished, it continues with what it pinned. `latest`
    begins a new one. A request without stages continues with the earlier one's. PlanError: the request has
    other stages than the unfinished backfill.
    """
    current = _pin_current(gateway, request)
    same = [earlier for earlier in backfills(gateway, request.pipeline) if earlier.is_same_request(request)]
    if latest or any(earlier.id == current.backfill.id for earlier in same):
        return current
    unfinished = [
        earlier for earlier in same if not all(period.succeeded for period in periods_of(gateway, earlier))
    ]
    if not unfinished:
        return current
    matching = (earlier for earlier in unfinished if earlier.selection == request.selection)
    backfill = next(matching, unfinished[0])
    if request.selection and request.selection != backfill.selection:
        raise PlanError((_other_stages(backfill),))
    return _pin_recorded(gateway, backfill)


def begin(gateway: OperatorGateway, pinned: PinnedBackfill) -> Backfill:
    """Record the revision and the backfill. Idempotent."""
    backfill = pinned.backfill
    if pinned.is_new:
        backfill = replace(backfill, revision=revisions.record(gateway, pinned.effective))
    if all(recorded.id != backfill.id for recorded in backfills(gateway, backfill.pipeline)):
        text = json.dumps(asdict(backfill), sort_keys=True)
        item = {"run": _partition_key(backfill.pipeline), "item": f"{ITEM}{backfill.id}", "backfill": text}
        gateway.runs.put_all([item])
    return backfill


def check(gateway: OperatorGateway, pipeline: Pipeline, backfill: Backfill) -> None:
    """Check that every date has a partition of its own. DocumentError: two dates share one."""
    document = with_parameters(pipeline, backfill.parameters)
    dates = backfill.dates
    seen: dict[str, str] = {}
    for date in (*dates, next_after(dates[-1], backfill.every)):
        values = document_values(document, backfill.trigger(date), gateway.installation, run="")
        partition = str(values["partition",])
        if partition in seen:
            message = f"{seen[partition]} and {date} would share the partition {partition}"
            remedy = "let the partition depend on ${trigger.date}, and give no parameter that hides it"
            raise DocumentError((Problem("partition", message, remedy),))
        seen[partition] = date


def endpoints_of(gateway: OperatorGateway, pinned: PinnedBackfill) -> Mapping[str, str]:
    """Stage -> name of the endpoint to which every run of the backfill deploys."""
    environment = gateway.installation.environment
    document = expanded(with_parameters(pinned.document, pinned.backfill.parameters))
    document = select(document, pinned.backfill.selection).pipeline
    return {
        name: endpoint
        for name, stage in document.stages.items()
        if (endpoint := stage.endpoint_name(document.name, environment)) and stage.enabled and not stage.pin
    }


def periods_of(gateway: OperatorGateway, backfill: Backfill) -> list[Period]:
    """The periods of a backfill, in the order of their dates."""
    return run_parallel(lambda date: _newest_attempt(gateway, backfill, date), backfill.dates)


def backfills(gateway: OperatorGateway, pipeline: str) -> list[Backfill]:
    """The backfills of a pipeline that began, newest first."""
    stored = [json.loads(item["backfill"]) for item in gateway.runs.items(_partition_key(pipeline), ITEM)]
    stored_backfills = [
        Backfill(**fields | {name: tuple(fields[name]) for name in ("only", "skip")}) for fields in stored
    ]
    return sorted(stored_backfills, key=lambda backfill: backfill.created, reverse=True)


class Progress:
    """One execution of a backfill. Dates that succeeded are skipped, all others are tried once."""

    def __init__(self, gateway: OperatorGateway, backfill: Backfill, by: str, most: int) -> None:
        self.gateway, self.backfill, self.by, self.most = gateway, backfill, by, most
        periods = periods_of(gateway, backfill)
        self.over = [period for period in periods if period.succeeded]
        self.open = {period.date: period for period in periods if period.is_open}
        self.waiting = [period for period in periods if not period.succeeded and not period.is_open]
        self.requested_at: dict[str, float] = {}

    @property
    def is_over(self) -> bool:
        return not self.open and not self.waiting

    def step(self, *, close_ended: bool) -> list[Period]:
        """Update the open periods and request more, up to the limit. Returns the periods that changed.

        `close_ended`: close runs whose execution has ended. TargetError: an event has not become a run.
        """
        changed = [*self._update(close_ended=close_ended)]
        while self.waiting and len(self.open) < self.most:
            changed.append(self._request(self.waiting.pop(0)))
        return changed

    def _update(self, *, close_ended: bool) -> Iterator[Period]:
        for date, before in list(self.open.items()):
            if close_ended and before.status == "RUNNING":
                closing.close_if_ended(self.gateway, before.run)
            current = _attempt(self.gateway, self.backfill, date, before.attempt)
            if current is None:
                self._check_patience(before)
            elif current != before:
                self.open[date] = current
                yield current
            if current and not current.is_open:
                del self.open[date]
                self._end(current)

    def _end(self, period: Period) -> None:
        """A failed run of an earlier execution is tried again: it may have been stopped with that one."""
        if period.succeeded or period.date in self.requested_at:
            self.over.append(period)
        else:
            self.waiting = sorted([*self.waiting, period], key=lambda waiting: waiting.date)

    def _request(self, period: Period) -> Period:
        requested = replace(period, attempt=period.attempt + 1, run="", status="ASKED", reason="")
        backfill = self.backfill
        detail = {
            "type": TYPE,
            "date": period.date,
            "parameters": dict(backfill.parameters),
            "revision": backfill.revision,
            "version": backfill.version,
            **({"force": True} if backfill.force else {}),
            **backfill.selection.to_json(),
        }
        request = backfill.request(period.date, requested.attempt)
        send_request(self.gateway, backfill.pipeline, request, self.by, detail)
        self.open[period.date] = requested
        self.requested_at[period.date] = time.monotonic()
        return requested

    def _check_patience(self, period: Period) -> None:
        requested_at = self.requested_at.setdefault(period.date, time.monotonic())
        if time.monotonic() - requested_at > PATIENCE:
            log = f"/aws/lambda/{self.gateway.installation.name('router')}"
            raise TargetError(
                f"the event for {period.date} has not become a run in {PATIENCE:.0f} s",
                f"see the router's log {log}; then the same command again",
            )


def _other_stages(backfill: Backfill) -> Problem:
    message = f"backfill {backfill.id} of these dates is unfinished, with {backfill.options or 'all stages'}"
    return Problem(
        "", message, "leave out --only and --skip to continue it, or begin a new one with --latest"
    )


def _pin_current(gateway: OperatorGateway, request: Backfill) -> PinnedBackfill:
    manifest, stored = released_layers.read_current(gateway, request.pipeline)
    current = effective(stored, gateway.allows_code_overrides)
    number = revisions.number_of(gateway, current)
    backfill = replace(request, revision=number, version=manifest.version)
    return PinnedBackfill(backfill, current, manifest.release, is_new=True)


def _pin_recorded(gateway: OperatorGateway, backfill: Backfill) -> PinnedBackfill:
    name = backfill.pipeline
    manifest = manifests.read(gateway, name, backfill.version)
    if manifest is None:
        message = f"the manifest that backfill {backfill.id} of {name} uses is gone"
        raise ReleaseError(message, "begin a new one of the current code: --latest")
    stored = released_layers.read(gateway, manifest)
    document = revisions.verified(gateway, stored, backfill.revision, gateway.allows_code_overrides)
    return PinnedBackfill(backfill, document, manifest.release)


def _newest_attempt(gateway: OperatorGateway, backfill: Backfill, date: str) -> Period:
    newest, attempt = Period(date), 1
    while period := _attempt(gateway, backfill, date, attempt):
        newest, attempt = period, attempt + 1
    return newest


def _attempt(gateway: OperatorGateway, backfill: Backfill, date: str, attempt: int) -> Period | None:
    """None: no run has claimed the key of this attempt."""
    run = gateway.runs.claimed(request_key(TYPE, backfill.request(date, attempt)))
    header = gateway.runs.header(run) if run else None
    return Period(date, attempt, header.run, header.status, header.reason) if header else None


def _partition_key(pipeline: str) -> str:
    return f"backfill#{pipeline}"
