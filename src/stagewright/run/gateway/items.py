"""Items of DynamoDB as plain mappings of text and whole numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

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
