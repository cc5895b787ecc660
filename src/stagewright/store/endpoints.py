"""Endpoint records: what each endpoint serves, which configurations are kept, and when it is deleted.

The record of an endpoint is the item `endpoint` with `run` = `endpoint#<name>` of the table `runs`. The state
machine writes it. The index `open_runs` lists records by deadline.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from stagewright.aws.errors import translate_errors
from stagewright.store.items import decode_item, encode, write_if

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SERVES = "serves"
"""The outcome of a successful rollback."""
NEVER = "9999"
"""The first characters of the deadline of an endpoint that is never deleted."""


@dataclass(frozen=True)
class Rollback:
    """A change back from the endpoint configuration `origin` to `to`.

    `by`, `at` and `why` are who asked for it, when (ISO 8601 UTC) and the reason. `after` is the run of the
    last successful deployment before it. `outcome` is "serves", the reason of its failure, or empty while the
    outcome is unknown.
    """

    origin: str
    to: str
    by: str
    at: str
    why: str = ""
    after: str = ""
    outcome: str = ""


@dataclass(frozen=True)
class EndpointRecord:
    """What is known of one endpoint. Times are ISO 8601 UTC text.

    `configurations` are that of the last successful deployment, then the kept ones, newest first.
    Each has a model of the same name. `deployed_by` is the run and `stage` the stage of that deployment,
    `since` its time. `requested_by` is the run of the newest deployment, whatever its outcome.
    `deploying_run` is the run that holds the endpoint's lock; the lock counts while that run is open.
    `rollbacks` are newest first.
    """

    name: str
    deadline: str
    configurations: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()
    since: str = ""
    deployed_by: str = ""
    requested_by: str = ""
    stage: str = ""
    deploying_run: str = ""
    rollbacks: tuple[Rollback, ...] = ()

    @property
    def restored(self) -> str:
        """The configuration that a rollback restored since the last deployment. Empty: none."""
        last = self.rollbacks[0] if self.rollbacks else None
        return last.to if last and (last.after, last.outcome) == (self.deployed_by, SERVES) else ""

    @property
    def until(self) -> str:
        """The deadline; empty if the endpoint is never deleted."""
        return "" if self.deadline.startswith(NEVER) else self.deadline


@dataclass(frozen=True)
class EndpointRecords:
    """Reads the records of endpoints, updates their rollbacks, and deletes them."""

    client: DynamoDBClient
    table: str

    def all(self) -> tuple[EndpointRecord, ...]:
        """Return every record, the nearest deadline first. Calls Query (index `open_runs`)."""
        return tuple(self._until("~"))

    def expired(self, now: str) -> tuple[EndpointRecord, ...]:
        """Return the records whose deadline is not after `now`. Calls Query (index `open_runs`)."""
        return tuple(self._until(now))

    def get(self, name: str) -> EndpointRecord | None:
        """Return the record, or None if there is none. Calls GetItem (consistent)."""
        with translate_errors("dynamodb", f"the endpoint {name}"):
            answer = self.client.get_item(TableName=self.table, Key=_key(name), ConsistentRead=True)
        item = decode_item(answer.get("Item", {}))
        return _record(item) if "created" in item else None

    def replace_rollbacks(self, record: EndpointRecord, rollbacks: Sequence[Rollback]) -> bool:
        """Replace the rollbacks of the record. Calls UpdateItem.

        Return False and change nothing if the stored rollbacks differ from `record.rollbacks`, or if the
        record was deleted.
        """
        before = {":before": _text(record.rollbacks)} if record.rollbacks else {}
        same = "#rollbacks = :before" if before else "attribute_not_exists(#rollbacks)"
        with translate_errors("dynamodb", f"the endpoint {record.name}"):
            response = write_if(
                self.client.update_item,
                TableName=self.table,
                Key=_key(record.name),
                UpdateExpression="SET #rollbacks = :rollbacks",
                ConditionExpression=f"attribute_exists(#created) AND {same}",
                ExpressionAttributeNames={"#rollbacks": "rollbacks", "#created": "created"},
                ExpressionAttributeValues=encode({":rollbacks": _text(rollbacks), **before}),
            )
        return response is not None

    def delete(self, record: EndpointRecord) -> bool:
        """Take the record out of all listings and keep its rollbacks. Calls UpdateItem.

        Return False and change nothing if the endpoint was deployed again since `record` was read.
        """
        names = ("open", "created", "configurations", "alarms")
        with translate_errors("dynamodb", f"the endpoint {record.name}"):
            response = write_if(
                self.client.update_item,
                TableName=self.table,
                Key=_key(record.name),
                UpdateExpression="REMOVE " + ", ".join(f"#{name}" for name in names),
                ConditionExpression="#created = :created",
                ExpressionAttributeNames={f"#{name}": name for name in names},
                ExpressionAttributeValues=encode({":created": record.deadline}),
            )
        return response is not None

    def _until(self, last: str) -> Iterator[EndpointRecord]:
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            IndexName="open_runs",
            KeyConditionExpression="#open = :open AND #created <= :last",
            ExpressionAttributeNames={"#open": "open", "#created": "created"},
            ExpressionAttributeValues=encode({":open": "endpoint", ":last": last}),
        )
        with translate_errors("dynamodb", "the endpoints"):
            for page in pages:
                yield from (_record(decode_item(item)) for item in page["Items"])


def _key(name: str) -> dict[str, Any]:
    return encode({"run": f"endpoint#{name}", "item": "endpoint"})


def _text(rollbacks: Sequence[Rollback]) -> str:
    return json.dumps([asdict(rollback) for rollback in rollbacks])


def _record(item: Mapping[str, Any]) -> EndpointRecord:
    names = ("since", "deployed_by", "requested_by", "stage")
    return EndpointRecord(
        name=item["run"].removeprefix("endpoint#"),
        deadline=item["created"],
        configurations=tuple(json.loads(item.get("configurations", "[]"))),
        alarms=tuple(json.loads(item.get("alarms", "[]"))),
        deploying_run=str(item.get("lock", "")).partition("/")[0],
        rollbacks=tuple(Rollback(**rollback) for rollback in json.loads(item.get("rollbacks", "[]"))),
        **{name: str(item.get(name, "")) for name in names},
    )
