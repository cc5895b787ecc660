"""Servers that hang, are killed, run another version, or have a damaged address file."""

from __future__ import annotations

import errno
import io
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from tests.local.clients import connect
from tests.support.waiting import until

from sagemaker_local.state_folder import Server
from stagewright import __version__
from stagewright.api.target import connect as connect_gateway
from stagewright.errors import TargetError
from stagewright.local import health, leftovers
from stagewright.local import server as local
from stagewright.local.emulator.durable import LONGEST_DELAY, Durable
from stagewright.local.state import INSTALLATION, Owner, State

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
HOLD = """
import json, os, signal, sys, time
from pathlib import Path
from stagewright.local.state import Owner, State
state, version, is_starting = State(Path(sys.argv[1])), sys.argv[2], sys.argv[3] == "starting"
signal.signal(signal.SIGTERM, signal.SIG_IGN)
state.create()
lock = state.hold()
state.claim(lock, Owner(os.getpid(), "START", version))
if is_starting:
    with state.exclusive():
        print("ready", flush=True)
        time.sleep(600)
print("ready", flush=True)
time.sleep(600)
"""
"""A process that holds a state directory and ignores SIGTERM."""


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "STOP_SECONDS", 0.3)
    monkeypatch.setattr(local, "UNREADY_SECONDS", 0.1)


@pytest.fixture
def hold(state: Path) -> Iterator[Callable[..., int]]:
    held: list[subprocess.Popen[str]] = []

    def start(version: str = __version__, phase: str = "up") -> int:
        command = [sys.executable, "-c", HOLD, str(state), version, phase]
        held.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True))
        assert held[-1].stdout is not None
        assert held[-1].stdout.readline() == "ready\n"
        return held[-1].pid

    yield start
    for process in held:
        process.kill()
        process.communicate()


def send(writer: int, *messages: dict[str, str], pause: float = 0) -> threading.Thread:
    def write() -> None:
        for message in messages:
            time.sleep(pause)
            os.write(writer, json.dumps(message).encode() + b"\n")
        os.close(writer)

    thread = threading.Thread(target=write)
    thread.start()
    return thread


@pytest.mark.parametrize("last", [{}, {"message": "no", "remedy": "yes"}])
def test_start_takes_as_long_as_it_makes_progress(
    monkeypatch: pytest.MonkeyPatch, last: dict[str, str]
) -> None:
    monkeypatch.setattr(local, "START_SECONDS", 0.5)
    monkeypatch.setattr(local, "NOTE_SECONDS", 0.5)
    reader, writer = os.pipe()
    notes: list[str] = []
    steps = [{"progress": f"replays change {number}"} for number in range(6)]
    thread = send(writer, *steps, last, pause=0.2)
    answer, step = local._answer(reader, notes.append)
    thread.join()
    os.close(reader)
    assert (answer, step) == (last, "replays change 5")
    assert 1 <= len(notes) <= 2, "one note for each half second, not one for each step"
    assert all(re.fullmatch(r"the local server is starting: it replays change [2-5]", note) for note in notes)


def test_start_ends_when_a_step_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "START_SECONDS", 0.2)
    reader, writer = os.pipe()
    os.write(writer, b'{"progress": "loads"}\n{"progress": "che')
    assert local._answer(reader, print) == (None, "loads")
    os.close(reader)
    os.close(writer)


