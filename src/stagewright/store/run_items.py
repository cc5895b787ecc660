"""The items of a run: its header, its stages and their failed attempts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stagewright.planner.model import Trigger
from stagewright.store.items import Item

HEADER_FIELDS = (
    "pipeline",
    "partition",
    "status",
    "release",
    "revision",
    "plan",
    "execution",
    "created",
    "started",
    "ended",
    "reason",
    "options",
    "versions",
    "manifest",
    "barred",
    "currency",
    "prices_of",
    "cost",
)
"""Fields of the header that are attributes of the same name."""
WAITING = "WAITING"
"""The status of an approval stage that waits for a person."""
OPEN = frozenset({"QUEUED", "PLANNED", "RUNNING"})
"""The statuses of a run that has not ended."""
REJECTED = "rejected"
"""The attribute `open` of a rejected run. The index `open_runs` then lists rejected runs of all pipelines."""


@dataclass(frozen=True)
class Header:
    """The item `run`. Times are ISO 8601 UTC text, empty before they are known.

    `options` is JSON: the run options that a queued run is planned with. `versions` are the register stages,
    separated by commas, whose version waits for a person's approval. `manifest` is the version of the release
    manifest. `barred` are the people who may not approve what the run asks: `,ann,bob,`. `currency` and
    `prices_of` are those of the plan's prices. `cost` is JSON (`usage.RunCost`), empty until it is counted.
    """

    run: str
    pipeline: str
    status: str
    trigger: Trigger
    created: str
    partition: str = ""
    release: str = ""
    revision: int = 0
    plan: str = ""
    execution: str = ""
    started: str = ""
    ended: str = ""
    reason: str = ""
    options: str = ""
    versions: str = ""
    manifest: str = ""
    barred: str = ""
    currency: str = ""
    prices_of: str = ""
    cost: str = ""

    @property
    def is_open(self) -> bool:
        return self.status in OPEN


@dataclass(frozen=True)
class StageItem:
    """The item `stage#<name>`: a stage that ran or did not run. `message` is the question of an approval."""

    name: str
    status: str
    result: Mapping[str, Any] = field(default_factory=dict)
    fingerprint: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    started: str = ""
    ended: str = ""
    attempt: int = 0
    error: str = ""
    cause: str = ""
    run: str = ""
    job: str = ""
    message: str = ""


@dataclass(frozen=True)
class AttemptItem:
    """The item `attempt#<stage>#<attempt>`: a failed attempt that was retried."""

    stage: str
    attempt: int
    job: str
    error: str
    cause: str
    started: str
    ended: str


def header_item(header: Header) -> Item:
    item: dict[str, str | int] = {
        "run": header.run,
        "item": "run",
        "trigger": json.dumps(header.trigger.to_json(), sort_keys=True),
    }
    item |= {name: getattr(header, name) for name in HEADER_FIELDS}
    listed_as = "yes" if header.is_open else REJECTED if header.status == "REJECTED" else ""
    return item | ({"open": listed_as} if listed_as else {})


def header_of(item: Mapping[str, Any]) -> Header:
    optional = (
        "partition", "release", "plan", "execution", "started", "ended", "reason", "options", "versions",
        "manifest", "barred", "currency", "prices_of", "cost",
    )  # fmt: skip
    return Header(
        run=item["run"],
        pipeline=item["pipeline"],
        status=item["status"],
        trigger=Trigger.from_json(json.loads(item["trigger"])),
        created=item["created"],
        revision=int(item.get("revision", 0)),
        **{name: item.get(name, "") for name in optional},
    )


def stage_of(item: Mapping[str, Any]) -> StageItem:
    texts = ("fingerprint", "started", "ended", "error", "cause", "run", "job", "message")
    return StageItem(
        name=item["item"].removeprefix("stage#"),
        status=item["status"],
        result=json_object(item.get("result")),
        inputs=json_object(item.get("inputs")),
        attempt=int(item.get("attempt", 0)),
        **{name: str(item.get(name, "")) for name in texts},
    )


def json_object(text: str | None) -> dict[str, Any]:
    value = json.loads(text) if text else {}
    return value if isinstance(value, dict) else {}
