"""Commands that are handed to the process which stands by."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
from pathlib import Path

import pytest
from tests.support.processes import command_lines
from tests.support.waiting import PATIENCE, until

from stagewright.cli import main as door
from stagewright.local import server

pytestmark = pytest.mark.slow


def sockets(state: Path) -> list[Path]:
    return list(state.glob("commands-*.sock"))


def test_daemon_runs_a_command_with_the_same_result(warm):
    done = warm("validate", ".")
    assert "handed over" in done.stderr
    assert done.returncode == 0
    assert "tiny is valid" in done.stdout


def test_daemon_returns_the_exit_code_of_the_command(warm):
    missing = warm("validate", "nowhere")
    assert "handed over" in missing.stderr
    assert missing.returncode == 5
    assert "nowhere: no such document" in missing.stderr


def test_daemon_reads_the_standard_input_of_the_client(warm):
    done = warm("run", ".")
    assert done.returncode == 0, done.stderr
    answer = warm("predict", "tiny", given="2")
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout) == 24


def test_daemon_uses_the_environment_of_the_client(warm):
    warm.environment["STAGEWRIGHT_TARGET"] = "nowhere"
    try:
        done = warm("runs")
    finally:
        del warm.environment["STAGEWRIGHT_TARGET"]
    assert "handed over" in done.stderr
    assert done.returncode == 4
    assert "No target nowhere is configured" in done.stderr


def test_daemon_works_in_a_shell_with_the_server_s_credentials(warm):
    """The image is code, so rollback asks the router's function whether overrides may change it."""
    warm.json("run", ".")
    place = warm.folder / "pipeline.yaml"
    before, written = dict(warm.environment), place.read_text()
    warm.environment.update(warm.json("env"))
    place.write_text(written.replace("sklearn-1.4", "sklearn-1.2").replace("[{type: code}]", "[]"))
    try:
        pushed = warm("push", ".")
        done = warm("rollback", "tiny", "1")
    finally:
        warm.environment = before
        place.write_text(written)
        warm("push", ".")
    assert pushed.returncode == 0, pushed.stderr
    assert "handed over" in done.stderr
    assert done.returncode == 2, done.stderr
    assert "defaults.image: overrides may not change this field: it is the code that runs" in done.stderr


def test_local_command_ignores_a_missing_aws_profile(warm):
    warm.environment["AWS_PROFILE"] = "nothing"
    try:
        done = {name: warm(*name.split()) for name in ("plan .", "approvals", "dlq", "endpoints")}
    finally:
        del warm.environment["AWS_PROFILE"]
    assert {name: each.returncode for name, each in done.items()} == dict.fromkeys(done, 0), done
    assert "fit" in done["plan ."].stdout


def test_interrupt_is_forwarded_to_the_command(warm):
    run = warm.start("run", ".", "-p", "seconds=60")
    for line in run.stderr:
        if line.startswith("fit  RUNNING"):
            break
    run.send_signal(signal.SIGINT)
    _, said = run.communicate(timeout=PATIENCE)
    assert "stopping tiny-" in said
    assert "handed over" in said
    assert run.returncode == 6


def test_killed_client_ends_its_command(warm):
    def workers() -> int:
        mine = f"stagewright.cli.daemon {warm.state}"
        return sum(mine in line for line in command_lines().values())

    until(lambda: workers() == 1)  # one that has just answered may still be leaving
    run = warm.start("run", ".", "-p", "seconds=60")
    until(lambda: workers() == 2)
    run.kill()
    run.communicate()
    until(lambda: workers() == 1)


def test_daemon_with_older_code_receives_no_commands(warm):
    (path,) = sockets(warm.state)
    assert door.socket_path(str(warm.state)) == str(path)
    other = path.rename(path.with_name("commands-00000000.sock"))
    try:
        assert "imported" in warm("validate", ".").stderr
    finally:
        other.rename(path)


def test_down_waits_until_the_daemon_has_ended(alone):
    alone("up")
    until(lambda: sockets(alone.state))
    assert alone("down").returncode == 0
    assert [line for line in command_lines().values() if str(alone.state) in line] == []
    assert sockets(alone.state) == []


def test_daemon_ends_with_a_killed_server(alone):
    alone("up")
    until(lambda: sockets(alone.state))
    running = server.find(alone.state)
    assert running
    os.killpg(running.pid, signal.SIGKILL)
    until(lambda: not sockets(alone.state))
    assert alone("validate", ".").returncode == 0


def test_only_processes_of_this_user_are_trusted(monkeypatch):
    ours, other = socket.socketpair()
    with ours, other:
        assert door.is_own(ours)
        monkeypatch.setattr(os, "geteuid", lambda: 4711)
        assert not door.is_own(ours) or not hasattr(socket, "SO_PEERCRED")


@pytest.mark.skipif(not hasattr(socket, "SO_PEERCRED"), reason="Linux only")
def test_client_sends_nothing_to_another_user_s_daemon(tmp_path, monkeypatch):
    """Another user can put a socket into a state directory that everyone may write to."""
    monkeypatch.setenv("STAGEWRIGHT_STATE", str(tmp_path))
    with socket.socket(socket.AF_UNIX) as foreign:
        foreign.bind(door.socket_path(str(tmp_path)))
        foreign.listen()
        monkeypatch.setattr(door, "is_own", lambda _connection: False)
        assert door.run_in_daemon(["runs"]) is None
        connection, _ = foreign.accept()
        with connection:
            assert connection.recv(100) == b""


def test_daemon_s_socket_is_only_for_this_user(warm):
    (path,) = sockets(warm.state)
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
