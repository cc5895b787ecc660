"""SIGKILL of the local server at any time: recorded results are kept and are correct."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from tests.e2e.places import Place
from tests.support.waiting import until

from stagewright.document.file import read_document
from stagewright.errors import StagewrightError
from stagewright.local import server
from stagewright.operator_gateway import OperatorGateway
from stagewright.runs.history.run_history import find_run, show
from stagewright.runs.releases import push as release
from stagewright.runs.requests import request_run

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

KILLS = 20
LONGEST = 1.2
"""Seconds from the push to the kill; a run of these stages takes about that long."""
NAMES = ("a", "b", "c", "d")
STAGE = """\
  {name}:
    kind: processing
    code: work.py
    arguments: ["{name}"]
    outputs: [made]
    inputs: {{{inputs}}}
"""
WORK = """\
import pathlib, sys
pathlib.Path("/opt/ml/processing/output/made/file").write_text(sys.argv[1])
"""
UNREACHABLE = (StagewrightError, BotoCoreError, ClientError, OSError)


def document() -> str:
    """A chain of tiny stages."""
    text = "name: killed\ndefaults: {image: sklearn-1.4, instance_type: ml.m5.large}\n"
    text += "triggers: [{type: code}]\nstages:\n"
    for before, name in zip((None, *NAMES), NAMES, strict=False):
        inputs = f'earlier: "${{stages.{before}.outputs.made}}"' if before else ""
        text += STAGE.format(name=name, inputs=inputs)
    return text


def push(place: Place, gateway: OperatorGateway, text: str) -> str:
    pipeline = read_document(place.folder / "pipeline.yaml")
    files = {"work.py": f"{WORK}# {text}\n".encode()}
    key = release.push(gateway, pipeline, files, by="test").trigger_key
    assert key
    return key


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path / "place", document(), {})
    yield made
    server.down(made.state)


def succeeded(gateway: OperatorGateway, run: str) -> dict[str, str]:
    """Stage -> where its output lies, of the stages that are recorded as succeeded."""
    stages = show(gateway, run).stages
    return {s.name: s.result["outputs"]["made"] for s in stages if s.status == "SUCCEEDED" and s.result}


def watched_until(gateway: OperatorGateway, key: str, end: float) -> dict[str, str]:
    """The good stages of the run as they were last reported before `end`."""
    run, seen = None, {}
    while time.monotonic() < end:
        run = run or find_run(gateway, key)
        seen = succeeded(gateway, run) if run else {}
    return seen


def closed(gateway: OperatorGateway, key: str) -> str:
    """The run of this trigger, once it is over."""
    run: str = until(lambda: find_run(gateway, key))
    until(lambda: (header := gateway.runs.header(run)) and not header.is_open)
    return run


def contents(gateway: OperatorGateway, uri: str) -> list[bytes]:
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    s3 = gateway.session.client("s3", endpoint_url=gateway.endpoint_url)
    found = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    return [s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read() for item in found]


def test_recorded_results_survive_server_kill_at_any_time(place: Place) -> None:
    moments = random.Random(20261122)
    gateway = place.up()
    for number in range(KILLS):
        key = push(place, gateway, f"{number}")
        end = time.monotonic() + moments.uniform(0, LONGEST)
        seen: dict[str, str] = {}
        with suppress(*UNREACHABLE):
            seen = watched_until(gateway, key, end)
        place.kill()
        gateway = place.up()
        run = closed(gateway, key)
        kept = succeeded(gateway, run)
        assert seen.items() <= kept.items()
        for stage, uri in kept.items():
            assert contents(gateway, uri) == [stage.encode()]


def test_results_recorded_before_kill_are_reused(place: Place) -> None:
    gateway = place.up()
    key = push(place, gateway, "one")
    run = until(lambda: (found := find_run(gateway, key)) and len(succeeded(gateway, found)) >= 2 and found)
    place.kill()
    gateway = place.up()
    kept = succeeded(gateway, run)
    again = request_run(gateway, "killed", {}, "test")
    second = show(gateway, closed(gateway, again))
    assert second.status == "SUCCEEDED"
    stages = {stage.name: stage for stage in second.stages}
    assert {name for name in kept if stages[name].action == "reuse"} == set(kept)
