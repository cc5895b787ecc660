"""Items of DynamoDB as plain mappings of text and whole numbers."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from stagewright.aws.errors import code_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

ITEM_LIMIT = 400 * 1024
"""Bytes of an item, names included (DynamoDB quotas: item size 400 KB)."""

HASH_KEY, SORT_KEY = 2_048, 1_024
"""Bytes that a partition key and a sort key may have (DynamoDB developer guide, "Quotas")."""

Item = Mapping[str, str | int]


def encode(item: Item) -> dict[str, Any]:
    """Empty text is left out: no reader tells it from an absent one, and index keys must not be empty."""
    return {
        name: {"N": str(value)} if isinstance(value, int) else {"S": value}
        for name, value in item.items()
        if value != ""
    }


def decode(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in item.items()}


def fitting(key: str, limit: int) -> str:
    """`key`; one of more than `limit` bytes with a hash of all of it in place of its end. Names of objects,
    which have up to 1,024 bytes, are part of keys."""
    raw = key.encode()
    if len(raw) <= limit:
        return key
    unique = f"#{hashlib.sha256(raw).hexdigest()}"
    return raw[: limit - len(unique)].decode(errors="ignore") + unique


def size_of(item: Item) -> int:
    """Bytes that DynamoDB counts, or a few more: names and values in UTF-8, numbers as text."""
    return sum(len(name.encode()) + len(str(value).encode()) for name, value in item.items())


def _plain(value: Mapping[str, Any]) -> Any:
    ((kind, content),) = value.items()
    match kind:
        case "N":
            return int(content) if content.lstrip("-").isdigit() else float(content)
        case "M":
            return decode(content)
        case "L":
            return [_plain(each) for each in content]
        case "NULL":
            return None
        case _:
            return content


def write_if(operation: Callable[..., Any], **request: Any) -> dict[str, Any] | None:
    """Make a conditional write. Return its response, or None if the condition does not hold."""
    try:
        response: dict[str, Any] = operation(**request)
    except ClientError as error:
        if code_of(error) != "ConditionalCheckFailedException":
            raise
        return None
    return response


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
