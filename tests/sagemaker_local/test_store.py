from __future__ import annotations

import re
import shutil
import sqlite3
import threading
from contextlib import closing

import pytest

from sagemaker_local import store as store_module
from sagemaker_local.errors import ServiceError
from sagemaker_local.store import Store


@pytest.fixture
def store(tmp_path):
    with closing(Store(tmp_path / "deep/file.sqlite")) as opened:
        yield opened


def test_records_keep_their_order_through_changes(store):
    for name in ("b", "a", "c"):
        assert store.add("job", name, {"name": name})
    store.put("job", "b", {"name": "b", "changed": True})
    assert store.all("job") == [{"name": "b", "changed": True}, {"name": "a"}, {"name": "c"}]
    assert store.all("other") == []


def test_add_rejects_a_duplicate_name_of_a_kind(store):
    assert store.add("job", "a", {"first": 1})
    assert not store.add("job", "a", {"first": 2})
    assert store.add("model", "a", {})
    assert store.get("job", "a") == {"first": 1}


def test_deletion(store):
    store.put("job", "a", {})
    assert store.delete("job", "a")
    assert not store.delete("job", "a")
    assert store.get("job", "a") is None


def test_records_survive_a_restart(tmp_path):
    with closing(Store(tmp_path / "file")) as first:
        first.put("job", "a", {"text": "größe", "list": [1, 2.5, None]})
    with closing(Store(tmp_path / "file")) as second:
        assert second.get("job", "a") == {"text": "größe", "list": [1, 2.5, None]}


@pytest.fixture
def killed(tmp_path):
    """The file of a store whose process was killed: its last changes are in SQLite's log only."""
    with closing(Store(tmp_path / "first.sqlite")) as first:
        for name in ("a", "b"):
            first.put("job", name, {"name": name})
        first.delete("job", "a")
        with first.transaction():
            first.add("job", "c", {"name": "c"})
        for suffix in ("", "-wal", store_module.COUNT):
            shutil.copy(f"{tmp_path}/first.sqlite{suffix}", f"{tmp_path}/killed.sqlite{suffix}")
    return tmp_path / "killed.sqlite"


def test_store_of_a_killed_process_is_intact(killed):
    assert store_module.problem(killed) is None
    with closing(Store(killed)) as opened:
        assert opened.all("job") == [{"name": "b"}, {"name": "c"}]


@pytest.mark.parametrize(
    ("suffix", "content", "wrong"),
    [
        ("-wal", None, "is damaged"),
        ("-wal", b"", "its last changes (4) are missing"),
        ("-wal", b"garbage" * 900, "its last changes (4) are missing"),
        ("", None, "is missing"),
        ("", b"", "is empty"),
        (store_module.COUNT, b"", "cannot be checked"),
        (store_module.COUNT, b"999", "its last changes (995) are missing"),
    ],
)
def test_lost_changes_of_a_store_are_noticed(killed, suffix, content, wrong):
    file = killed.with_name(killed.name + suffix)
    file.unlink() if content is None else file.write_bytes(content)
    assert wrong in store_module.problem(killed)
    with pytest.raises(ServiceError, match=re.escape(killed.name)):
        store_module.require_intact(killed)


def test_salvage_copies_the_readable_records(killed, tmp_path):
    assert store_module.salvage(killed, tmp_path / "new.sqlite") == 2
    with closing(Store(tmp_path / "new.sqlite")) as opened:
        assert opened.all("job") == [{"name": "b"}, {"name": "c"}]


def test_failed_transaction_stores_nothing(store):
    def fail():
        with store.transaction():
            store.put("job", "a", {})
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    assert store.get("job", "a") is None


def test_many_threads_lose_no_update(store):
    store.put("count", "n", {"value": 0})

    def count():
        for _ in range(50):
            with store.transaction():
                store.put("count", "n", {"value": store.get("count", "n")["value"] + 1})

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.get("count", "n") == {"value": 400}


def test_store_of_a_later_version_is_refused_and_stays(tmp_path):
    file = tmp_path / "sagemaker.sqlite"
    made = Store(file)
    made.put("job", "a", {"x": 1})
    made.close()
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (store_module.FORMAT,)
        connection.execute(f"PRAGMA user_version={store_module.FORMAT + 1}")
    with pytest.raises(ServiceError, match=rf"has format {store_module.FORMAT + 1}; .* reads up to"):
        Store(file)
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT count(*) FROM records").fetchone() == (1,)


def test_store_from_before_its_number_is_read(tmp_path):
    file = tmp_path / "sagemaker.sqlite"
    made = Store(file)
    made.put("job", "a", {"x": 1})
    made.close()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA user_version=0")
    with closing(Store(file)) as again:
        assert again.get("job", "a") == {"x": 1}
