"""Writes of DynamoDB that happen all or not at all."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from stagewright.run.gateway.items import Item, encode

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

CONFLICT_PAUSES = (0.02, 0.1, 0.5, None)
"""Seconds before a transaction is tried again, where another one was writing the same items just then."""


def new(table: str, item: Item) -> TransactWriteItemTypeDef:
    """Puts an item that must not be there yet."""
    return {
        "Put": {
            "TableName": table,
            "Item": encode(item),
            "ConditionExpression": "attribute_not_exists(#run)",
            "ExpressionAttributeNames": {"#run": "run"},
        }
    }


def write(client: DynamoDBClient, writes: Sequence[TransactWriteItemTypeDef]) -> bool:
    """False where a condition does not hold, and then nothing is written."""
    for pause in CONFLICT_PAUSES:
        try:
            client.transact_write_items(TransactItems=writes)
        except ClientError as error:
            if _cancelled_by(error, "ConditionalCheckFailed"):
                return False
            if pause is None or not _cancelled_by(error, "TransactionConflict"):
                raise
            time.sleep(pause)
        else:
            return True
    return False


def _cancelled_by(error: ClientError, code: str) -> bool:
    """Whether one of the reasons why DynamoDB gave a transaction up is `code`."""
    response: Mapping[str, Any] = error.response
    return any(reason.get("Code") == code for reason in response.get("CancellationReasons", []))
