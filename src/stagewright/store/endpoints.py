"""Items of the table `runs` about endpoints: what they serve, what is kept, and until when they stay."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from botocore.exceptions import ClientError
from mypy_boto3_dynamodb import DynamoDBClient

from stagewright.aws.errors import code_of, translated
from stagewright.store.items import decode, encode

NEVER = "9999"
"""How the deadline of an endpoint without one begins."""


@dataclass(frozen=True)
class Rollback:
    """Somebody went back from configuration `origin` to `to`. `after`: the run of the last good deployment
    before it; `outcome`: "serves", why it came to nothing, or empty while nobody knows."""

    origin: str
    to: str
    by: str
    at: str
    why: str = ""
    after: str = ""
    outcome: str = ""


@dataclass(frozen=True)
class ServedItem:
    """`configurations`: the one of the last good deployment, then those kept, newest first; each has a model
    of its name. `deadline` and `since` are ISO 8601 UTC text; `made_by` is the run of that deployment,
    `asked_by` that of the newest one, good or not, `turn` the one that deploys now, if it goes on."""

    name: str
    deadline: str
    configurations: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()
    since: str = ""
    made_by: str = ""
    asked_by: str = ""
    stage: str = ""
    turn: str = ""
    rollbacks: tuple[Rollback, ...] = ()
    """Newest first."""

    @property
    def until(self) -> str:
        """Empty where it stays."""
        return "" if self.deadline.startswith(NEVER) else self.deadline


@dataclass(frozen=True)
class Served:
    client: DynamoDBClient
    table: str

    def all(self) -> tuple[ServedItem, ...]:
        """By deadline, the nearest first (index open_runs)."""
        return tuple(self._until("~"))

    def due(self, now: str) -> tuple[ServedItem, ...]:
        """Those whose deadline has passed at `now`."""
        return tuple(self._until(now))

    def find(self, name: str) -> ServedItem | None:
        with translated("dynamodb", f"the endpoint {name}"):
            answer = self.client.get_item(TableName=self.table, Key=_key(name), ConsistentRead=True)
        item = decode(answer.get("Item", {}))
        return _served(item) if "created" in item else None

    def record(self, item: ServedItem, rollbacks: Sequence[Rollback]) -> bool:
        """Puts them in the place of the item's; False where it has others by now, or is forgotten."""
        before = {":before": _text(item.rollbacks)} if item.rollbacks else {}
        same = "#rollbacks = :before" if before else "attribute_not_exists(#rollbacks)"
        with translated("dynamodb", f"the endpoint {item.name}"):
            try:
                self.client.update_item(
                    TableName=self.table,
                    Key=_key(item.name),
                    UpdateExpression="SET #rollbacks = :rollbacks",
                    ConditionExpression=f"attribute_exists(#created) AND {same}",
                    ExpressionAttributeNames={"#rollbacks": "rollbacks", "#created": "created"},
                    ExpressionAttributeValues=encode({":rollbacks": _text(rollbacks), **before}),
                )
            except ClientError as error:
                if code_of(error) != "ConditionalCheckFailedException":
                    raise
                return False
        return True

    def forget(self, item: ServedItem) -> bool:
        """False where it has been deployed again meanwhile: then nothing is changed."""
        with translated("dynamodb", f"the endpoint {item.name}"):
            try:
                self.client.update_item(
                    TableName=self.table,
                    Key=_key(item.name),
                    UpdateExpression="REMOVE #open, #created, #configurations, #alarms",
                    ConditionExpression="#created = :created",
                    ExpressionAttributeNames={
                        f"#{name}": name for name in ("open", "created", "configurations", "alarms")
                    },
                    ExpressionAttributeValues=encode({":created": item.deadline}),
                )
            except ClientError as error:
                if code_of(error) != "ConditionalCheckFailedException":
                    raise
                return False
        return True

    def _until(self, last: str) -> Iterator[ServedItem]:
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            IndexName="open_runs",
            KeyConditionExpression="#open = :open AND #created <= :last",
            ExpressionAttributeNames={"#open": "open", "#created": "created"},
            ExpressionAttributeValues=encode({":open": "endpoint", ":last": last}),
        )
        with translated("dynamodb", "the endpoints"):
            for page in pages:
                yield from (_served(decode(item)) for item in page["Items"])


def _key(name: str) -> dict[str, Any]:
    return encode({"run": f"endpoint#{name}", "item": "endpoint"})


def _text(rollbacks: Sequence[Rollback]) -> str:
    return json.dumps([asdict(each) for each in rollbacks])


def _served(item: Mapping[str, Any]) -> ServedItem:
    texts = {name: str(item.get(name, "")) for name in ("since", "made_by", "asked_by", "stage")}
    return ServedItem(
        name=item["run"].removeprefix("endpoint#"),
        deadline=item["created"],
        configurations=tuple(json.loads(item.get("configurations", "[]"))),
        alarms=tuple(json.loads(item.get("alarms", "[]"))),
        turn=str(item.get("turn", "")).partition("/")[0],
        rollbacks=tuple(Rollback(**each) for each in json.loads(item.get("rollbacks", "[]"))),
        **texts,
    )
