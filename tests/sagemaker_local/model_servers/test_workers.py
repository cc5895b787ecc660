"""Several model servers behind one variant, and requests during the exit of a server."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.processes import command_lines
from tests.support.waiting import until

from sagemaker_local.hosting import deployments
from sagemaker_local.model_servers import serving

JSON = {"content-type": "application/json"}
NAMED = """
import json, os, time, uuid
def model_fn(folder): return str(uuid.uuid4())
def input_fn(body, content_type): return json.loads(body)
def predict_fn(data, model):
    if isinstance(data, str):
        open(data + ".begun-" + model, "w").close()
        while not os.path.exists(data): time.sleep(0.01)
    return model
def output_fn(prediction, accept): return json.dumps(prediction), accept
"""


def workers(world: Any, name: str) -> list[serving.Worker]:
    endpoints = next(each for each in world.service._resources if hasattr(each, "_deployments"))
    return list(endpoints._routing.serving(name).fleet._pools["AllTraffic"]._workers)


def pids(world: Any, name: str) -> list[int]:
    return [worker._process.pid for worker in workers(world, name) if worker._process and worker.running]


def send(world: Any, name: str, data: Any = 0) -> tuple[int, Any]:
    result = world.service.invoke(name, json.dumps(data).encode(), JSON)
    return result.status, json.loads(result.body)


def in_threads(count: int, act: Callable[[], Any]) -> tuple[list[threading.Thread], list[Any]]:
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda: answers.append(act())) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads, answers


def test_requests_go_to_processes_that_are_free(world: Any, tmp_path: Path) -> None:
    world.deploy("several", NAMED, SAGEMAKER_MODEL_SERVER_WORKERS="3")
    assert len(pids(world, "several")) == 3
    gate = tmp_path / "gate"
    threads, answers = in_threads(2, lambda: send(world, "several", str(gate)))
    until(lambda: len(list(tmp_path.glob("gate.begun-*"))) == 2)
    # Two are busy; the third answers.
    assert send(world, "several")[0] == 200
    gate.touch()
    for thread in threads:
        thread.join()
    assert [status for status, _ in answers] == [200, 200]


def test_worker_that_ends_fails_only_its_own_request(world: Any, tmp_path: Path) -> None:
    world.deploy("fragile", NAMED)
    gate = tmp_path / "gate"
    first, lost = in_threads(1, lambda: send(world, "fragile", str(gate)))
    until(lambda: list(tmp_path.glob("gate.begun-*")))
    waiting, answers = in_threads(5, lambda: send(world, "fragile"))
    os.kill(pids(world, "fragile")[0], signal.SIGKILL)
    for thread in [*first, *waiting]:
        thread.join()
    assert [status for status, _ in lost] == [424]
    assert lost[0][1]["OriginalStatusCode"] == 502
    assert [status for status, _ in answers] == [200] * 5


def test_request_not_sent_completely_goes_to_another_worker(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.deploy("resent", NAMED)
    before = pids(world, "resent")
    request, failed = serving.HTTPConnection.request, []

    def broken_once(connection: Any, method: str, *given: Any, **named: Any) -> None:
        if method == "POST" and not failed:
            failed.append(connection)
            raise BrokenPipeError("it has ended")
        request(connection, method, *given, **named)

    monkeypatch.setattr(serving.HTTPConnection, "request", broken_once)
    assert send(world, "resent")[0] == 200
    assert len(failed) == 1
    assert pids(world, "resent") != before


def test_worker_that_fails_its_health_check_is_restarted(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "PING_SECONDS", 0.5)
    monkeypatch.setattr(deployments, "HEALTH_SECONDS", 0.05)
    world.restart()
    world.deploy("hanging", NAMED)
    (before,) = pids(world, "hanging")
    _, name = send(world, "hanging")
    for pid in processes(world):
        os.kill(pid, signal.SIGSTOP)
    until(lambda: pids(world, "hanging") not in ([], [before]))
    status, other = send(world, "hanging")
    assert status == 200
    assert other != name


def processes(world: Any) -> list[int]:
    """Every process whose command line names this world's folder."""
    return [process for process, line in command_lines().items() if str(world.settings.root) in line]


def test_idle_worker_that_ended_is_restarted_before_the_next_request(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployments, "HEALTH_SECONDS", 0.05)
    world.restart()
    world.deploy("idle", NAMED)
    (before,) = pids(world, "idle")
    os.kill(before, signal.SIGKILL)
    until(lambda: pids(world, "idle") not in ([], [before]))


@pytest.mark.parametrize("number", ["0", "many"])
def test_invalid_number_of_workers_fails_the_endpoint(world: Any, number: str) -> None:
    found = world.deploy("odd", NAMED, SAGEMAKER_MODEL_SERVER_WORKERS=number)
    assert found["EndpointStatus"] == "Failed"
    assert found["FailureReason"] == (
        f"SAGEMAKER_MODEL_SERVER_WORKERS of production variant AllTraffic is '{number}',"
        " not a number above zero."
    )
