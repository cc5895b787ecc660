"""Approvals: the items `stage#<name>` of stages that wait, or have waited, for a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from stagewright.aws.errors import code_of, translated
from stagewright.store.items import decode, encode
from stagewright.store.runs import WAITING

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PREFIX = "stage#"


@dataclass(frozen=True)
class Approval:
    """What a person was asked. `status`: of the stage, WAITING until it ends. `decision`: approved or
    rejected, "" while nobody has decided; it counts from then on, also while the stage has not been told.
    `error`: of a stage that failed. Times are ISO 8601 UTC text.
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


@dataclass(frozen=True)
class Approvals:
    client: DynamoDBClient
    table: str

    def of_run(self, run: str) -> tuple[Approval, ...]:
        """All of a run, also those that have ended."""
        return tuple(self._found(run))

    def decide(self, approval: Approval, decision: str, by: str, why: str, at: str) -> bool:
        """Writes down who decided; false where somebody has already, or it does not wait any more."""
        decided = {"decision": decision, "decided_by": by, "why": why, "decided": at}
        names = (*decided, "status", "token")
        values = {**decided, "status": WAITING, "token": approval.token}
        with translated("dynamodb", f"the approval {approval.stage} of {approval.run}"):
            try:
                self.client.update_item(
                    TableName=self.table,
                    Key=encode({"run": approval.run, "item": f"{PREFIX}{approval.stage}"}),
                    UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in decided),
                    ConditionExpression="#status = :status AND #token = :token"
                    " AND attribute_not_exists(#decision)",
                    ExpressionAttributeNames={f"#{name}": name for name in names},
                    ExpressionAttributeValues={f":{name}": {"S": text} for name, text in values.items()},
                )
            except ClientError as error:
                if code_of(error) != "ConditionalCheckFailedException":
                    raise
                return False
        return True

    def _found(self, run: str) -> Iterator[Approval]:
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="#run = :run AND begins_with(#item, :prefix)",
            FilterExpression="attribute_exists(#token)",
            ExpressionAttributeNames={"#run": "run", "#item": "item", "#token": "token"},
            ExpressionAttributeValues=encode({":run": run, ":prefix": PREFIX}),
            ConsistentRead=True,
        )
        with translated("dynamodb", f"the approvals of {run}"):
            for page in pages:
                yield from (_approval(decode(item)) for item in page["Items"])


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
    )
