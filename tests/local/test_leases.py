"""Temporary servers, which several processes share."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError
from tests.support.waiting import PATIENCE, until

from sagemaker_local import state_folder
from stagewright.local import server as local
from stagewright.local.emulator.background import IDLE
from stagewright.local.state import INSTALLATION

pytestmark = pytest.mark.slow

USE_SERVER = """
import sys
from pathlib import Path
from stagewright.local import server
with server.temporary(Path(sys.argv[1])) as running:
    print(running.pid, flush=True)
    sys.stdin.read()
"""


class User:
    """Another process that uses the server until the test stops or kills it."""

    def __init__(self, state: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USE_SERVER, str(state)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.server = int(self.process.stdout.readline())

    def leave(self) -> None:
        self.process.communicate(timeout=PATIENCE)
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def user(state: Path) -> Iterator[Callable[[], User]]:
    users: list[User] = []

    def start() -> User:
        users.append(User(state))
        return users[-1]

    yield start
    for each in users:
        each.kill()


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        if sys.platform == "linux":
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_temporary_server_stops_at_the_end_of_the_block(state: Path) -> None:
    with local.temporary(state) as server:
        assert local.find(state) == server
        assert not local.is_persistent(state)
    assert local.find(state) is None
    assert not is_alive(server.pid)


def test_temporary_server_stops_with_its_last_user(state: Path, user: Callable[[], User]) -> None:
    first, second = user(), user()
    assert first.server == second.server
    first.leave()
    assert is_alive(second.server)
    with local.temporary(state) as server:
        assert server.pid == second.server
        second.leave()
        assert is_alive(server.pid)
    assert not is_alive(server.pid)


def test_temporary_server_stops_when_all_users_are_killed(state: Path, user: Callable[[], User]) -> None:
    first, second = user(), user()
    first.kill()
    with local.temporary(state) as server:
        assert server.pid == second.server
    assert is_alive(second.server)
    second.kill()
    until(lambda: not is_alive(second.server))
    assert local.find(state) is None


def test_user_during_the_stop_gets_a_new_server(state: Path, user: Callable[[], User]) -> None:
    user().kill()
    with local.temporary(state) as server:  # the same one, where it had not noticed yet
        time.sleep(0.5)
        assert local.find(state) == server
        assert is_alive(server.pid)
    assert not is_alive(server.pid)


def test_up_makes_a_temporary_server_persistent(state: Path, user: Callable[[], User]) -> None:
    first = user()
    assert local.up(state).pid == first.server
    first.leave()
    with local.temporary(state) as server:
        assert server.pid == first.server
    assert local.is_persistent(state)
    assert is_alive(first.server)
    local.down(state)
    until(lambda: not is_alive(first.server))


def test_temporary_server_after_a_killed_persistent_one_stops(state: Path, user: Callable[[], User]) -> None:
    killed = local.up(state).pid
    os.kill(killed, 9)
    os.waitpid(killed, 0)
    first = user()
    assert first.server != killed
    first.leave()
    assert not is_alive(first.server)


def test_failed_start_leaves_no_lease(state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sitecustomize.py").write_text("raise SystemExit(1)\n")
    with monkeypatch.context() as broken:
        broken.setenv("PYTHONPATH", str(tmp_path))
        with pytest.raises(Exception, match="did not start"), local.temporary(state):
            pass
    with local.temporary(state) as server:
        pass
    assert not is_alive(server.pid)


def started(server: state_folder.Server, name: str) -> bool:
    """Whether an execution starts; it has nothing to do."""
    credentials = {"aws_access_key_id": server.access_key, "aws_secret_access_key": server.secret_key}
    with closing(
        boto3.client("stepfunctions", endpoint_url=server.url, region_name="us-east-1", **credentials)
    ) as engine:
        try:
            engine.start_execution(stateMachineArn=INSTALLATION.state_machine_arn, name=name)
        except ClientError as error:
            return error.response["Error"]["Code"] != IDLE
        return True


def test_server_starts_runs_only_for_users_that_allow_it(state: Path, user: Callable[[], User]) -> None:
    with local.temporary(state, start_runs=False) as server:
        assert not started(server, "looking")
        with local.temporary(state) as shared:
            assert shared == server
            assert started(server, "shared")
        assert not started(server, "looking-again")
        killed = user()
        assert started(server, "by-another")
        killed.kill()
        assert not started(server, "of-a-killed-one")
        local.up(state)
        assert started(server, "persistent")


def test_before_exit_is_called_unless_interrupted_and_no_further_run_starts(state: Path) -> None:
    seen: list[bool] = []

    def before_exit(server: state_folder.Server) -> None:
        seen.append(started(server, f"late-{len(seen)}"))

    with local.temporary(state, before_exit=before_exit):
        pass
    with pytest.raises(ValueError, match="wrong"), local.temporary(state, before_exit=before_exit):
        raise ValueError("wrong")
    with pytest.raises(KeyboardInterrupt), local.temporary(state, before_exit=before_exit):
        raise KeyboardInterrupt
    assert seen == [False, False]
    assert local.find(state) is None
