"""SIGKILL of the local server during pushes: each written manifest becomes one run that ends."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.e2e.places import Place
from tests.e2e.test_killed import UNREACHABLE
from tests.support.waiting import until

from stagewright.document.load import load
from stagewright.local import server
from stagewright.operator_gateway import OperatorGateway
from stagewright.runs.releases import push as release
from stagewright.runs.releases import pushes

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

KILLS = 30
LONGEST = 3.0
"""Seconds from the beginning of a push to the kill at most."""
PIPELINE = {
    "name": "killed",
    "triggers": [{"type": "code"}],
    "stages": {"check": {"kind": "gate", "require": "1 >= 0"}},
}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path / "place", "", {})
    yield made
    server.down(made.state)


def push(gateway: OperatorGateway, number: int, answered: list[str]) -> None:
    with suppress(*UNREACHABLE):
        key = release.push(gateway, load(PIPELINE), {"x.py": f"# {number}".encode()}).trigger_key
        assert key
        answered.append(key)


def killed_and_up(place: Place) -> OperatorGateway:
    """The next server, started at once: the killed one may not have ended, and its functions still run."""
    running = server.find(place.state)
    assert running is not None
    os.kill(running.pid, signal.SIGKILL)
    return place.up()


def is_settled(gateway: OperatorGateway) -> bool:
    written = list(pushes.newest_first(gateway, "killed"))
    claimed = [gateway.runs.claimed(push.key) for push in written]
    return None not in claimed and not gateway.runs.open_runs(100) and not gateway.runs.unfinished()


def test_server_killed_during_pushes_loses_no_run(place: Place) -> None:
    moments, answered, threads = random.Random(20261130), list[str](), list[threading.Thread]()
    gateway, began = place.up(), time.monotonic()
    push(gateway, -1, answered)
    until(lambda: is_settled(gateway))
    longest = min(time.monotonic() - began, LONGEST)  # of a push and its run, on this machine
    for number in range(KILLS):
        threads.append(threading.Thread(target=push, args=(gateway, number, answered)))
        threads[-1].start()
        time.sleep(moments.uniform(0, longest))
        gateway = killed_and_up(place)
    for thread in threads:
        thread.join()
    push(gateway, KILLS, answered)
    until(lambda: is_settled(gateway))
    written = [push.key for push in pushes.newest_first(gateway, "killed")]
    headers = gateway.runs.of_pipeline("killed", 1000)
    assert set(answered) <= set(written)
    assert sorted(header.trigger.key for header in headers) == sorted(written)
    lease = gateway.run_queue.lease("killed")
    assert lease is None or not gateway.runs.is_open(lease.holder)
    executed = [header for header in headers if header.execution]
    order = sorted(executed, key=lambda header: (header.started, header.trigger.time))
    assert [header.trigger.time for header in order] == sorted(header.trigger.time for header in executed)
    statuses = dict(Counter(header.status for header in headers))
    print(f"{KILLS} kills, {len(answered)} answered and {len(written)} written pushes: {statuses}")
