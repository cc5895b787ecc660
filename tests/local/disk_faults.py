"""Uses a state folder on a disk of its own. Run it in a mount namespace: python disk_faults.py FOLDER FAULT.

FAULT is `full` or `read-only`. The disk is a tmpfs, so the system itself refuses each write.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from tests.local.clients import connect

from sagemaker_local.state_folder import Server
from stagewright.errors import TargetError
from stagewright.local import integrity
from stagewright.local import server as local
from stagewright.local.state import INSTALLATION, State

MEGABYTES = 90
"""A start needs 50 MB."""
TRIES = 40


def mount(folder: Path, *options: str) -> None:
    subprocess.run(["mount", *options, str(folder)], check=True)


class Full:
    def __init__(self, folder: Path) -> None:
        self.filler = folder / "tmp/filler"

    def begin(self) -> None:
        with suppress(OSError), self.filler.open("wb", buffering=0) as file:
            for size in (65_536, 4_096, 1):
                with suppress(OSError):
                    while file.write(b"x" * size) == size:
                        pass

    def end(self) -> None:
        self.filler.unlink()


class ReadOnly:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def begin(self) -> None:
        mount(self.folder, "-o", "remount,ro")

    def end(self) -> None:
        mount(self.folder, "-o", "remount,rw")


def put_item(server: Server, name: str) -> None:
    with closing(connect(server, "dynamodb")) as tables:
        item = {"run": {"S": "r"}, "item": {"S": name}, "value": {"S": "x" * 2_000}}
        tables.put_item(TableName=INSTALLATION.runs_table, Item=item)


def put_object(server: Server, name: str) -> None:
    with closing(connect(server, "s3")) as s3:
        s3.put_object(Bucket=INSTALLATION.bucket, Key=f"disk/{name}", Body=name.encode() * 500)


def send_message(server: Server, name: str) -> None:
    with closing(connect(server, "sqs")) as queues:
        url = queues.get_queue_url(QueueName="disk")["QueueUrl"]
        queues.send_message(QueueUrl=url, MessageBody=name, DelaySeconds=900)


def has_item(server: Server, name: str) -> bool:
    with closing(connect(server, "dynamodb")) as tables:
        key = {"run": {"S": "r"}, "item": {"S": name}}
        return "Item" in tables.get_item(TableName=INSTALLATION.runs_table, Key=key)


def has_object(server: Server, name: str) -> bool:
    with closing(connect(server, "s3")) as s3, suppress(ClientError):
        body = s3.get_object(Bucket=INSTALLATION.bucket, Key=f"disk/{name}")["Body"].read()
        return bool(body == name.encode() * 500)
    return False


def messages(server: Server) -> int:
    with closing(connect(server, "sqs")) as queues:
        url = queues.get_queue_url(QueueName="disk")["QueueUrl"]
        name = "ApproximateNumberOfMessagesDelayed"
        return int(queues.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])


def is_acknowledged(write: Callable[[Server, str], None], server: Server, name: str) -> bool:
    with suppress(ClientError, BotoCoreError):
        write(server, name)
        return True
    return False


class Written:
    """What the server has acknowledged."""

    def __init__(self) -> None:
        self.items: list[str] = []
        self.objects: list[str] = []
        self.messages = 0
        self.refused = 0

    def write(self, server: Server, name: str) -> None:
        answers = [is_acknowledged(write, server, name) for write in (put_item, put_object, send_message)]
        self.items += [name] * answers[0]
        self.objects += [name] * answers[1]
        self.messages += answers[2]
        self.refused += answers.count(False)

    def require(self, server: Server) -> None:
        assert all(has_item(server, name) for name in self.items)
        assert all(has_object(server, name) for name in self.objects)
        assert messages(server) == self.messages


def start(folder: Path) -> Server:
    server = local.up(folder)
    with closing(connect(server, "sqs")) as queues:
        queues.create_queue(QueueName="disk")
    assert local.down(folder)  # a queue is saved with the state, and only its messages at once
    return local.up(folder)


def fill_while_up(folder: Path, written: Written, disk: Full) -> Server:
    """A full disk refuses writes. What was acknowledged is kept, and later writes are accepted again."""
    server = local.find(folder)
    assert server is not None
    disk.begin()
    for number in range(TRIES):
        written.write(server, f"during-{number}")
    assert written.refused >= TRIES, written.refused
    written.require(server)
    disk.end()
    written.write(server, "after")
    assert "after" in written.items
    assert "after" in written.objects
    disk.begin()
    return server


def main(folder: Path, fault: str) -> None:
    written = Written()
    server = start(folder)
    written.write(server, "before")
    disk: Full | ReadOnly = Full(folder) if fault == "full" else ReadOnly(folder)
    if isinstance(disk, Full):
        server = fill_while_up(folder, written, disk)
    os.killpg(server.pid, signal.SIGKILL)
    os.waitpid(server.pid, 0)
    if isinstance(disk, ReadOnly):  # the system remounts only a disk whose files are closed
        disk.begin()
    with pytest.raises(TargetError, match=r"free|Read-only file system"):
        local.up(folder)
    disk.end()
    assert integrity.check_stopped(State(folder)) == []
    server = local.up(folder)
    written.require(server)
    if isinstance(disk, Full):
        disk.begin()
    assert local.down(folder)
    disk.end()
    written.require(local.up(folder))
    assert local.down(folder) == local.Stopped()
    print(f"{len(written.items)} items, {len(written.objects)} objects, {written.refused} refused")


if __name__ == "__main__":
    state = Path(sys.argv[1])
    mount(state, "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs")
    main(state, sys.argv[2])
