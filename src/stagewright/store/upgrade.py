"""Store the items of the tables in the formats of this version (`stagewright.formats`).

An item is replaced only if it has not changed since it was read. So runs may be active meanwhile. An upgrade
that was interrupted is continued by the next one, and an upgrade of current items writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from stagewright.aws.errors import translate_errors
from stagewright.formats import DOCUMENTS, ITEMS, FormatError, kind_of, number_of, read_item
from stagewright.parallel import run_parallel
from stagewright.store.items import decode, unchanged, write_if
from stagewright.store.typed_values import to_typed

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ATTEMPTS = 5
"""How often an item is read again that changes meanwhile."""
Typed = Mapping[str, Any]


@dataclass(frozen=True)
class UpgradedItem:
    """An item and what an upgrade did, or would do, with it.

    `earlier`: it had an earlier format. `busy`: it changed meanwhile, at each attempt. `error`: a later
    version wrote it; it stays.
    """

    kind: str
    earlier: bool = False
    busy: bool = False
    error: str = ""


def upgrade(client: DynamoDBClient, table: str, *, write: bool) -> Iterator[UpgradedItem]:
    """Yield every item of a known kind of a table, after it was upgraded if `write` is set.

    Calls Scan (consistent), PutItem, and GetItem if an item changes meanwhile.
    """
    pages = client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    with translate_errors("dynamodb", f"the table {table}"):
        for page in pages:
            known = [item for item in page["Items"] if kind_of(decode(item)) in ITEMS]
            yield from run_parallel(partial(_upgrade, client, table, write), known)


def _upgrade(client: DynamoDBClient, table: str, write: bool, stored: Typed) -> UpgradedItem:
    kind = kind_of(decode(stored))
    for _ in range(ATTEMPTS):
        try:
            new = _upgraded(stored)
        except FormatError as error:
            return UpgradedItem(kind, error=error.message)
        if new is None or not write or _replace(client, table, stored, new):
            return UpgradedItem(kind, earlier=new is not None)
        answer = client.get_item(TableName=table, Key=_key(kind, stored), ConsistentRead=True)
        if "Item" not in answer:
            return UpgradedItem(kind)
        stored = answer["Item"]
    return UpgradedItem(kind, earlier=True, busy=True)


def _upgraded(stored: Typed) -> Typed | None:
    """Return the item in the format of this version, None if it has that.

    Attributes that no step changes keep their type.
    """
    plain = decode(stored)
    if number_of(plain) == ITEMS[kind_of(plain)]:
        return None
    new = read_item(plain)
    changed = {name: to_typed(value) for name, value in new.items() if plain.get(name) != value}
    return {name: value for name, value in stored.items() if name in new} | changed


def _replace(client: DynamoDBClient, table: str, stored: Typed, new: Typed) -> bool:
    names = sorted({*stored, *new})
    condition = unchanged(names, stored)
    return write_if(client.put_item, TableName=table, Item=new, **condition) is not None


def _key(kind: str, stored: Typed) -> dict[str, Any]:
    return {name: stored[name] for name in ("pipeline" if kind in DOCUMENTS else "run", "item")}
