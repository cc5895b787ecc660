"""What triggers record in the table `runs`: batches, cooldowns, the last tick, and skipped events.

These items have no attribute of an index, so no listing shows them as runs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from stagewright.aws.errors import translate_errors
from stagewright.formats import ITEMS, kind_of
from stagewright.naming import epoch
from stagewright.store.items import SORT_KEY, decode_item, encode, encode_item, fitting, update_if, write_if

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import PaginatorConfigTypeDef

DAY = 24 * 3600
SKIPPED_EVENT_LIFETIME = 30 * DAY
"""Seconds until DynamoDB deletes a skipped event (time to live)."""
BATCH_LIFETIME = 90 * DAY
"""Seconds after its last object until DynamoDB deletes a batch. Until then its late events start no run."""
BATCHES = "batch"
READABLE = "(attribute_not_exists(#format) OR #format <= :format)"
TICK = {"run": "tick", "item": "tick"}


@dataclass(frozen=True)
class Batch:
    """The objects of one data trigger and date. It starts one run when no object has arrived for a while.

    `trigger` is what the trigger filters for. `last` is the time of the newest object, `requested` the time
    of the newest object that a run was requested for.
    """

    pipeline: str
    trigger: Mapping[str, Any]
    date: str
    last: str = ""
    requested: str = ""

    @property
    def item(self) -> str:
        prefix, suffix = self.trigger["prefix"], self.trigger["suffix"]
        return fitting(f"{self.pipeline}#{self.date}#{prefix}{f'*{suffix}' if suffix else ''}", SORT_KEY)

    @property
    def pending(self) -> bool:
        """Whether objects have arrived that no run was requested for."""
        return self.requested != self.last


@dataclass(frozen=True)
class SkippedEvent:
    """An event that matched a trigger and started no run. `reason` says why. `type` is the trigger's type."""

    time: str
    key: str
    type: str
    reason: str


