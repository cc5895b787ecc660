"""Items of tables: what a snapshot writes, and that every change survives every kind of end."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
from importlib import import_module

import pytest

from sagemaker_local import store
from sagemaker_local.store import Store
from stagewright.local.emulator import items as module
from stagewright.local.emulator.items import Items
from stagewright.local.emulator.journal import Journal

PATCHED = ("_set_item", "_remove_item", "_items_replaced", "_create_table", "_delete_table")
TABLE = "items-of-tests"


class World:
    """ministack's DynamoDB with one table, and the files of a state folder."""

    def __init__(self, dynamodb, folder):
        self.dynamodb, self.folder = dynamodb, folder
        self.start()
        self.create()

    def start(self):
        self.journal, order = Journal(self.folder), threading.RLock()
        self.items = Items(self.dynamodb, self.journal, order, self.folder)

    def create(self):
        key = {"AttributeName": "run", "AttributeType": "S"}, {"AttributeName": "item", "AttributeType": "S"}
        schema = [{"AttributeName": "run", "KeyType": "HASH"}, {"AttributeName": "item", "KeyType": "RANGE"}]
        self.dynamodb._create_table(
            {
                "TableName": TABLE,
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": list(key),
                "KeySchema": schema,
            }
        )

    def put(self, name, value="1"):
        item = {"run": {"S": "r"}, "item": {"S": name}, "value": {"S": value}}
        assert self.dynamodb._put_item({"TableName": TABLE, "Item": item})[0] == 200

    def delete(self, name):
        self.dynamodb._delete_item({"TableName": TABLE, "Key": {"run": {"S": "r"}, "item": {"S": name}}})

    def save(self):
        earlier = self.journal.begin()
        self.items.save(self.items.take_changes())
        return earlier

    def restart(self):
        """As the next server: the tables are those of the last snapshot, with nothing else in memory."""
        tables = json.loads(json.dumps(self.snapshot()))
        for name in PATCHED:
            setattr(self.dynamodb, name, ORIGINAL[name])
        self.dynamodb._delete_table({"TableName": TABLE})
        self.start()
        if TABLE in tables:
            self.dynamodb._tables[TABLE] = tables[TABLE]
        self.items.load()
        for kind, arn, *rest in self.journal.changes():
            getattr(self.items, f"replay_{kind}")(arn, *rest)

    def snapshot(self):
        return {name: table for (_, _, name), table in self.dynamodb.get_state()["tables"].all_items()}

    def values(self):
        found = self.dynamodb._tables[TABLE]["items"].get("r", {})
        return {name: item["value"]["S"] for name, item in found.items()}

    def written(self, monkeypatch):
        """The number of items that a save writes to the file."""
        calls = []
        put, delete = Store.put, Store.delete
        with monkeypatch.context() as patch:
            patch.setattr(Store, "put", lambda *of: calls.append(of) or put(*of))
            patch.setattr(Store, "delete", lambda *of: calls.append(of) or delete(*of))
            self.save()
        return len(calls) / 2


ORIGINAL: dict[str, object] = {}


@pytest.fixture
def world(tmp_path):
    dynamodb = import_module("ministack.services.dynamodb")
    with pytest.MonkeyPatch.context() as patch:
        for name in PATCHED:  # restores them afterwards
            ORIGINAL[name] = getattr(dynamodb, name)
            patch.setattr(dynamodb, name, ORIGINAL[name])
        yield World(dynamodb, tmp_path)
        dynamodb._delete_table({"TableName": TABLE})


def test_save_writes_only_what_changed(world, monkeypatch):
    for number in range(50):
        world.put(f"{number}")
    assert world.written(monkeypatch) == 50
    assert world.written(monkeypatch) == 0
    world.put("7", "2")
    world.put("7", "3")
    world.delete("8")
    assert world.written(monkeypatch) == 2


def test_snapshot_of_the_tables_has_no_items(world):
    world.put("a")
    assert json.dumps(world.snapshot()[TABLE]["items"]) == "{}"
    assert world.values() == {"a": "1"}


@pytest.mark.parametrize("saves", [0, 1, 2])
def test_every_change_survives(world, saves):
    world.save()
    world.put("a")
    world.put("b")
    for _ in range(saves):
        world.save()
    world.put("b", "2")
    world.delete("a")
    world.put("c")
    world.restart()
    assert world.values() == {"b": "2", "c": "1"}
    assert world.dynamodb._tables[TABLE]["ItemCount"] == 2
    world.save()
    world.restart()
    assert world.values() == {"b": "2", "c": "1"}


@pytest.mark.parametrize("saved", [True, False])
def test_deleted_table_keeps_no_items(world, saved):
    world.put("a")
    if saved:
        world.save()
    world.dynamodb._delete_table({"TableName": TABLE})
    world.create()
    assert world.values() == {}
    world.put("b")
    world.save()
    world.restart()
    assert world.values() == {"b": "1"}


def test_table_whose_definition_was_lost_has_its_items_again(world):
    world.put("a")
    world.save()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world, "snapshot", dict)
        world.restart()
    world.create()
    assert world.values() == {"a": "1"}
    world.save()
    world.restart()
    assert world.values() == {"a": "1"}


def test_items_that_an_earlier_version_saved_with_the_table_are_kept(world):
    world.put("old")
    table = world.dynamodb._tables[TABLE]
    table["items"] = {key: dict(items) for key, items in table["items"].items()}
    shutil.rmtree(world.folder)
    world.folder.mkdir()
    world.restart()
    assert world.values() == {"old": "1"}
    world.put("new")
    assert json.dumps(world.snapshot()[TABLE]["items"]) == "{}"
    world.save()
    world.restart()
    assert world.values() == {"old": "1", "new": "1"}


def test_rolled_back_transaction_is_saved_as_it_is(world):
    world.put("a")
    world.save()
    insert = "INSERT INTO \"{}\" VALUE {{'run': 'r', 'item': '{}', 'value': '1'}}"
    statements = [{"Statement": insert.format(TABLE, name)} for name in ("b", "a")]
    assert world.dynamodb._execute_transaction({"TransactStatements": statements})[0] == 400
    world.save()
    world.restart()
    assert world.values() == {"a": "1"}


@pytest.mark.parametrize("failing", [0, 1])
def test_failed_save_is_repeated(world, monkeypatch, failing):
    """0: of the file; 1: of its copy."""
    world.save()
    world.put("a")
    calls = iter(range(10))
    write = module._write

    def fail(*of):
        if next(calls) == failing:
            raise sqlite3.OperationalError("database or disk is full")
        write(*of)

    with monkeypatch.context() as patch:
        patch.setattr(module, "_write", fail)
        with pytest.raises(sqlite3.OperationalError):
            world.save()
    world.put("b")
    world.save()
    for file in (world.folder / "items.sqlite", world.folder / "previous/items.sqlite"):
        copied = world.folder / "read.sqlite"
        store.copy(file, copied)
        kept = Store(copied)
        assert len(kept.page(kept.kinds()[0], -1)) == 2
        kept.close()


@pytest.mark.parametrize("damage", ["missing", "garbage"])
def test_second_copy_is_made_anew(world, damage):
    world.put("a")
    world.save()
    copy = world.folder / "previous/items.sqlite"
    world.items._copy.close()
    for file in copy.parent.glob("items.sqlite*"):
        file.unlink()
    if damage == "garbage":
        copy.write_bytes(b"garbage" * 1_000)
    world.restart()
    world.put("b")
    world.save()
    world.items._copy.close()
    assert store.problem(copy) is None
    kept = Store(copy)
    assert len(kept.page(kept.kinds()[0], -1)) == 2
    kept.close()
