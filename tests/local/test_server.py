"""The lifecycle of the server process, with real processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.waiting import PATIENCE, until

from sagemaker_local.credentials import environment
from sagemaker_local.state_folder import Server
from stagewright.errors import TargetError
from stagewright.local import server as local
from stagewright.local.emulator import server as ministack
from stagewright.local.state import INSTALLATION
from stagewright.naming import Installation

Clients = Callable[[Server], Callable[[str], Any]]
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def group(pid: int) -> list[int]:
    """Every process of the session that `pid` leads (proc(5): field 6 of stat)."""
    members = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if fields[3] == str(pid) and fields[0] != "Z":
                members.append(int(entry.name))
    return members


def test_up_find_and_down(state: Path) -> None:
    assert local.find(state) is None
    started = local.up(state)
    assert local.find(state) == started
    assert local.up(state) == started
    assert INSTALLATION == Installation("stagewright-local", "us-east-1", "000000000000", "local")  # noqa: SIM300
    assert local.down(state) == local.Stopped()
    assert local.find(state) is None
    assert local.down(state) is None


def test_down_without_a_state_directory_does_nothing(tmp_path: Path) -> None:
    assert local.down(tmp_path / "nowhere") is None
    assert not (tmp_path / "nowhere").exists()


def test_only_the_user_can_read_the_key(state: Path) -> None:
    local.up(state)
    for name in ("server.json", "identity.json", "server.log"):
        assert stat.S_IMODE((state / name).stat().st_mode) == 0o600, name
    assert stat.S_IMODE(state.stat().st_mode) == 0o700


def test_restart_keeps_address_and_key(state: Path) -> None:
    first = local.up(state)
    local.down(state)
    second = local.up(state)
    assert (second.url, second.access_key, second.secret_key) == (
        first.url,
        first.access_key,
        first.secret_key,
    )
    assert second.pid != first.pid


def test_state_directories_have_different_keys(server: Server, state: Path, clients: Clients) -> None:
    other = local.up(state)
    assert other.access_key != server.access_key
    assert other.secret_key != server.secret_key
    with pytest.raises(Exception, match="not this server's"):
        clients(Server(other.url, server.access_key, server.secret_key, 0, state))("s3").list_buckets()


def test_parallel_starts_give_one_server(state: Path) -> None:
    imports = "from pathlib import Path; from stagewright.local import server"
    command = f"{imports}; print(server.up(Path({str(state)!r})).pid)"
    both = [
        subprocess.Popen([sys.executable, "-c", command], stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    pids = [process.communicate(timeout=PATIENCE)[0].strip() for process in both]
    assert pids[0] == pids[1] != ""
    running = local.find(state)
    assert running is not None
    assert str(running.pid) == pids[0]


def test_used_port_is_an_error_with_its_number(state: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(TargetError, match=f"Port {port} of 127.0.0.1 is in use") as caught:
            local.up(state, port)
    assert caught.value.remedy
    assert local.find(state) is None


@pytest.mark.slow
def test_another_port_is_used_when_the_remembered_one_is_taken(state: Path) -> None:
    first = local.up(state)
    local.down(state)
    port = int(first.url.rpartition(":")[2])
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        assert local.up(state).url != first.url


def test_up_with_another_port_than_the_running_servers_fails(state: Path) -> None:
    running = local.up(state)
    other = 1 + int(running.url.rpartition(":")[2])
    with pytest.raises(TargetError, match="already up at"):
        local.up(state, other)


def test_server_listens_on_loopback_only(server: Server) -> None:
    port = int(server.url.rpartition(":")[2])
    addresses = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), port, socket.AF_INET)}
    for address in addresses - {"127.0.0.1"}:
        if not str(address).startswith("127."):
            with socket.socket() as probe:
                probe.settimeout(2)
                assert probe.connect_ex((address, port)) != 0


def test_unusable_state_directory_is_an_error_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TargetError, match=r"file/state cannot be used: Not a directory") as caught:
        local.up(tmp_path / "file" / "state")
    assert "STAGEWRIGHT_STATE" in caught.value.remedy


def test_state_directory_that_vanishes_during_use_is_an_error_with_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, lease = tmp_path / "state", os.open(os.devnull, os.O_RDONLY)
    running = Server("http://127.0.0.1:9", "key", "secret", os.getpid(), folder)
    monkeypatch.setattr(local, "_leased", lambda *_: (running, [lease]))
    with pytest.raises(TargetError, match=str(folder)), local.temporary(folder):
        pass
    os.close(lease)


def test_failed_start_shows_the_end_of_the_log(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nprint('the disk is on fire', file=sys.stderr)\nsys.exit(1)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(TargetError, match="the disk is on fire"):
        local.up(state)


def test_other_version_of_ministack_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stagewright.local.emulator.server.VERSION", "9.9.9")
    with pytest.raises(TargetError, match=r"needs ministack 9\.9\.9, but 1\.5\.33 is installed"):
        ministack.check_version()


@pytest.mark.slow
def test_kill_9_loses_nothing_older_than_a_few_seconds(state: Path, clients: Clients) -> None:
    first = local.up(state)
    client = clients(first)
    client("s3").create_bucket(Bucket="kept")
    client("s3").put_object(Bucket="kept", Key="a", Body=b"one")
    client("sqs").create_queue(QueueName="kept")
    saved = [state / "aws" / f"{name}.json" for name in ("s3", "sqs")]
    until(lambda: all(file.exists() and "kept" in file.read_text() for file in saved))
    os.kill(first.pid, signal.SIGKILL)
    until(lambda: local.find(state) is None)
    if sys.platform == "linux":
        until(lambda: group(first.pid) == [])
    client = clients(local.up(state))
    assert client("s3").get_object(Bucket="kept", Key="a")["Body"].read() == b"one"
    assert client("sqs").get_queue_url(QueueName="kept")["QueueUrl"].endswith("/kept")


def test_git_ignores_the_key(state: Path) -> None:
    local.up(state)
    assert (state / ".gitignore").read_text() == "*\n"


@linux_only
def test_down_leaves_no_process(state: Path) -> None:
    running = local.up(state)
    until(lambda: len(group(running.pid)) > 1)  # functions are started ahead of their first event
    local.down(state)
    assert group(running.pid) == []


def test_environment_for_other_programs_has_url_and_key(server: Server) -> None:
    variables = environment(server)
    assert variables["AWS_ENDPOINT_URL"] == server.url
    assert Path(variables["AWS_CONFIG_FILE"]).read_text() == ""
    program = "import boto3, json; print(json.dumps(boto3.client('sts').get_caller_identity()['Account']))"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**clean, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == "000000000000"


def test_state_survives_a_restart(state: Path, clients: Clients) -> None:
    client = clients(local.up(state))
    versions = write_everything(client)
    local.down(state)
    client = clients(local.up(state))
    s3 = client("s3")
    for version, content in versions.items():
        assert s3.get_object(Bucket="kept", Key="a/b", VersionId=version)["Body"].read() == content
    assert s3.get_object(Bucket="kept", Key="a/b")["Body"].read() == b"two"
    assert s3.get_bucket_versioning(Bucket="kept")["Status"] == "Enabled"
    found = client("dynamodb").query(
        TableName="kept",
        IndexName="by_b",
        KeyConditionExpression="b = :b",
        ExpressionAttributeValues={":b": {"S": "x"}},
    )
    assert [item["a"]["S"] for item in found["Items"]] == ["1", "2"]
    url = client("sqs").get_queue_url(QueueName="kept")["QueueUrl"]
    assert client("sqs").receive_message(QueueUrl=url)["Messages"][0]["Body"] == "hello"
    machine = client("stepfunctions").list_state_machines()["stateMachines"][-1]["stateMachineArn"]
    runs = {
        run["name"]: run
        for found in client("stepfunctions").list_state_machines()["stateMachines"]
        for run in client("stepfunctions").list_executions(stateMachineArn=found["stateMachineArn"])[
            "executions"
        ]
    }
    assert runs["first"]["status"] == "SUCCEEDED", machine


def write_everything(client: Callable[[str], Any]) -> dict[str, bytes]:
    s3, sqs = client("s3"), client("sqs")
    s3.create_bucket(Bucket="kept")
    s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
    bodies = (b"one", b"two")
    versions = {s3.put_object(Bucket="kept", Key="a/b", Body=body)["VersionId"]: body for body in bodies}
    keys = [{"AttributeName": name, "AttributeType": "S"} for name in "ab"]
    client("dynamodb").create_table(
        TableName="kept",
        AttributeDefinitions=keys,
        KeySchema=[{"AttributeName": "a", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_b",
                "KeySchema": [
                    {"AttributeName": "b", "KeyType": "HASH"},
                    {"AttributeName": "a", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    for name in "12":
        client("dynamodb").put_item(TableName="kept", Item={"a": {"S": name}, "b": {"S": "x"}})
    sqs.send_message(QueueUrl=sqs.create_queue(QueueName="kept")["QueueUrl"], MessageBody="hello")
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
    machine = client("stepfunctions").create_state_machine(
        name="kept", definition=definition, roleArn="arn:aws:iam::000000000000:role/r"
    )["stateMachineArn"]
    run = client("stepfunctions").start_execution(stateMachineArn=machine, name="first")["executionArn"]
    describe = client("stepfunctions").describe_execution
    until(lambda: describe(executionArn=run)["status"] == "SUCCEEDED")
    return versions


def test_parallel_calls_of_up_in_one_process_give_one_server(state: Path) -> None:
    found: list[Server] = []
    threads = [threading.Thread(target=lambda: found.append(local.up(state))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({server.pid for server in found}) == 1