def test_start_that_hangs_is_killed_and_its_step_is_named(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import time\ntime.sleep(600)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(local, "START_SECONDS", 0.5)
    monkeypatch.setattr(local, "LEAVE_SECONDS", 0.5)
    with pytest.raises(TargetError, match="made no progress for 0 s while it starts"):
        local.up(state)
    assert not State(state).is_held()


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("phase", ["up", "starting"])
def test_down_kills_a_server_that_ignores_it(state: Path, hold: Callable[..., int], phase: str) -> None:
    hold(phase=phase)
    started = time.monotonic()
    stopped = local.down(state)
    assert stopped is not None
    assert stopped.was_killed
    assert time.monotonic() - started < 10
    assert not State(state).is_held()


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("content", ["", "{", "[]", '{"url": 1}', '{"url": "x", "more": 1}', None])
def test_down_stops_a_server_whose_address_file_is_damaged(
    state: Path, hold: Callable[..., int], content: str | None
) -> None:
    hold()
    file = state / "server.json"
    file.mkdir() if content is None else file.write_text(content)
    assert local.find(state) is None
    stopped = local.down(state)
    assert stopped is not None
    assert not State(state).is_held()
    if content is None:
        file.rmdir()


def test_server_of_another_version_is_not_used(state: Path, hold: Callable[..., int]) -> None:
    pid = hold(version="0.0.1")
    address = {"url": "http://127.0.0.1:9", "access_key": "a", "secret_key": "b", "pid": pid, "state": "/"}
    (state / "server.json").write_text(json.dumps(address))
    with pytest.raises(TargetError, match=rf"runs Stagewright 0\.0\.1; this is {__version__}") as caught:
        local.up(state)
    assert "stagewright down" in caught.value.remedy
    with pytest.raises(TargetError, match=r"runs Stagewright 0\.0\.1"), local.temporary(state):
        pass


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC, errno.EACCES])
def test_disk_that_takes_no_lock_is_an_error_with_its_folder(
    state: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    State(state).create()
    opened = os.open

    def fail(path: str | Path, *rest: int, **more: int) -> int:
        if str(path).endswith(".lock"):
            raise OSError(number, os.strerror(number), str(path))
        return opened(path, *rest, **more)

    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(TargetError, match=str(state)) as caught:
        local.up(state)
    assert caught.value.remedy
    monkeypatch.undo()


@contextmanager
def address(state: Path, pid: int) -> Iterator[socket.socket]:
    """A socket that accepts connections and stays silent, announced as the server of the state directory."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        fields = {"url": url, "access_key": "a", "secret_key": "b", "pid": pid, "state": "/"}
        (state / "server.json").write_text(json.dumps(fields))
        yield silent


@pytest.mark.usefixtures("quick")
def test_server_that_does_not_answer_is_named_with_the_remedy(
    state: Path, hold: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a stopped process: the system accepts connections for it."""
    monkeypatch.setattr(health, "RESPONSE_SECONDS", 0.6)
    monkeypatch.setattr(health, "CHECK_SECONDS", 0.2)

    def read() -> None:
        with local.temporary(state) as server:
            connect_gateway(server).runs.header("none")

    with address(state, hold()):
        for start in (lambda: local.up(state), read):
            began = time.monotonic()
            with pytest.raises(TargetError, match="does not answer") as caught:
                start()
            assert "stagewright down" in caught.value.remedy
            assert time.monotonic() - began < 5
    stopped = local.down(state)
    assert stopped is not None
    assert stopped.was_killed


def test_use_of_a_server_costs_it_no_request(state: Path, hold: Callable[..., int]) -> None:
    pid = hold()
    with address(state, pid) as silent, local.temporary(state):
        silent.settimeout(5)
        connection, _ = silent.accept()
        with connection:
            assert connection.recv(1) == b""  # closed without a request
        silent.settimeout(0.1)
        with pytest.raises(TimeoutError):
            silent.accept()
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("is_up", [health.accepts, health.responds])
def test_server_that_was_just_killed_is_waited_for(
    state: Path, hold: Callable[..., int], is_up: Callable[[str], bool]
) -> None:
    """Its socket is closed, and its lock is not released yet."""
    pid = hold()
    with address(state, pid):
        pass
    killer = threading.Timer(0.3, os.kill, (pid, signal.SIGKILL))
    killer.start()
    assert State(state).server() is not None
    assert local._live_server(State(state), is_up) is None
    killer.join()


def test_request_of_a_busy_server_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "RESPONSE_SECONDS", 6.0)
    monkeypatch.setattr(health, "CHECK_SECONDS", 5.7)
    requests: list[str] = []

    class Busy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.reply(b"")

        def do_POST(self) -> None:
            requests.append(self.headers["X-Amz-Target"])
            if len(requests) == 1:
                time.sleep(1)
            with suppress(OSError):  # the client no longer waits for the first one
                self.reply(b"{}")

        def reply(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Busy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        gateway = connect_gateway(Server(url, "a", "b", os.getpid(), Path("/")))
        assert gateway.runs.header("none") is None
        server.shutdown()
    assert len(requests) == 2


def sleeper(key: str) -> subprocess.Popen[bytes]:
    """A process of another session, as a job that left its group."""
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": key}
    command = [sys.executable, "-S", "-c", "print(flush=True); import time; time.sleep(600)"]
    process = subprocess.Popen(command, env=environment, start_new_session=True, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process


@linux_only
@pytest.mark.parametrize(
    ("key", "is_owner_alive", "is_killed"),
    [("LOCALOLD", False, True), ("LOCALOLD2", False, False), ("", False, False), ("LOCALOLD", True, False)],
)
def test_only_what_a_dead_server_started_is_killed(key: str, is_owner_alive: bool, is_killed: bool) -> None:
    owner = subprocess.Popen([sys.executable, "-S", "-c", ""])
    owner.wait()
    process = sleeper(key)
    pid = os.getpid() if is_owner_alive else owner.pid
    assert leftovers.kill(Owner(pid, "LOCALOLD", __version__)) == is_killed
    assert (process.poll() is not None or process.wait(0.5)) if is_killed else process.poll() is None
    process.kill()
    process.communicate()


@pytest.mark.parametrize(("receives", "delay"), [(1, 30), (0, LONGEST_DELAY + 3600), (0, 10)])
def test_message_is_visible_after_the_clock_went_back(receives: int, delay: int) -> None:
    now = time.time()
    message = {"receive_count": receives, "visible_at": now + delay}
    queues = SimpleNamespace(all_values=lambda: [{"messages": [message]}])
    Durable._make_messages_visible(SimpleNamespace(_sqs=SimpleNamespace(_queues=queues)))
    latest = now + 1 if receives else min(now + delay, now + LONGEST_DELAY + 1)
    assert message["visible_at"] <= latest


BUSY = """
import os, time, boto3
def handler(event, context):
    for number in range(6000):
        try:
            boto3.client("s3").put_object(Bucket=os.environ["OUT"], Key=f"tick/{number}", Body=b"")
        except Exception:
            pass
        time.sleep(0.1)
"""


def start_busy_function(server: Server) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("busy.py", BUSY)
    with closing(connect(server, "lambda")) as functions:
        functions.create_function(
            FunctionName="busy",
            Runtime="python3.12",
            Handler="busy.handler",
            Role="arn:aws:iam::000000000000:role/r",
            Code={"ZipFile": packed.getvalue()},
            Timeout=900,
            Environment={"Variables": {"OUT": INSTALLATION.bucket}},
        )
        functions.get_waiter("function_active_v2").wait(FunctionName="busy", WaiterConfig={"Delay": 1})
        functions.invoke(FunctionName="busy", InvocationType="Event")


def ticks(server: Server) -> int:
    with closing(connect(server, "s3")) as s3:
        return s3.list_objects_v2(Bucket=INSTALLATION.bucket, Prefix="tick/").get("KeyCount", 0)


@linux_only
@pytest.mark.slow
def test_functions_of_a_killed_server_do_not_reach_the_next_one(state: Path) -> None:
    first = local.up(state)
    start_busy_function(first)
    until(lambda: ticks(first) > 0)
    owner = State(state).owner()
    assert owner is not None
    os.kill(first.pid, signal.SIGKILL)
    os.waitpid(first.pid, 0)
    assert leftovers._started_by(owner)
    second = local.up(state)
    assert second.url == first.url
    assert not leftovers._started_by(owner)
    count = ticks(second)
    time.sleep(0.5)
    assert ticks(second) == count
    earlier = replace(second, access_key=owner.access_key)
    with closing(connect(earlier, "sqs")) as queues, pytest.raises(ClientError, match="not this server's"):
        queues.list_queues()


@pytest.mark.slow
def test_down_of_a_stopped_process_is_bounded_and_keeps_the_state(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "STOP_SECONDS", 1.0)
    monkeypatch.setattr(health, "RESPONSE_SECONDS", 0.5)
    server = local.up(state)
    assert health.responds(server.url)
    with closing(connect(server, "dynamodb")) as tables:
        item = {"run": {"S": "kept"}, "item": {"S": "run"}}
        tables.put_item(TableName=INSTALLATION.runs_table, Item=item)
    os.kill(server.pid, signal.SIGSTOP)
    assert not health.responds(server.url)
    assert local.down(state) == local.Stopped(was_killed=True, is_saved=False)
    with closing(connect(local.up(state), "dynamodb")) as tables:
        assert tables.get_item(TableName=INSTALLATION.runs_table, Key=item)["Item"] == item


@pytest.mark.slow
def test_copy_of_a_folder_whose_server_is_up_gets_a_server_of_its_own(state: Path, tmp_path: Path) -> None:
    original = local.up(state)
    copy = tmp_path / "copy"
    shutil.copytree(state, copy, ignore=shutil.ignore_patterns("*.sock"))
    try:
        second = local.up(copy)
        assert second.url != original.url
        assert local.find(state) == original
        assert health.responds(original.url)
    finally:
        local.down(copy)
    assert health.responds(original.url)


@pytest.mark.slow
def test_random_kills_damage_nothing_and_lose_no_acknowledged_item(state: Path) -> None:
    acknowledged: dict[str, int] = {}
    pauses = random.Random(7)
    for attempt in range(5):
        server = local.up(state)
        with closing(connect(server, "dynamodb")) as tables:
            for name, number in acknowledged.items():
                key = {"run": {"S": "kill"}, "item": {"S": name}}
                found = tables.get_item(TableName=INSTALLATION.runs_table, Key=key)["Item"]
                assert int(found["number"]["N"]) >= number
        writers = [
            threading.Thread(target=put_items, args=(server, acknowledged, attempt * 10**6)),
            *(threading.Thread(target=put_objects, args=(server, seed)) for seed in range(3)),
        ]
        for writer in writers:
            writer.start()
        time.sleep(pauses.uniform(0.5, 3))
        os.kill(server.pid, signal.SIGKILL)
        os.waitpid(server.pid, 0)
        for writer in writers:
            writer.join()
        assert local.damages(state) == []


def put_items(server: Server, acknowledged: dict[str, int], first: int) -> None:
    with closing(connect(server, "dynamodb")) as tables, suppress(BotoCoreError, ClientError):
        for number in range(first, first + 10**6):
            item = {"run": {"S": "kill"}, "item": {"S": str(number % 3)}, "number": {"N": str(number)}}
            tables.put_item(TableName=INSTALLATION.runs_table, Item=item)
            acknowledged[str(number % 3)] = number


def put_objects(server: Server, seed: int) -> None:
    """Write and delete a few objects again and again, until the server is killed."""
    chance = random.Random(seed)
    with closing(connect(server, "s3")) as s3, suppress(BotoCoreError, ClientError):
        while True:
            where = {"Bucket": INSTALLATION.bucket, "Key": f"kill/{seed}/{chance.randint(0, 4)}"}
            s3.put_object(**where, Body=chance.randbytes(chance.randint(0, 200_000)))
            if chance.random() < 0.3:
                s3.delete_object(**where)
