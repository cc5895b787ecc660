"""`stagewright migrate`: items of earlier versions in the format of this one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from tests.formats.stored import TABLES, kind, recorded, store, stored

from stagewright import formats
from stagewright.cli.commands.configure import migrate
from stagewright.errors import TargetError
from stagewright.formats import DOCUMENTS, ITEMS, FormatError
from stagewright.operator_gateway import OperatorGateway
from stagewright.store import upgrade as upgrading
from stagewright.store.upgrade import UpgradedItem, upgrade

pytestmark = pytest.mark.slow


@pytest.fixture
def old(gateway: OperatorGateway) -> OperatorGateway:
    """An installation with the items from before formats were numbered."""
    store(gateway, recorded("unnumbered"))
    return gateway


def upgraded(gateway: OperatorGateway, *, write: bool = True) -> list[UpgradedItem]:
    names = [gateway.installation.name(table) for table in ("runs", "documents")]
    return [item for name in names for item in upgrade(gateway.runs.client, name, write=write)]


def numbers(gateway: OperatorGateway) -> set[tuple[str, str]]:
    """(kind, format) of what is stored."""
    return {(kind(item), item.get("format", {}).get("N", "")) for item in stored(gateway).values()}


RECORDED = {kind(item) for table in TABLES for item in recorded("unnumbered")[table]}
CURRENT = {(name, str(ITEMS[name])) for name in RECORDED}


def test_every_kind_gets_its_format_and_keeps_its_content(old: OperatorGateway) -> None:
    before = stored(old)
    outcome = upgraded(old)
    assert len(outcome) == len(before)
    assert all(item.earlier and not item.busy and not item.error for item in outcome)
    after = stored(old)
    assert numbers(old) == CURRENT
    assert {keys: {**item, "format": after[keys]["format"]} for keys, item in before.items()} == after


def test_dry_run_writes_nothing(old: OperatorGateway) -> None:
    before = stored(old)
    assert sum(item.earlier for item in upgraded(old, write=False)) == len(before)
    assert stored(old) == before


def test_second_migration_changes_nothing(old: OperatorGateway) -> None:
    upgraded(old)
    before = stored(old)
    assert not any(item.earlier for item in upgraded(old))
    assert stored(old) == before


def test_interrupted_migration_is_continued(old: OperatorGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    replaced: list[Any] = []
    replace = upgrading._replace

    def dies(*arguments: Any) -> bool:
        if len(replaced) >= 20:
            raise TargetError("the connection was lost")
        replaced.append(arguments)
        return replace(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(upgrading, "_replace", dies)
        with pytest.raises(TargetError):
            upgraded(old)
    begun = Counter("format" in item for item in stored(old).values())
    assert begun[True] >= 20
    assert begun[False] > 0
    assert sum(item.earlier for item in upgraded(old)) == begun[False]
    assert numbers(old) == CURRENT


def test_change_during_the_migration_is_kept(old: OperatorGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    run = next(run for (run, item), _ in stored(old).items() if item == "attempt#flaky#01")
    replace = upgrading._replace
    changed: list[str] = []

    def changing(client: Any, table: str, item: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
        if item.get("run") == {"S": run} and item["item"] == {"S": "run"} and not changed:
            changed.append(run)
            assert old.runs.transition(run, ["SUCCEEDED"], {"status": "SUCCEEDED", "reason": "meanwhile"})
        return replace(client, table, item, new)

    monkeypatch.setattr(upgrading, "_replace", changing)
    assert not any(item.busy for item in upgraded(old))
    header = old.runs.header(run)
    assert changed
    assert header
    assert header.reason == "meanwhile"
    assert numbers(old) >= {("run", "1")}


def test_item_that_always_changes_is_reported_and_kept(
    old: OperatorGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = stored(old)
    monkeypatch.setattr(upgrading, "_replace", lambda *_: False)
    assert {item.busy for item in upgraded(old)} == {True}
    assert stored(old) == before


def test_edited_overrides_keep_their_types(old: OperatorGateway) -> None:
    key = ("prices", "overrides")
    edited = stored(old)[key] | {"parameters": {"M": {"a": {"NULL": True}, "b": {"L": [{"BOOL": False}]}}}}
    old.runs.client.put_item(TableName=old.documents.table, Item=edited)
    upgraded(old)
    assert stored(old)[key] == edited | {"format": {"N": "1"}}


def test_item_of_an_unknown_kind_stays(old: OperatorGateway) -> None:
    item = {"run": {"S": "somebody"}, "item": {"S": "notes"}}
    old.runs.client.put_item(TableName=old.runs.table, Item=item)
    upgraded(old)
    assert stored(old)[("somebody", "notes")] == item


# A step, as a later version will have


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A version that stores who holds a lease as `owner`, and splits the cause of a failed attempt."""

    def rename(item: Mapping[str, Any]) -> dict[str, Any]:
        kept = {name: value for name, value in item.items() if name != "holder"}
        return {"owner": item["holder"], **kept} if "holder" in item else kept

    def lines(item: Mapping[str, Any]) -> dict[str, Any]:
        return {**item, "cause_lines": len(item["cause"].splitlines())}

    monkeypatch.setitem(formats.ITEMS, "lease", 3)
    monkeypatch.setitem(formats.ITEMS, "attempt", 2)
    monkeypatch.setitem(formats.STEPS, ("lease", 1), rename)
    monkeypatch.setitem(formats.STEPS, ("lease", 2), lambda item: {**item, "term": 1})
    monkeypatch.setitem(formats.STEPS, ("attempt", 1), lines)
    return


