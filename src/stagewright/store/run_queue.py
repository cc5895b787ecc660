"""Items of the table `runs` that say whose turn it is: the lease of each pipeline, and the runs that wait.

A pipeline's items share one hash key, so that they are read consistently and in order; none has the
attributes of an index.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError
from mypy_boto3_dynamodb import DynamoDBClient
from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

from stagewright.aws.errors import code_of, translated
from stagewright.naming import timestamp
from stagewright.store import items
from stagewright.store.items import Item, decode, encode
from stagewright.store.runs import Header


@dataclass(frozen=True)
class Lease:
    """`holder`: the one run of the pipeline that may go on; `since`: ISO 8601 UTC.

    `tries`: how often planning and starting it was begun, `tried`: when last; empty before the first.
    """

    pipeline: str
    holder: str
    since: str
    tries: int = 0
    tried: str = ""


@dataclass(frozen=True)
class Place:
    """Where a run waits: behind those whose event is older."""

    pipeline: str
    run: str
    time: str

    @classmethod
    def of(cls, header: Header) -> Place:
        return cls(header.pipeline, header.run, header.trigger.time)

    @property
    def key(self) -> dict[str, str]:
        return {"run": f"lease#{self.pipeline}", "item": f"waiting#{self.time}#{self.run}"}

    @property
    def item(self) -> dict[str, str]:
        return {**self.key, "waits": self.run, "since": self.time}


@dataclass(frozen=True)
class Leases:
    client: DynamoDBClient
    table: str

    def of(self, pipeline: str) -> Lease | None:
        with translated("dynamodb", f"the lease of {pipeline}"):
            answer = self.client.get_item(
                TableName=self.table, Key=encode(_key(pipeline)), ConsistentRead=True
            )
        if "Item" not in answer:
            return None
        item = decode(answer["Item"])
        return Lease(
            pipeline, item["holder"], item["since"], int(item.get("tries", 0)), item.get("tried", "")
        )

    def waiting(self, pipeline: str, limit: int | None = None) -> Iterator[Place]:
        """Runs that wait, the next one first."""
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="#run = :run AND begins_with(#item, :waiting)",
            ExpressionAttributeNames={"#run": "run", "#item": "item"},
            ExpressionAttributeValues=encode({":run": f"lease#{pipeline}", ":waiting": "waiting#"}),
            ConsistentRead=True,
            PaginationConfig={"MaxItems": limit, "PageSize": limit} if limit else {},
        )
        with translated("dynamodb", f"the runs of {pipeline} that wait"):
            for item in (decode(each) for page in pages for each in page["Items"]):
                yield Place(pipeline, item["waits"], item["since"])

    def give(self, place: Place, after: str) -> bool:
        """The lease to the run of `place`, which then waits no longer; False where somebody did that before.

        `after`: the run that holds it, empty where none does.
        """
        taken: Item = lease_item(place.pipeline, place.run)
        held: Any = {"TableName": self.table, "Item": encode(taken), **_held_by(after)}
        left: TransactWriteItemTypeDef = {
            "Delete": {
                "TableName": self.table,
                "Key": encode(place.key),
                "ConditionExpression": "attribute_exists(#run)",
                "ExpressionAttributeNames": {"#run": "run"},
            }
        }
        writes: list[TransactWriteItemTypeDef] = [
            {"Put": held} if after else items.new(self.table, taken),
            left,
        ]
        with translated("dynamodb", f"the lease of {place.pipeline}"):
            return items.write(self.client, writes)

    def attempt(self, pipeline: str, holder: str) -> int:
        """Counts that planning and starting the holder is begun once more: how often that is by now; 0, and
        nothing counted, where another run holds the lease, or none."""
        now = encode({":one": 1, ":now": timestamp(datetime.now(UTC))})
        held = _held_by(holder)
        with translated("dynamodb", f"the lease of {pipeline}"):
            try:
                answer = self.client.update_item(
                    TableName=self.table,
                    Key=encode(_key(pipeline)),
                    UpdateExpression="SET tried = :now ADD tries :one",
                    ConditionExpression=held["ConditionExpression"],
                    ExpressionAttributeNames=held["ExpressionAttributeNames"],
                    ExpressionAttributeValues=held["ExpressionAttributeValues"] | now,
                    ReturnValues="UPDATED_NEW",
                )
            except ClientError as error:
                if code_of(error) != "ConditionalCheckFailedException":
                    raise
                return 0
        return int(answer["Attributes"]["tries"]["N"])

    def free(self, pipeline: str, holder: str) -> None:
        """Nothing, where another run holds it."""
        with translated("dynamodb", f"the lease of {pipeline}"):
            try:
                self.client.delete_item(TableName=self.table, Key=encode(_key(pipeline)), **_held_by(holder))
            except ClientError as error:
                if code_of(error) != "ConditionalCheckFailedException":
                    raise

    def wait(self, place: Place) -> None:
        """Doing it again changes nothing."""
        with translated("dynamodb", f"the place of {place.run}"):
            self.client.put_item(TableName=self.table, Item=encode(place.item))

    def forget(self, place: Place) -> None:
        with translated("dynamodb", f"the place of {place.run}"):
            self.client.delete_item(TableName=self.table, Key=encode(place.key))


def lease_item(pipeline: str, holder: str) -> dict[str, str]:
    return {**_key(pipeline), "holder": holder, "since": timestamp(datetime.now(UTC))}


def _key(pipeline: str) -> dict[str, str]:
    return {"run": f"lease#{pipeline}", "item": "lease"}


def _held_by(holder: str) -> Any:
    condition: Mapping[str, Any] = {
        "ConditionExpression": "#holder = :holder",
        "ExpressionAttributeNames": {"#holder": "holder"},
        "ExpressionAttributeValues": encode({":holder": holder}),
    }
    return condition
