"""A patch of DynamoDB: a query of an index with a limit reads the items of its page only.

ministack sorts and evaluates every item of the index partition, so that the newest 20 of 20,000 runs take
seconds. The patched function gives it the items that can be on the page.
"""

from __future__ import annotations

import contextvars
import heapq
import re
from collections.abc import Callable, Mapping
from typing import Any

from stagewright.local.emulator.patches import replace

PARTITION = re.compile(r"\s*[#\w]+\s*=\s*(:\w+)\s*")
"""A key condition that selects a whole partition."""
FILTERS = ("FilterExpression", "QueryFilter", "KeyConditions", "ConditionalOperator")

_page: contextvars.ContextVar[Mapping[str, Any] | None] = contextvars.ContextVar("_page", default=None)
"""The request whose page is read now."""


def patch(dynamodb: Any) -> None:
    query, index_members = dynamodb._query, dynamodb._index_members

    def query_page(request: dict[str, Any]) -> Any:
        token = _page.set(request if _is_page(request) else None)
        try:
            return query(request)
        finally:
            _page.reset(token)

    def members_of_page(table: dict[str, Any]) -> Any:
        members = index_members(table)
        request = _page.get()
        return _on_page(dynamodb, table, members, request) if request else members

    replace(dynamodb, "_query", query_page)
    replace(dynamodb, "_index_members", members_of_page)


def _is_page(request: Mapping[str, Any]) -> bool:
    is_partition = PARTITION.fullmatch(str(request.get("KeyConditionExpression", "")))
    limit = request.get("Limit")
    return bool(
        is_partition
        and request.get("IndexName")
        and isinstance(limit, int)
        and limit > 0
        and not any(name in request for name in FILTERS)
    )


def _on_page(
    dynamodb: Any, table: dict[str, Any], members: Mapping[str, Any], request: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the index with the partition's items of the page, and the one after it."""
    name = request["IndexName"]
    key = _partition(request)
    order = _order(dynamodb, table, name)
    positions = {order(table["items"][pk][sk]): (pk, sk) for pk, sk in members.get(name, {}).get(key, ())}
    is_forward = request.get("ScanIndexForward", True)
    if start := request.get("ExclusiveStartKey"):
        after = order(start)
        positions = {at: keys for at, keys in positions.items() if (at > after if is_forward else at < after)}
    first = (heapq.nsmallest if is_forward else heapq.nlargest)(request["Limit"] + 1, positions)
    return {name: {key: {positions[position]: None for position in first}}}


def _partition(request: Mapping[str, Any]) -> Any:
    (value,) = request["ExpressionAttributeValues"].values()
    return next(iter(value.values()))


def _order(
    dynamodb: Any, table: dict[str, Any], index: str
) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    """Return ministack's order of an index, as a function of an item or of a start key."""
    _, ranges = dynamodb._index_key_lists(dynamodb._index_def(table, index))
    keys = dynamodb._index_order_keys(table, ranges)
    return lambda item: tuple(dynamodb._index_order_value(item, name, kind) for name, kind in keys)