@pytest.mark.parametrize("version", ["unnumbered", "0.1.0"])
def test_steps_are_applied_in_order(gateway: OperatorGateway, later: None, version: str) -> None:
    store(gateway, recorded(version))
    before = stored(gateway)
    key = ("queue#prices", "lease")
    read = list(gateway.runs.items(*key))
    upgraded(gateway)
    holder = before[key]["holder"]
    rest = {name: value for name, value in before[key].items() if name not in ("holder", "format")}
    expected = {**rest, "owner": holder, "term": {"N": "1"}, "format": {"N": "3"}}
    assert stored(gateway)[key] == expected
    assert read == list(gateway.runs.items(*key))
    assert {item["cause_lines"]["N"] for item in stored(gateway).values() if kind(item) == "attempt"} == {"1"}
    assert not any(item.earlier for item in upgraded(gateway))


def test_this_version_refuses_what_a_later_one_has_migrated(
    gateway: OperatorGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(gateway, recorded("0.1.0"))
    with monkeypatch.context() as patch:
        patch.setitem(formats.ITEMS, "lease", 2)
        upgraded(gateway)
    with pytest.raises(FormatError, match=r"format 2; this is Stagewright .* which reads up to 1"):
        gateway.run_queue.lease("prices")
    (refused,) = [item for item in upgraded(gateway) if item.error]
    assert "format 2" in refused.error


# The command


@pytest.fixture
def command(old: OperatorGateway, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    class Connected:
        gateway = old

        def __enter__(self) -> Connected:
            return self

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(migrate, "session", lambda _: Connected())
    monkeypatch.setattr(migrate, "is_empty", lambda _: False)

    def run(**options: Any) -> str:
        capsys.readouterr()
        migrate.command(**options)
        return capsys.readouterr().out

    return run


def test_command_counts_and_migrates(old: OperatorGateway, command: Any) -> None:
    count = len(stored(old))
    assert f"{count} items to migrate in " in command(dry_run=True)
    assert f"{count} items migrated in " in command()
    assert "0 items migrated in " in command()
    rows = json.loads(command(as_json=True))
    assert rows["dry_run"] is False
    assert {(row["table"], row["kind"]) for row in rows["kinds"]} == {
        ("documents" if name in DOCUMENTS else "runs", name) for name in RECORDED
    }
    assert sum(row["items"] for row in rows["kinds"]) == count
    assert {row["earlier"] + row["busy"] + row["later"] for row in rows["kinds"]} == {0}


def test_command_fails_if_a_later_version_has_stored_items(old: OperatorGateway, command: Any) -> None:
    item = stored(old)[("tick", "tick")] | {"format": {"N": "7"}}
    old.runs.client.put_item(TableName=old.runs.table, Item=item)
    with pytest.raises(FormatError, match="the item tick, tick has format 7"):
        command()
    assert stored(old)[("tick", "tick")] == item
    assert ("run", "1") in numbers(old)


def test_command_without_a_state_folder_creates_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("STAGEWRIGHT_STATE", str(tmp_path / "none"))
    migrate.command()
    assert not (tmp_path / "none").exists()