@dataclass(frozen=True)
class TriggerState:
    """Reads and writes the items of triggers. All reads are consistent, and every write can be repeated."""

    client: DynamoDBClient
    table: str

    def record_arrival(self, batch: Batch, time: str) -> bool:
        """Record that an object of the batch arrived at `time`. Return whether the batch became pending.

        An event that is older than the batch's newest object changes nothing. Calls UpdateItem.
        """
        values = {":last": time, ":batch": _batch_json(batch), ":expires": int(epoch(time)) + BATCH_LIFETIME}
        old = self._update(
            {"run": BATCHES, "item": batch.item},
            "SET #last = :last, #batch = :batch, #expires = :expires",
            "attribute_not_exists(#last) OR #last < :last",
            values,
            returns="ALL_OLD",
        )
        return old is not None and (not old.get("last") or old.get("requested") == old["last"])

    def record_request(self, batch: Batch) -> Batch:
        """Record that a run was requested for all objects up to `batch.last`. Return the stored batch.

        The stored batch is pending if more objects have arrived. Calls UpdateItem.
        """
        key, values = {"run": BATCHES, "item": batch.item}, {":last": batch.last}
        return _batch(self._update(key, "SET #requested = :last", "", values, "ALL_NEW") or {})

    def batch(self, item: str) -> Batch | None:
        """Return the batch of this sort key. Calls GetItem."""
        stored = self._get({"run": BATCHES, "item": item})
        return _batch(stored) if stored else None

    def pending_batches(self) -> Iterator[Batch]:
        """Yield every batch that still needs a run. Calls Query."""
        return (batch for batch in map(_batch, self._query(BATCHES)) if batch.pending)

    def start_cooldown(self, pipeline: str, trigger: str, key: str, time: str, seconds: int) -> bool:
        """Ignore further events of the trigger for `seconds` from `time` on.

        Return False if a cooldown that another event started covers `time`. Calls UpdateItem.
        """
        start = int(epoch(time))
        updated = self._update(
            _cooldown_key(pipeline, trigger),
            "SET #until = :until, #key = :key, #expires = :until",
            "attribute_not_exists(#until) OR #until <= :time OR #key = :key",
            {":until": start + seconds, ":time": start, ":key": key},
        )
        return updated is not None

    def cancel_cooldown(self, pipeline: str, trigger: str, key: str) -> None:
        """End the cooldown that the event `key` started. Changes no other. Calls DeleteItem."""
        with translate_errors("dynamodb", f"the triggers of {pipeline}"):
            write_if(
                self.client.delete_item,
                TableName=self.table,
                Key=encode(_cooldown_key(pipeline, trigger)),
                ConditionExpression="#key = :key",
                ExpressionAttributeNames={"#key": "key"},
                ExpressionAttributeValues=encode({":key": key}),
            )

    def last_tick(self) -> str:
        """Return the last minute whose schedules have been evaluated, "" before the first. Calls GetItem."""
        return str(self._get(TICK).get("last", ""))

    def record_tick(self, minute: str) -> None:
        """Record that schedules up to `minute` have been evaluated. Never moves back. Calls UpdateItem."""
        self._update(
            TICK, "SET #last = :last", "attribute_not_exists(#last) OR #last < :last", {":last": minute}
        )

    def record_skipped(self, pipeline: str, event: SkippedEvent) -> None:
        """Record an event that starts no run. DynamoDB deletes it after 30 days. Calls PutItem."""
        item = {
            "run": f"skipped#{pipeline}",
            "item": fitting(f"{event.time}#{event.key}", SORT_KEY),
            **asdict(event),
            "expires": int(epoch(event.time)) + SKIPPED_EVENT_LIFETIME,
        }
        with translate_errors("dynamodb", f"the skipped events of {pipeline}"):
            self.client.put_item(TableName=self.table, Item=encode_item(item))

    def skipped_events(self, pipeline: str, limit: int) -> tuple[SkippedEvent, ...]:
        """Return the newest skipped events, newest first. Calls Query."""
        items = self._query(f"skipped#{pipeline}", {"MaxItems": limit, "PageSize": limit}, forward=False)
        return tuple(SkippedEvent(item["time"], item["key"], item["type"], item["reason"]) for item in items)

    def _get(self, key: Mapping[str, str]) -> dict[str, Any]:
        with translate_errors("dynamodb", f"{key['run']} {key['item']}"):
            answer = self.client.get_item(TableName=self.table, Key=encode(key), ConsistentRead=True)
        return decode_item(answer.get("Item", {}))

    def _query(
        self, run: str, limits: PaginatorConfigTypeDef | None = None, *, forward: bool = True
    ) -> Iterator[dict[str, Any]]:
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="#run = :run",
            ExpressionAttributeNames={"#run": "run"},
            ExpressionAttributeValues=encode({":run": run}),
            ScanIndexForward=forward,
            ConsistentRead=True,
            PaginationConfig=limits or {},
        )
        with translate_errors("dynamodb", run):
            for page in pages:
                yield from map(decode_item, page["Items"])

    def _update(
        self,
        key: Mapping[str, str],
        update: str,
        condition: str,
        values: Mapping[str, Any],
        returns: str = "NONE",
    ) -> dict[str, Any] | None:
        """Return the item as `returns` says; None if the condition does not hold.

        Raise FormatError and change nothing if a later version of Stagewright wrote the item.
        """
        update += ", #format = :format"
        condition = f"({condition}) AND {READABLE}" if condition else READABLE
        names = re.findall(r"#(\w+)", f"{update} {condition}")
        values = {**values, ":format": ITEMS[kind_of(key)]}
        with translate_errors("dynamodb", f"{key['run']} {key['item']}"):
            answer, refused = update_if(
                self.client,
                TableName=self.table,
                Key=encode(key),
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeNames={f"#{name}": name for name in names},
                ExpressionAttributeValues=encode(values),
                ReturnValues=returns,
            )
        decode_item(refused)
        return None if answer is None else decode_item(answer.get("Attributes", {}))


def _cooldown_key(pipeline: str, trigger: str) -> dict[str, str]:
    return {"run": f"cooldown#{pipeline}", "item": trigger}


def _batch_json(batch: Batch) -> str:
    return json.dumps({"pipeline": batch.pipeline, "trigger": dict(batch.trigger), "date": batch.date})


def _batch(item: Mapping[str, Any]) -> Batch:
    return Batch(**json.loads(item["batch"]), last=item["last"], requested=item.get("requested", ""))
