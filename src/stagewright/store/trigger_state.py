"""What triggers leave behind in the table `runs`: data that settles, deaf times, the clock, dropped events.

No item has the attributes of an index, so that none of them is ever listed as a run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from mypy_boto3_dynamodb import DynamoDBClient
from mypy_boto3_dynamodb.type_defs import PaginatorConfigTypeDef

from stagewright.aws.errors import code_of, translated
from stagewright.naming import epoch
from stagewright.store.items import SORT_KEY, decode, encode, fitting

DAY = 24 * 3600
DROPPED_KEPT = 30 * DAY
"""Seconds that dropped events are listed; DynamoDB then deletes them (time to live)."""
BATCH_KEPT = 90 * DAY
"""Seconds after its last object that a settled batch is known, so that late events of it start nothing."""
SETTLING = "settling"
CLOCK = {"run": "clock", "item": "clock"}


@dataclass(frozen=True)
class Batch:
    """Objects of one trigger and date. `trigger`: what that listens to.

    `last`: time of the newest; `settled`: of the newest that a run was asked for. Pending while they differ.
    """

    pipeline: str
    trigger: Mapping[str, Any]
    date: str
    last: str = ""
    settled: str = ""

    @property
    def item(self) -> str:
        prefix, suffix = self.trigger["prefix"], self.trigger["suffix"]
        return fitting(f"{self.pipeline}#{self.date}#{prefix}{f'*{suffix}' if suffix else ''}", SORT_KEY)

    @property
    def pending(self) -> bool:
        return self.settled != self.last


@dataclass(frozen=True)
class Dropped:
    """An event that would have started a run, and why it did not."""

    time: str
    key: str
    type: str
    reason: str


@dataclass(frozen=True)
class Marks:
    client: DynamoDBClient
    table: str

    def arrive(self, batch: Batch, time: str) -> bool:
        """An object of the batch has arrived; whether nothing was pending before.

        An event that is older than what has arrived already changes nothing.
        """
        values = {":last": time, ":batch": _batch_json(batch)}
        try:
            old = self._update(
                {"run": SETTLING, "item": batch.item},
                "SET #last = :last, #batch = :batch, #expires = :expires",
                "attribute_not_exists(#last) OR #last < :last",
                {**values, ":expires": int(epoch(time)) + BATCH_KEPT},
                returns="ALL_OLD",
            )
        except _UnmetError:
            return False
        return not old.get("last") or old.get("settled") == old["last"]

    def settle(self, batch: Batch) -> Batch:
        """Notes that a run was sent for all that had arrived by `batch.last`; the batch as it is now."""
        new = self._update(
            {"run": SETTLING, "item": batch.item},
            "SET #settled = :last",
            "",
            {":last": batch.last},
            "ALL_NEW",
        )
        return _batch(new)

    def batch(self, item: str) -> Batch | None:
        with translated("dynamodb", f"the data of {item}"):
            key = encode({"run": SETTLING, "item": item})
            answer = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True)
        return _batch(decode(answer["Item"])) if "Item" in answer else None

    def pending(self) -> Iterator[Batch]:
        """Every batch that a run is still to come for."""
        return (batch for batch in map(_batch, self._items(SETTLING)) if batch.pending)

    def listen(self, pipeline: str, trigger: str, key: str, time: str, deaf: int) -> bool:
        """Makes the trigger deaf for `deaf` seconds from `time` on; False where it is deaf at `time` already.

        Doing it again with the same key changes nothing.
        """
        try:
            self._update(
                {"run": f"deaf#{pipeline}", "item": trigger},
                "SET #until = :until, #key = :key, #expires = :until",
                "attribute_not_exists(#until) OR #until <= :time OR #key = :key",
                {":until": int(epoch(time)) + deaf, ":time": int(epoch(time)), ":key": key},
            )
        except _UnmetError:
            return False
        return True

    def hear_again(self, pipeline: str, trigger: str, key: str) -> None:
        """Ends the deaf time that this key began: no run came of it."""
        with translated("dynamodb", f"the triggers of {pipeline}"):
            try:
                self.client.delete_item(
                    TableName=self.table,
                    Key=encode({"run": f"deaf#{pipeline}", "item": trigger}),
                    ConditionExpression="#key = :key",
                    ExpressionAttributeNames={"#key": "key"},
                    ExpressionAttributeValues=encode({":key": key}),
                )
            except ClientError as error:
                if code_of(error) != "ConditionalCheckFailedException":
                    raise

    def clock(self) -> str:
        """The last minute that the clock has seen to; empty before the first."""
        with translated("dynamodb", "the clock"):
            answer = self.client.get_item(TableName=self.table, Key=encode(CLOCK), ConsistentRead=True)
        return str(decode(answer["Item"])["last"]) if "Item" in answer else ""

    def set_clock(self, minute: str) -> bool:
        """False where it stands there, or later, already."""
        try:
            self._update(
                CLOCK, "SET #last = :last", "attribute_not_exists(#last) OR #last < :last", {":last": minute}
            )
        except _UnmetError:
            return False
        return True

    def drop(self, pipeline: str, dropped: Dropped) -> None:
        """Doing it again changes nothing. The newest come first in the order of their items, backwards."""
        item = {
            "run": f"dropped#{pipeline}",
            "item": fitting(f"{dropped.time}#{dropped.key}", SORT_KEY),
            **{name: getattr(dropped, name) for name in ("time", "key", "type", "reason")},
            "expires": int(epoch(dropped.time)) + DROPPED_KEPT,
        }
        with translated("dynamodb", f"what {pipeline} has dropped"):
            self.client.put_item(TableName=self.table, Item=encode(item))

    def dropped(self, pipeline: str, limit: int) -> tuple[Dropped, ...]:
        """Newest first."""
        items = self._items(f"dropped#{pipeline}", {"MaxItems": limit, "PageSize": limit}, forward=False)
        return tuple(Dropped(item["time"], item["key"], item["type"], item["reason"]) for item in items)

    def _items(
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
        with translated("dynamodb", run):
            for page in pages:
                yield from map(decode, page["Items"])

    def _update(
        self,
        key: Mapping[str, str],
        update: str,
        condition: str,
        values: Mapping[str, Any],
        returns: str = "NONE",
    ) -> dict[str, Any]:
        """The item as `returns` says. _UnmetError where the condition does not hold."""
        names = re.findall(r"#(\w+)", f"{update} {condition}")
        conditional: Any = {"ConditionExpression": condition} if condition else {}
        with translated("dynamodb", f"{key['run']} {key['item']}"):
            try:
                answer = self.client.update_item(
                    TableName=self.table,
                    Key=encode(key),
                    UpdateExpression=update,
                    **conditional,
                    ExpressionAttributeNames={f"#{name}": name for name in names},
                    ExpressionAttributeValues=encode(values),
                    ReturnValues=returns,  # type: ignore[arg-type]
                )
            except ClientError as error:
                if code_of(error) == "ConditionalCheckFailedException":
                    raise _UnmetError from None
                raise
        return decode(answer.get("Attributes", {}))


class _UnmetError(Exception):
    """The condition of a write did not hold."""


def _batch_json(batch: Batch) -> str:
    return json.dumps({"pipeline": batch.pipeline, "trigger": dict(batch.trigger), "date": batch.date})


def _batch(item: Mapping[str, Any]) -> Batch:
    return Batch(**json.loads(item["batch"]), last=item["last"], settled=item.get("settled", ""))
