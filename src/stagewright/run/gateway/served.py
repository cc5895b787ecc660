"""Items of the table `runs` about endpoints: what they serve, what is kept, and until when they stay."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from stagewright.run.gateway.failures import code_of, translated
from stagewright.run.gateway.items import decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient

NEVER = "9999"
"""How the deadline of an endpoint without one begins."""


@dataclass(frozen=True)
class ServedItem:
    """`configurations`: the one of the last good deployment, then those kept, newest first; each has a model
    of its name. `deadline` and `since` are ISO 8601 UTC text; `made_by` is the run of that deployment."""

    name: str
    deadline: str
    configurations: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()
    since: str = ""
    made_by: str = ""
    stage: str = ""

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

    def forget(self, item: ServedItem) -> bool:
        """False where it has been deployed again meanwhile: then nothing is changed."""
        with translated("dynamodb", f"the endpoint {item.name}"):
            try:
                self.client.update_item(
                    TableName=self.table,
                    Key=encode({"run": f"endpoint#{item.name}", "item": "endpoint"}),
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


def _served(item: Mapping[str, Any]) -> ServedItem:
    texts = {name: str(item.get(name, "")) for name in ("since", "made_by", "stage")}
    return ServedItem(
        name=item["run"].removeprefix("endpoint#"),
        deadline=item["created"],
        configurations=tuple(json.loads(item.get("configurations", "[]"))),
        alarms=tuple(json.loads(item.get("alarms", "[]"))),
        **texts,
    )
