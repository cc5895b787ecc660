"""The run queue of each pipeline: the lease of its one active run, and an entry for each run that waits.

All items of a pipeline share the partition key `queue#<pipeline>` of the table `runs`, so one consistent
query reads them in order. They have no attribute of an index, so no listing shows them as runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from stagewright.aws.errors import translate_errors
from stagewright.naming import timestamp
from stagewright.store import items
from stagewright.store.items import decode_item, encode, encode_item
from stagewright.store.run_items import Header

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef


@dataclass(frozen=True)
class Lease:
    """The item `lease`. Only the run `holder` may be planned and started.

    `attempts` counts the attempts to plan and start it. Times are ISO 8601 UTC text; `last_attempt_at` is
    empty before the first attempt.
    """

    pipeline: str
    holder: str
    since: str
    attempts: int = 0
    last_attempt_at: str = ""


@dataclass(frozen=True)
class QueueEntry:
    """The item `waiting#<time>#<run>` of a queued run. `time` is the time of its event and sets the order."""

    pipeline: str
    run: str
    time: str

    @classmethod
    def of(cls, header: Header) -> QueueEntry:
        return cls(header.pipeline, header.run, header.trigger.time)

    @property
    def key(self) -> dict[str, str]:
        return {"run": _partition(self.pipeline), "item": f"waiting#{self.time}#{self.run}"}

    @property
    def item(self) -> dict[str, str]:
        return {**self.key, "queued_run": self.run, "since": self.time}


@dataclass(frozen=True)
class RunQueue:
    """Reads and writes queue entries and leases. `Runs.claim` puts the first entry, with the run's header."""

    client: DynamoDBClient
    table: str

    def lease(self, pipeline: str) -> Lease | None:
        """Return the pipeline's lease, or None if no run holds it. Calls GetItem (consistent)."""
        with translate_errors("dynamodb", f"the lease of {pipeline}"):
            answer = self.client.get_item(
                TableName=self.table, Key=encode(_lease_key(pipeline)), ConsistentRead=True
            )
        if "Item" not in answer:
            return None
        item = decode_item(answer["Item"])
        attempts, last_attempt_at = int(item.get("attempts", 0)), item.get("last_attempt_at", "")
        return Lease(pipeline, item["holder"], item["since"], attempts, last_attempt_at)

    def entries(self, pipeline: str, limit: int | None = None) -> Iterator[QueueEntry]:
        """Yield the entries of queued runs, the next one first. Calls Query (consistent)."""
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="#run = :run AND begins_with(#item, :waiting)",
            ExpressionAttributeNames={"#run": "run", "#item": "item"},
            ExpressionAttributeValues=encode({":run": _partition(pipeline), ":waiting": "waiting#"}),
            ConsistentRead=True,
            PaginationConfig={"MaxItems": limit, "PageSize": limit} if limit else {},
        )
        with translate_errors("dynamodb", f"the queued runs of {pipeline}"):
            for item in (decode_item(stored) for page in pages for stored in page["Items"]):
                yield QueueEntry(pipeline, item["queued_run"], item["since"])

    def grant(self, entry: QueueEntry, holder: str) -> bool:
        """Move the lease from `holder` to the entry's run and delete the entry, in one TransactWriteItems.

        `holder` is empty if no run holds the lease. Return False if the holder has changed or the entry is
        gone: nothing is written then.
        """
        item = lease_item(entry.pipeline, entry.run)
        put: Any = {"TableName": self.table, "Item": encode_item(item), **_held_by(holder)}
        writes: list[TransactWriteItemTypeDef] = [
            {"Put": put} if holder else items.put_new(self.table, item),
            {
                "Delete": {
                    "TableName": self.table,
                    "Key": encode(entry.key),
                    "ConditionExpression": "attribute_exists(#run)",
                    "ExpressionAttributeNames": {"#run": "run"},
                }
            },
        ]
        with translate_errors("dynamodb", f"the lease of {entry.pipeline}"):
            return items.write_all(self.client, writes)

    def count_attempt(self, pipeline: str, holder: str) -> int:
        """Count one more attempt to plan and start the holder. Return the new count.

        Return 0 and count nothing if `holder` does not hold the lease. Calls UpdateItem.
        """
        held = _held_by(holder)
        values = held.pop("ExpressionAttributeValues") | encode(
            {":one": 1, ":now": timestamp(datetime.now(UTC))}
        )
        with translate_errors("dynamodb", f"the lease of {pipeline}"):
            answer = items.write_if(
                self.client.update_item,
                TableName=self.table,
                Key=encode(_lease_key(pipeline)),
                UpdateExpression="SET last_attempt_at = :now ADD attempts :one",
                ExpressionAttributeValues=values,
                ReturnValues="UPDATED_NEW",
                **held,
            )
        return int(answer["Attributes"]["attempts"]["N"]) if answer else 0

    def release(self, pipeline: str, holder: str) -> None:
        """Delete the lease. Does nothing if another run holds it. Calls DeleteItem."""
        with translate_errors("dynamodb", f"the lease of {pipeline}"):
            items.write_if(
                self.client.delete_item,
                TableName=self.table,
                Key=encode(_lease_key(pipeline)),
                **_held_by(holder),
            )

    def delete(self, entry: QueueEntry) -> None:
        """Delete an entry. Does nothing if it is gone. Calls DeleteItem."""
        with translate_errors("dynamodb", f"the queue entry of {entry.run}"):
            self.client.delete_item(TableName=self.table, Key=encode(entry.key))


def lease_item(pipeline: str, holder: str) -> dict[str, str]:
    """Return the item of a lease that starts now."""
    return {**_lease_key(pipeline), "holder": holder, "since": timestamp(datetime.now(UTC))}


def _lease_key(pipeline: str) -> dict[str, str]:
    return {"run": _partition(pipeline), "item": "lease"}


def _partition(pipeline: str) -> str:
    return f"queue#{pipeline}"


def _held_by(holder: str) -> dict[str, Any]:
    """Return the condition that `holder` holds the lease."""
    return {
        "ConditionExpression": "#holder = :holder",
        "ExpressionAttributeNames": {"#holder": "holder"},
        "ExpressionAttributeValues": encode({":holder": holder}),
    }
