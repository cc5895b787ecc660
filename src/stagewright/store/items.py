"""DynamoDB items as plain mappings of text and whole numbers, and conditional writes."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from stagewright.aws.errors import error_code
from stagewright.formats import read_item, stamped

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

ITEM_LIMIT = 400 * 1024
"""Bytes of an item, names included (DynamoDB developer guide, "Quotas")."""
HASH_KEY, SORT_KEY = 2_048, 1_024
"""Bytes of a partition key and of a sort key (DynamoDB developer guide, "Quotas")."""
CONFLICT_PAUSES = (0.02, 0.1, 0.5, None)
"""Seconds before a transaction that conflicts with another one is repeated. None: it fails."""

Item = Mapping[str, str | int]
Response = TypeVar("Response")


def encode(item: Item) -> dict[str, Any]:
    """Return the item in DynamoDB's types.

    Empty text is left out: readers treat it as absent, and keys of an index must not be empty.
    """
    return {
        name: {"N": str(value)} if isinstance(value, int) else {"S": value}
        for name, value in item.items()
        if value != ""
    }


def encode_item(item: Item) -> dict[str, Any]:
    """Return a whole item in DynamoDB's types, with the number of its format."""
    return encode(stamped(item))


def decode(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return plain values of an item in DynamoDB's types."""
    return {name: _plain(value) for name, value in item.items()}


def decode_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return plain values of a stored item, in the format of this version.

    Raise FormatError if a later version of Stagewright wrote it.
    """
    return read_item(decode(item))


def fitting(key: str, limit: int) -> str:
    """Return a key of at most `limit` bytes. A hash of the whole key replaces the end of a longer one.

    Keys contain names of S3 objects, which can have 1,024 bytes.
    """
    raw = key.encode()
    if len(raw) <= limit:
        return key
    unique = f"#{hashlib.sha256(raw).hexdigest()}"
    return raw[: limit - len(unique)].decode(errors="ignore") + unique


def size_of(item: Item) -> int:
    """Return the bytes that DynamoDB counts, or slightly more: names, texts, and numbers as text in UTF-8."""
    return sum(len(name.encode()) + len(str(value).encode()) for name, value in item.items())


def write_if(operation: Callable[..., Response], **request: Any) -> Response | None:
    """Make a conditional write. Return its response, or None if the condition does not hold."""
    try:
        return operation(**request)
    except ClientError as error:
        if error_code(error) != "ConditionalCheckFailedException":
            raise
        return None


def update_if(client: DynamoDBClient, **request: Any) -> tuple[Mapping[str, Any] | None, Mapping[str, Any]]:
    """Call UpdateItem with a condition. Return its response and {}, or None and the item as it is."""
    try:
        return client.update_item(**request, ReturnValuesOnConditionCheckFailure="ALL_OLD"), {}
    except ClientError as error:
        if error_code(error) != "ConditionalCheckFailedException":
            raise
        failure: Mapping[str, Any] = error.response
        return None, failure.get("Item", {})


def unchanged(names: Sequence[str], stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return the condition that each attribute of `names` is as `stored` has it."""
    placeholders = {name: str(number) for number, name in enumerate(names)}
    values = {f":{placeholders[name]}": stored[name] for name in names if name in stored}
    condition = " AND ".join(
        f"#{key} = :{key}" if name in stored else f"attribute_not_exists(#{key})"
        for name, key in placeholders.items()
    )
    return {
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {f"#{key}": name for name, key in placeholders.items()},
        **({"ExpressionAttributeValues": values} if values else {}),
    }


def put_new(table: str, item: Item) -> TransactWriteItemTypeDef:
    """Return the action that puts an item and fails the transaction if the item exists."""
    return {
        "Put": {
            "TableName": table,
            "Item": encode_item(item),
            "ConditionExpression": "attribute_not_exists(#run)",
            "ExpressionAttributeNames": {"#run": "run"},
        }
    }


def write_all(client: DynamoDBClient, actions: Sequence[TransactWriteItemTypeDef]) -> bool:
    """Call TransactWriteItems (at most 100 actions, by its API reference).

    Return False if a condition does not hold: nothing is written then. A transaction that conflicts with
    another one is repeated three times.
    """
    for pause in CONFLICT_PAUSES:
        try:
            client.transact_write_items(TransactItems=actions)
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
    """Return whether `code` is one of the reasons why DynamoDB cancelled the transaction."""
    response: Mapping[str, Any] = error.response
    return any(reason.get("Code") == code for reason in response.get("CancellationReasons", []))


def _plain(value: Mapping[str, Any]) -> Any:
    ((kind, content),) = value.items()
    match kind:
        case "N":
            return int(content) if content.lstrip("-").isdigit() else float(content)
        case "M":
            return decode(content)
        case "L":
            return [_plain(element) for element in content]
        case "NULL":
            return None
        case _:
            return content
