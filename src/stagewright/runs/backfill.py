"""One run for each date of a time span, some at a time.

A backfill has an id that follows from all that decides what its runs do, and each run a key that follows from
id, date and attempt: whoever asks for the same backfill again, after whatever was killed, finds the runs by
their keys. An event that was sent without anybody knowing is sent again, and starts nothing twice.

All its runs are made of one revision of the document and one release, which are pinned when it begins.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from stagewright.document.layers import Effective, effective
from stagewright.document.load import load
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
from stagewright.runs.documents import layers, revisions
from stagewright.runs.own_events import request_key
from stagewright.runs.releases import manifest as manifests
from stagewright.runs.requests import send_request
from stagewright.syntax.dates import Every, next_after, periods

TYPE = "backfill"
ITEM = "backfill#"
PATIENCE = 90.0
"""Seconds that an event may take to become a run."""


@dataclass(frozen=True)
class Backfill:
    """`first`, `last`, `every`: see `spec.periods`. `only`, `skip`: stages, sorted, as `Selection` has them.
    `revision`, `version`: the document's, and the manifest's (empty without code), that all its runs are made
    of."""

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
        """By which its stages were chosen: `--skip deploy`. Empty for all."""
        chosen = self.selection.to_json()
        return " ".join(f"--{part} {','.join(stages)}" for part, stages in chosen.items())

    def asks_like(self, other: Backfill) -> bool:
        """Whether the same was asked for, whatever it was to be made of, and whichever the stages."""
        one, two = (replace(each, revision=0, version="", only=(), skip=()) for each in (self, other))
        return one.id == two.id

    def request(self, date: str, attempt: int) -> str:
        return f"{self.pipeline}:{date}:{self.id}:{attempt}"

    def trigger(self, date: str, attempt: int = 1) -> Trigger:
        """Of the run for that date, if it began now."""
        key = request_key(TYPE, self.request(date, attempt))
        now = timestamp(datetime.now(UTC))
        return Trigger(
            TYPE, key, now, self.by, dict(self.parameters), only=self.only, skip=self.skip, date=date
        )


@dataclass(frozen=True)
class Period:
    """One date of a backfill, and its newest run. `attempt` is 0, and `run` and `status` are empty, where
    there is none; `status` is ASKED while an event is under way."""

    date: str
    attempt: int = 0
    run: str = ""
    status: str = ""
    reason: str = ""

    @property
    def is_good(self) -> bool:
        return self.status == "SUCCEEDED"


@dataclass(frozen=True)
class Begun:
    """A backfill, and what it is made of. `now`: the document as it is, to be recorded as its revision; None
    for one that began earlier, with something else."""

    backfill: Backfill
    document: Pipeline
    release: Release
    now: Effective | None = None


def pin(gateway: OperatorGateway, asked: Backfill, *, latest: bool = False) -> Begun:
    """`asked`, made of document and release as they are; or the newest backfill that asked for the same and
    has something left to do, as it began, unless the `latest` is wanted.

    Its stages are part of how it began: who names none goes on with them. PlanError: others are named.
    """
    now = _of_now(gateway, asked)
    alike = [each for each in listed(gateway, asked.pipeline) if each.asks_like(asked)]
    if latest or any(each.id == now.backfill.id for each in alike):
        return now
    unfinished = [each for each in alike if not all(period.is_good for period in look(gateway, each))]
    if not unfinished:
        return now
    begun = next((each for each in unfinished if each.selection == asked.selection), unfinished[0])
    if asked.selection and asked.selection != begun.selection:
        raise PlanError((_other_stages(begun),))
    return _of_then(gateway, begun)


def begin(gateway: OperatorGateway, begun: Begun) -> Backfill:
    """Records what its runs are made of, and the backfill itself; what is there stays as it is."""
    backfill = begun.backfill
    if begun.now:
        backfill = replace(backfill, revision=revisions.record(gateway, begun.now))
    if all(each.id != backfill.id for each in listed(gateway, backfill.pipeline)):
        text = json.dumps(asdict(backfill), sort_keys=True)
        item = {"run": _place(backfill.pipeline), "item": f"{ITEM}{backfill.id}", "backfill": text}
        gateway.runs.put_all([item])
    return backfill


def _other_stages(begun: Backfill) -> Problem:
    message = f"backfill {begun.id} of these dates is unfinished, with {begun.options or 'all stages'}"
    return Problem("", message, "neither --only nor --skip goes on with it, --latest begins another one")


def _of_now(gateway: OperatorGateway, asked: Backfill) -> Begun:
    stored = layers.read(gateway, asked.pipeline)
    now = effective(stored, gateway.allows_code_overrides)
    manifest = manifests.read(gateway, asked.pipeline)
    release = manifest.release if manifest else Release(asked.pipeline, {})
    version = manifest.version if manifest else ""
    backfill = replace(asked, revision=revisions.number_of(gateway, now), version=version)
    return Begun(backfill, now.pipeline, release, now)


def _of_then(gateway: OperatorGateway, backfill: Backfill) -> Begun:
    name = backfill.pipeline
    document = load(revisions.document(gateway, name, backfill.revision))
    manifest = manifests.read(gateway, name, backfill.version) if backfill.version else None
    if backfill.version and manifest is None:
        message = f"the manifest that backfill {backfill.id} of {name} is made of is gone"
        raise ReleaseError(message, "--latest begins another one, of what is there now")
    return Begun(backfill, document, manifest.release if manifest else Release(name, {}))


def check(gateway: OperatorGateway, pipeline: Pipeline, backfill: Backfill) -> None:
    """DocumentError: two dates would share a partition, so that one's results would stand for the other's."""
    document = with_parameters(pipeline, backfill.parameters)
    dates = backfill.dates
    seen: dict[str, str] = {}
    for date in (*dates, next_after(dates[-1], backfill.every)):
        values = document_values(document, backfill.trigger(date), gateway.installation, run="")
        partition = str(values["partition",])
        if partition in seen:
            message = f"{seen[partition]} and {date} would both be of partition {partition}"
            remedy = "let the partition depend on ${trigger.date}, and give no parameter that hides it"
            raise DocumentError((Problem("partition", message, remedy),))
        seen[partition] = date


def endpoints(gateway: OperatorGateway, begun: Begun) -> Mapping[str, str]:
    """Stage -> endpoint that every run of the backfill deploys to."""
    environment, wanted = gateway.installation.environment, begun.backfill
    document = select(begun.document, wanted.selection).pipeline
    return {
        name: endpoint
        for name, stage in document.stages.items()
        if (endpoint := stage.endpoint_name(document.name, environment)) and stage.enabled and not stage.pin
    }


def look(gateway: OperatorGateway, backfill: Backfill) -> list[Period]:
    """All its periods as they stand, in their order."""
    return run_parallel(lambda date: _newest(gateway, backfill, date), backfill.dates)


def listed(gateway: OperatorGateway, pipeline: str) -> list[Backfill]:
    """Every backfill of the pipeline that was begun, the newest first."""
    items = gateway.runs.items(_place(pipeline), ITEM)
    given = [json.loads(item["backfill"]) for item in items]
    found = [Backfill(**{**each, "only": tuple(each["only"]), "skip": tuple(each["skip"])}) for each in given]
    return sorted(found, key=lambda each: each.created, reverse=True)


class Progress:
    """One go at a backfill: what has ended well is left, all else is tried once."""

    def __init__(self, gateway: OperatorGateway, backfill: Backfill, by: str, most: int) -> None:
        self.gateway, self.backfill, self.by, self.most = gateway, backfill, by, most
        found = look(gateway, backfill)
        self.over = [period for period in found if period.is_good]
        self.open = {period.date: period for period in found if _is_open(period)}
        self.waiting = [each for each in found if not each.is_good and not _is_open(each)]
        self.asked: dict[str, float] = {}

    @property
    def is_over(self) -> bool:
        return not self.open and not self.waiting

    def step(self, *, settle: bool) -> list[Period]:
        """Looks at what is open, and starts what there is room for; the periods that have changed.

        `settle`: closes runs whose end nobody has written down. TargetError: an event has become no run.
        """
        changed = [*self._look(settle=settle)]
        while self.waiting and len(self.open) < self.most:
            changed.append(self._ask(self.waiting.pop(0)))
        return changed

    def _look(self, *, settle: bool) -> Iterator[Period]:
        for date, before in list(self.open.items()):
            if settle and before.status == "RUNNING":
                closing.close_if_ended(self.gateway, before.run)
            now = _at(self.gateway, self.backfill, date, before.attempt)
            if now is None:
                self._lose_patience(before)
            elif now != before:
                self.open[date] = now
                yield now
            if now and not _is_open(now):
                del self.open[date]
                self._end(now)

    def _end(self, period: Period) -> None:
        """A run of an earlier go that ends badly is tried again; it may have been killed with that one."""
        if period.is_good or period.date in self.asked:
            self.over.append(period)
        else:
            self.waiting = sorted([*self.waiting, period], key=lambda each: each.date)

    def _ask(self, period: Period) -> Period:
        asked = replace(period, attempt=period.attempt + 1, run="", status="ASKED", reason="")
        backfill = self.backfill
        request = backfill.request(period.date, asked.attempt)
        detail = {
            "type": TYPE,
            "date": period.date,
            "parameters": dict(backfill.parameters),
            "revision": backfill.revision,
            "version": backfill.version,
            **({"force": True} if backfill.force else {}),
            **backfill.selection.to_json(),
        }
        send_request(self.gateway, backfill.pipeline, request, self.by, detail)
        self.open[period.date] = asked
        self.asked[period.date] = time.monotonic()
        return asked

    def _lose_patience(self, period: Period) -> None:
        began = self.asked.setdefault(period.date, time.monotonic())
        if time.monotonic() - began > PATIENCE:
            log = f"/aws/lambda/{self.gateway.installation.name('router')}"
            raise TargetError(
                f"the event for {period.date} has not become a run in {PATIENCE:.0f} s",
                f"see the router's log {log}; then the same command again",
            )


def _is_open(period: Period) -> bool:
    return period.status in ("ASKED", "QUEUED", "PLANNED", "RUNNING")


def _newest(gateway: OperatorGateway, backfill: Backfill, date: str) -> Period:
    found, attempt = Period(date), 1
    while period := _at(gateway, backfill, date, attempt):
        found, attempt = period, attempt + 1
    return found


def _at(gateway: OperatorGateway, backfill: Backfill, date: str, attempt: int) -> Period | None:
    """None while no run has claimed its key."""
    run = gateway.runs.claimed(request_key(TYPE, backfill.request(date, attempt)))
    header = gateway.runs.header(run) if run else None
    return Period(date, attempt, header.run, header.status, header.reason) if header else None


def _place(pipeline: str) -> str:
    return f"backfill#{pipeline}"
