"""The condition keys of DynamoDB that a request sets: leading keys, attributes, return values.

Sources: "Using IAM policy conditions for fine-grained access control" (DynamoDB developer guide): attributes
are the top-level ones of every request parameter, those that an expression only compares included.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

HASH_KEYS = {"documents": "pipeline", "runs": "run"}
EXPRESSIONS = (
    "ConditionExpression",
    "FilterExpression",
    "KeyConditionExpression",
    "ProjectionExpression",
    "UpdateExpression",
)
WORDS = {"SET", "REMOVE", "ADD", "DELETE", "AND", "OR", "NOT", "IN", "BETWEEN", "attribute_exists"} | {
    *(
        "attribute_not_exists",
        "attribute_type",
        "begins_with",
        "contains",
        "size",
        "if_not_exists",
        "list_append",
    )
}
"""Keywords and functions of expressions."""
ACTIONS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
"""Action of TransactWriteItems -> the IAM action that it needs."""


def requests_of(operation: str, body: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """IAM action -> the request of each item, or of the call itself."""
    match operation:
        case "TransactWriteItems":
            for entry in body["TransactItems"]:
                ((what, request),) = entry.items()
                yield ACTIONS[what], request
        case "BatchWriteItem" | "BatchGetItem":
            for table, request in body["RequestItems"].items():
                yield operation, {"TableName": table, "items": list(_items(request))}
        case _:
            yield operation, body


def context(request: Mapping[str, Any]) -> dict[str, Any]:
    hash_key = HASH_KEYS.get(request["TableName"].rpartition("-")[2], "")
    items = request.get("items") or [request.get("Item") or request.get("Key") or {}]
    leading = [item[hash_key]["S"] for item in items if hash_key in item]
    if "KeyConditionExpression" in request and "IndexName" not in request:
        leading = list(_queried(request, hash_key))
    attributes = {name for item in items for name in item} | set(_named(request))
    found = {"dynamodb:LeadingKeys": leading, "dynamodb:Attributes": sorted(attributes)}
    return {key: value for key, value in found.items() if value} | {
        "dynamodb:ReturnValues": request.get("ReturnValues", "NONE")
    }


def _items(request: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(request, list):  # BatchWriteItem
        for entry in request:
            yield entry.get("PutRequest", {}).get("Item") or entry["DeleteRequest"]["Key"]
    else:
        yield from request["Keys"]


def _named(request: Mapping[str, Any]) -> Iterator[str]:
    names = request.get("ExpressionAttributeNames", {})
    for expression in EXPRESSIONS:
        for word in re.findall(r"(?<![:\w.])#?[A-Za-z_]\w*", request.get(expression, "")):
            if word.lstrip("#") not in WORDS or word in names:
                yield names.get(word, word)


def _queried(request: Mapping[str, Any], hash_key: str) -> Iterator[str]:
    names, values = request.get("ExpressionAttributeNames", {}), request["ExpressionAttributeValues"]
    for name, value in re.findall(r"(#?\w+) = (:\w+)", request["KeyConditionExpression"]):
        if names.get(name, name) == hash_key:
            yield values[value]["S"]
