"""DynamoDB's items: the journal has each change, and each snapshot adds the changed items to a SQLite file.

ministack's own snapshot copies every item of every table. The tables themselves are in `dynamodb.json`.
The folder `previous` has a second copy of the file, for a repair.
"""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sagemaker_local import store
from sagemaker_local.store import Store
from stagewright.local.emulator.journal import Journal
from stagewright.local.emulator.patches import replace
from stagewright.local.emulator.previous import FOLDER

FILE = "items.sqlite"

Key = tuple[str, str, str]
"""ARN of the table, hash key, sort key."""
Changes = Mapping[Key, dict[str, Any] | None]
"""Key -> item; None: it was deleted."""


class _Saved(defaultdict[str, dict[str, Any]]):
    """The items of a table, which snapshots of ministack leave out."""

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        return {}


class Items:
    """Patches ministack's DynamoDB. `order` keeps a change and its journal line together."""

    def __init__(self, dynamodb: Any, journal: Journal, order: threading.RLock, folder: Path) -> None:
        self._dynamodb, self._journal, self._order = dynamodb, journal, order
        self._file, self._copy_file = folder / FILE, folder / FOLDER / FILE
        self._store = Store(self._file, lasting=True)
        self._copy: Store | None = None
        self._changed: dict[Key, dict[str, Any] | None] = {}
        self._saving: Changes = {}
        self._put, self._remove = dynamodb._set_item, dynamodb._remove_item
        self._replaced = dynamodb._items_replaced
        replace(dynamodb, "_set_item", self._set_item)
        replace(dynamodb, "_remove_item", self._remove_item)
        replace(dynamodb, "_items_replaced", self._replace_items)
        replace(dynamodb, "_create_table", self._filled(dynamodb._create_table))
        replace(dynamodb, "_delete_table", self._emptied(dynamodb._delete_table))

    def load(self) -> None:
        """Read the items of the restored tables."""
        for table in self._dynamodb._tables.all_values():
            self._fill(table)

    def take_changes(self) -> Changes:
        """Return what changed since the last call. Call it with the order lock."""
        self._saving, self._changed = self._changed, {}
        return self._saving

    def save(self, changes: Changes) -> None:
        """Write changes to the file and to its copy. After an error, the next call writes them again."""
        try:
            _write(self._store, changes)
            _write(self._open_copy(), changes)
        except BaseException:
            with self._order:
                self._changed = {**changes, **self._changed}
            raise
        finally:
            self._saving = {}

    def checkpoint(self) -> None:
        """Write everything into the main file, so that the file can be copied."""
        self._store.checkpoint()

    def replay_item(self, arn: str, key: str, sort: str, item: dict[str, Any] | None) -> None:
        """Repeat a change of the journal. One of a table that is gone is ignored."""
        if table := self._table(arn):
            self._mark(table, key, sort, item)
            self._remove(table, key, sort) if item is None else self._put(table, key, sort, item)

    def replay_items(self, arn: str, items: dict[str, dict[str, Any]]) -> None:
        """Repeat the replacement of all items of a table."""
        table = self._table(arn)
        for key, sort in _keys(table["items"]) if table else ():
            self.replay_item(arn, key, sort, None)
        for key, sort in _keys(items):
            self.replay_item(arn, key, sort, items[key][sort])

    def _table(self, arn: str) -> dict[str, Any] | None:
        _, _, _, region, account, name = arn.split(":", 5)
        table: dict[str, Any] | None = self._dynamodb._tables.get_scoped(
            account, region, name.removeprefix("table/")
        )
        return table

    def _set_item(self, table: dict[str, Any], key: str, sort: str, item: dict[str, Any]) -> Any:
        with self._order:
            self._journal.write("item", table["TableArn"], key, sort, item)
            self._mark(table, key, sort, item)
            return self._put(table, key, sort, item)

    def _remove_item(self, table: dict[str, Any], key: str, sort: str) -> Any:
        with self._order:
            self._journal.write("item", table["TableArn"], key, sort, None)
            self._mark(table, key, sort, None)
            return self._remove(table, key, sort)

    def _replace_items(self, table: dict[str, Any]) -> None:
        with self._order:
            self._replaced(table)
            self._journal.write("items", table["TableArn"], table["items"])
            self._changed |= dict.fromkeys(self._stored(table["TableArn"]))
            self._adopt(table)

    def _mark(self, table: dict[str, Any], key: str, sort: str, item: dict[str, Any] | None) -> None:
        if not isinstance(table["items"], _Saved):
            self._adopt(table)
        self._changed[table["TableArn"], key, sort] = item

    def _adopt(self, table: dict[str, Any]) -> None:
        """Save all items of a table, from now on in the file: ministack made them anew."""
        table["items"] = _Saved(dict, table["items"])
        for key, sort in _keys(table["items"]):
            self._changed[table["TableArn"], key, sort] = table["items"][key][sort]

    def _fill(self, table: dict[str, Any]) -> None:
        """Add the stored items to those that an earlier version saved with the table."""
        stored = self._stored(table["TableArn"])
        self._adopt(table)
        for (_, key, sort), item in stored.items():
            table["items"][key][sort] = item
        self._dynamodb._update_counts(table)

    def _stored(self, arn: str) -> dict[Key, dict[str, Any]]:
        """Return the items of a table as they are in the file after the next save."""
        items: dict[Key, dict[str, Any] | None] = {
            (arn, *json.loads(name)): item for name, item in self._store.page(arn, -1)
        }
        items |= {key: item for key, item in {**self._saving, **self._changed}.items() if key[0] == arn}
        return {key: item for key, item in items.items() if item is not None}

    def _filled(self, create: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
        """Give a new table the items of one whose definition was lost with a damaged file."""

        def create_table(request: dict[str, Any]) -> Any:
            answer = create(request)
            if answer[0] == 200 and (table := self._dynamodb._tables.get(request.get("TableName"))):
                with self._order:
                    self._fill(table)
            return answer

        return create_table

    def _emptied(self, delete: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
        def delete_table(request: dict[str, Any]) -> Any:
            tables = {table["TableArn"]: table for table in self._dynamodb._tables.all_values()}
            answer = delete(request)
            left = {table["TableArn"] for table in self._dynamodb._tables.all_values()}
            with self._order:
                for arn in tables.keys() - left:
                    self._changed |= dict.fromkeys((arn, *keys) for keys in _keys(tables[arn]["items"]))
            return answer

        return delete_table

    def _open_copy(self) -> Store:
        """Return the second copy. It is made anew if it is missing or damaged."""
        if self._copy is None or not self._copy_file.exists():
            if not self._copy_file.exists() or store.problem(self._copy_file):
                self._copy_file.parent.mkdir(mode=0o700, exist_ok=True)
                store.copy(self._file, self._copy_file)
            self._copy = Store(self._copy_file, lasting=True)
        return self._copy


def _write(target: Store, changes: Changes) -> None:
    with target.transaction():
        for (arn, key, sort), item in changes.items():
            name = json.dumps([key, sort])
            target.delete(arn, name) if item is None else target.put(arn, name, item)


def _keys(items: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str]]:
    return [(key, sort) for key, sorted_items in items.items() for sort in sorted_items]
