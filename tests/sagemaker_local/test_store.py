from __future__ import annotations

import threading
from contextlib import closing

import pytest

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
