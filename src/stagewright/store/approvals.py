"""Approvals: the items `stage#<name>` of approval stages that wait, or have waited, for a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stagewright.aws.errors import translate_errors
from stagewright.naming import person
from stagewright.store.items import decode_item, encode, write_if
from stagewright.store.run_items import WAITING

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PREFIX = "stage#"


def barred_mark(by: str) -> str:
    """A person as an entry of `barred`."""
    return f",{person(by)},"


@dataclass(frozen=True)
class Approval:
    """An approval stage of a run, and the decision. Times are ISO 8601 UTC text.

    `status` is the status of the stage: WAITING until it ends. `since` and `until` are when it started to
    wait and when it times out. `token` is the task token of the waiting state. `decision` is "approved",
    "rejected", or empty before the decision. A recorded decision is final, even if the state machine has
    not received it yet. `by`, `why` and `at` belong to the decision. `error` is that of a failed stage.
    `barred` are the people who may not approve it: `,ann,bob,`.
    """

    run: str
    stage: str
    status: str
    message: str
    package: str
    since: str
    until: str
    token: str
    decision: str = ""
    by: str = ""
    why: str = ""
    at: str = ""
    error: str = ""
    barred: str = ""


@dataclass(frozen=True)
class Approvals:
    """Reads approvals and records decisions."""

    client: DynamoDBClient
    table: str

    def of_run(self, run: str) -> tuple[Approval, ...]:
        """Return all approvals of a run, decided or not. Calls Query (consistent)."""
        return tuple(self._query(run))

    def decide(self, approval: Approval, decision: str, by: str, why: str, at: str) -> bool:
        """Record a decision. Calls UpdateItem.

        Return False and write nothing if the stage has a decision already or waits no longer, or if `by` may
        not approve it.
        """
        decided = {"decision": decision, "decided_by": by, "why": why, "decided": at}
        names = (*decided, "status", "token")
        values = {**decided, "status": WAITING, "token": approval.token}
        condition = "#status = :status AND #token = :token AND attribute_not_exists(#decision)"
        if decision == "approved":
            names, values = (*names, "barred"), {**values, "barred": barred_mark(by)}
            condition += " AND NOT contains(#barred, :barred)"
        with translate_errors("dynamodb", f"the approval {approval.stage} of {approval.run}"):
            response = write_if(
                self.client.update_item,
                TableName=self.table,
                Key=encode({"run": approval.run, "item": f"{PREFIX}{approval.stage}"}),
                UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in decided),
                ConditionExpression=condition,
                ExpressionAttributeNames={f"#{name}": name for name in names},
                ExpressionAttributeValues={f":{name}": {"S": text} for name, text in values.items()},
            )
        return response is not None

    def _query(self, run: str) -> Iterator[Approval]:
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="#run = :run AND begins_with(#item, :prefix)",
            FilterExpression="attribute_exists(#token)",
            ExpressionAttributeNames={"#run": "run", "#item": "item", "#token": "token"},
            ExpressionAttributeValues=encode({":run": run, ":prefix": PREFIX}),
            ConsistentRead=True,
        )
        with translate_errors("dynamodb", f"the approvals of {run}"):
            for page in pages:
                yield from (_approval(decode_item(item)) for item in page["Items"])


def _approval(item: Mapping[str, Any]) -> Approval:
    return Approval(
        run=item["run"],
        stage=item["item"].removeprefix(PREFIX),
        status=item["status"],
        message=item.get("message", ""),
        package=item.get("package", ""),
        since=item.get("started", ""),
        until=item.get("deadline", ""),
        token=item["token"],
        decision=item.get("decision", ""),
        by=item.get("decided_by", ""),
        why=item.get("why", ""),
        at=item.get("decided", ""),
        error=item.get("error", ""),
        barred=item.get("barred", ""),
    )
