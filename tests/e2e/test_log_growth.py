"""Job logs: the server's memory, its state and its start do not grow with them, and none is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.places import Place
from tests.support.waiting import until

from sagemaker_local.logs.log_file import LogFile
from stagewright.local import server
from stagewright.operator_gateway import OperatorGateway

DOCUMENT = """\
name: chatty
parameters: {lines: 1, seconds: 0}
defaults: {image: sklearn-1.4, instance_type: ml.m5.large}
stages:
  a:
    kind: processing
    code: a.py
    arguments: ["${parameters.lines}", "${parameters.seconds}"]
    outputs: [made]
"""
SCRIPT = """\
import pathlib, sys, time
for number in range(int(sys.argv[1])):
    print(f"{number:08}", "x" * 90)
sys.stdout.buffer.write(b"binary \\xff\\x00 end\\n" + b"y" * 1_000_000)
sys.stdout.flush()
time.sleep(float(sys.argv[2]))
pathlib.Path("/opt/ml/processing/output/made/file").write_text("made")
"""
GROUP = "/aws/sagemaker/ProcessingJobs"

pytestmark = pytest.mark.slow


@pytest.fixture
def chatty(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path / "chatty", DOCUMENT, {"code/a.py": SCRIPT})
    place.up()
    yield place
    server.down(place.state)


def log_of(place: Place, run: str) -> Path:
    return place.state / "sagemaker/jobs/processing" / f"{run}-a-1" / "log"


def peak(place: Place) -> int:
    """Bytes of memory that the server had at most (proc(5), VmHWM)."""
    running = server.find(place.state)
    assert running
    status = Path(f"/proc/{running.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def state_size(place: Place) -> int:
    """Bytes of the state without the logs themselves, and without `tmp`, which each start empties."""
    files = [file for file in place.state.rglob("*") if file.is_file() and not file.name.startswith("log")]
    return sum(file.stat().st_size for file in files if not file.is_relative_to(place.state / "tmp"))


def events(gateway: OperatorGateway, stream: str) -> Iterator[str]:
    token = ""
    while True:
        page, following = gateway.logs.read(GROUP, stream, token)
        yield from (event.text for event in page if not event.text.startswith("WARNING: "))
        if following == token:
            return
        token = following


def test_server_does_not_grow_with_a_log_of_30_megabytes(chatty: Place) -> None:
    for _ in range(2):  # the second stop also keeps what the first one saved
        chatty("run", ".", "--force")
        chatty("down")
        small = state_size(chatty)
        chatty.up()
    chatty("run", ".", "--force")  # loads what any job needs
    before = peak(chatty)
    run = chatty.json("run", ".", "-p", "lines=300000")["run"]
    assert chatty("logs", run, "a", "--lines", "3").stdout.startswith("yyy")
    file = log_of(chatty, run)
    assert file.stat().st_size > 30_000_000
    assert peak(chatty) - before < 40_000_000
    assert file.with_name("log.times").stat().st_size < 2_000_000
    chatty("down")
    assert state_size(chatty) - small < 1_000_000
    gateway = chatty.up()
    (stream,) = gateway.logs.streams(GROUP, file.parent.name + "/")
    seen = list(events(gateway, stream))
    assert [line[:8] for line in seen[:300_000]] == [f"{number:08}" for number in range(300_000)]
    assert seen[300_000] == "binary \ufffd\0 end"
    assert "".join(seen[300_001:]) == "y" * 1_000_000
    assert peak(chatty) - before < 40_000_000


def test_killed_server_serves_what_was_on_disk(chatty: Place) -> None:
    run = chatty.begun("-p", "lines=20000", "-p", "seconds=600")
    file = log_of(chatty, run)
    until(lambda: file.exists() and file.stat().st_size > 2_000_000)
    chatty.kill()
    kept = [event.message for event in LogFile(file).events() if b"WARNING: " not in event.data]
    gateway = chatty.up()
    (stream,) = gateway.logs.streams(GROUP, file.parent.name + "/")
    seen = list(events(gateway, stream))
    assert seen == kept
    assert [line[:8] for line in seen[:20_000]] == [f"{number:08}" for number in range(20_000)]
