"""Backfills that are interrupted: each month runs once, with its own data only."""

from __future__ import annotations

import io
import json
import signal
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.places import Place
from tests.support.waiting import PATIENCE, until

from stagewright.local import server

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

MONTHS = [f"2024-{month:02}" for month in range(1, 13)]
SPAN = ("--from", "2024-01", "--to", "2024-12", "--every", "month")
DOCUMENT = """\
name: monthly
parameters: {month: "${trigger.date}"}
partition: "${parameters.month}"
concurrency: queue
defaults: {image: sklearn-1.4, instance_type: ml.m5.large}
stages:
  read:
    kind: processing
    code: read.py
    inputs: {raw: "s3://${bucket}/raw/monthly/${parameters.month}/"}
    arguments: ["${parameters.month}"]
    outputs: [sum]
  check:
    kind: processing
    code: check.py
    inputs: {sum: "${stages.read.outputs.sum}"}
    arguments: ["${parameters.month}"]
    outputs: [report]
"""
READ = """\
import pathlib, sys, time
time.sleep(0.3)
here = pathlib.Path("/opt/ml/processing")
read = [file.read_text() for file in sorted((here / "input/raw").rglob("*")) if file.is_file()]
(here / "output/sum/sum").write_text(f"{sys.argv[1]}: {' '.join(read)}")
"""
CHECK = """\
import pathlib, sys
here = pathlib.Path("/opt/ml/processing")
(here / "output/report/report").write_text(f"{sys.argv[1]} of {(here / 'input/sum/sum').read_text()}")
"""


FILES = {"code/read.py": READ, "code/check.py": CHECK}


def runs(place: Place, status: str = "") -> list[Any]:
    found = place.gateway().runs.of_pipeline("monthly", 100)
    return [header for header in found if status in ("", header.status)]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path / "place", DOCUMENT, FILES)
    gateway = made.up()
    for month in MONTHS:
        gateway.objects.put(f"raw/monthly/{month}/data", f"<{month}>".encode())
    made("push", ".")
    yield made
    server.down(made.state)


def most_at_once(headers: list[Any]) -> int:
    marks = [(header.started, 1) for header in headers] + [(header.ended, -1) for header in headers]
    count = most = 0
    for _, change in sorted(marks):
        count += change
        most = max(most, count)
    return most


def test_backfill_completes_every_month_after_kill(place: Place) -> None:
    first = place.start("backfill", "monthly", *SPAN)
    until(lambda: len(runs(place, "SUCCEEDED")) >= 2 and runs(place, "RUNNING"))
    first.kill()  # the command alone: its runs go on
    first.communicate()
    second = place.start("backfill", "monthly", *SPAN)
    until(lambda: len(runs(place, "SUCCEEDED")) >= 6 and runs(place, "RUNNING"))
    place.kill()
    second.communicate(timeout=PATIENCE)
    assert second.returncode == 4
    place.up()

    done = place.json("backfill", "monthly", *SPAN)
    assert [(period["date"], period["status"]) for period in done["periods"]] == [
        (month, "SUCCEEDED") for month in MONTHS
    ]
    good = runs(place, "SUCCEEDED")
    assert sorted(header.trigger.date for header in good) == MONTHS
    assert {header.partition: header.trigger.type for header in good} == dict.fromkeys(MONTHS, "backfill")
    assert len(runs(place)) - len(good) <= 3  # those that the server took along
    assert most_at_once(good) <= 3
    for period in done["periods"]:
        month = period["date"]
        report = gateway_report(place, period["run"])
        assert report == f"{month} of {month}: <{month}>".encode()

    count = len(runs(place))
    assert place.json("backfill", "monthly", *SPAN)["periods"] == done["periods"]
    assert len(runs(place)) == count
    (kept,) = place.json("backfill", "monthly", "--list")
    assert (kept["id"], kept["first"], kept["states"]) == (done["backfill"], "2024-01", {"SUCCEEDED": 12})


def gateway_report(place: Place, run: str) -> bytes:
    """Of the run, or of the earlier one whose result it used again."""
    item = place.gateway().runs.stage(run, "check")
    assert item
    key = item.result["outputs"]["report"].removeprefix(f"s3://{place.gateway().installation.bucket}/")
    return place.gateway().objects.get(f"{key}/report").body


def test_backfill_rejects_only_month_without_data_and_retries_it(place: Place) -> None:
    place.gateway().objects.delete("raw/monthly/2024-02/data")
    span = ("--from", "2024-01", "--to", "2024-03")
    dry = place.json("backfill", "monthly", *span, "--dry-run")["periods"]
    assert [(line["date"], line["state"]) for line in dry] == [
        ("2024-01", "plan"),
        ("2024-02", "rejected"),
        ("2024-03", "plan"),
    ]
    assert (dry[0]["run"], dry[0]["reuse"]) == (2, 0)
    assert dry[0]["hours"] > 0
    assert "nothing at s3://" in dry[1]["why"]
    assert runs(place) == []

    done = place.json("backfill", "monthly", *span, code=6)["periods"]
    assert [period["status"] for period in done] == ["SUCCEEDED", "REJECTED", "SUCCEEDED"]
    assert "nothing at s3://" in done[1]["reason"]
    place.gateway().objects.put("raw/monthly/2024-02/data", b"<late>")
    again = place.json("backfill", "monthly", *span)["periods"]
    assert [(period["status"], period["attempt"]) for period in again] == [
        ("SUCCEEDED", 1),
        ("SUCCEEDED", 2),
        ("SUCCEEDED", 1),
    ]
    assert gateway_report(place, again[1]["run"]) == b"2024-02 of 2024-02: <late>"


def test_backfill_continues_after_ctrl_c_with_same_options(place: Place) -> None:
    span = ("--from", "2024-01", "--to", "2024-04", "--max-concurrency", "1")
    command = place.start("backfill", "monthly", *span, "--skip", "check")
    until(lambda: runs(place, "RUNNING"))
    command.send_signal(signal.SIGINT)
    _, said = command.communicate(timeout=PATIENCE)
    assert command.returncode != 0
    assert "1 started run: they continue; run the same command again to continue the backfill" in said
    until(lambda: len(runs(place, "SUCCEEDED")) == len(runs(place)) < 4)
    refused = place("backfill", "monthly", *span, "--only", "read", code=3)
    assert "is unfinished, with --skip check" in refused.stderr
    continued = place("backfill", "monthly", *span, "--json")
    assert "with --skip check; --latest uses the last push instead" in continued.stderr
    done = json.loads(continued.stdout)["periods"]
    assert {period["attempt"] for period in done} == {1}
    assert {header.trigger.skip for header in runs(place)} == {("check",)}
    assert most_at_once(runs(place, "SUCCEEDED")) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (
            ("monthly", *SPAN, "-p", "month=2024-01"),
            2,
            "2024-01 and 2024-02 would share the partition 2024-01",
        ),
        (("monthly", "--from", "2024-01"), 2, "give --from and --to"),
        (("unknown", *SPAN), 5, "unknown"),
        (("monthly", *SPAN, "-p", "mnth=2024-01"), 2, "declares no such parameter"),
    ],
)
def test_invalid_backfill_is_rejected_and_starts_no_run(
    shared: Place, arguments: tuple[str, ...], code: int, said: str
) -> None:
    assert said in shared("backfill", *arguments, code=code).stderr
    assert runs(shared) == []


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = Place(tmp_path_factory.mktemp("shared") / "place", DOCUMENT, FILES)
    made.up()
    made("push", ".")
    yield made
    server.down(made.state)


def test_push_during_backfill_applies_to_the_next_backfill(place: Place) -> None:
    span = ("--from", "2024-01", "--to", "2024-03", "--max-concurrency", "1")
    command = place.start("backfill", "monthly", *span)
    until(lambda: runs(place, "RUNNING"))
    command.kill()
    command.communicate()
    (place.folder / "code" / "check.py").write_text(CHECK.replace(" of ", " anew of "))
    place("push", ".")
    again = place("backfill", "monthly", *span, "--json")
    assert "continuing the backfill of" in again.stderr
    assert "with revision 1 and release " in again.stderr
    done = json.loads(again.stdout)
    reports = {each["date"]: gateway_report(place, each["run"]) for each in done["periods"]}
    assert reports == {month: f"{month} of {month}: <{month}>".encode() for month in MONTHS[:3]}
    assert {header.release for header in runs(place)} == {done["release"]}

    anew = place.json("backfill", "monthly", *span)
    assert anew["backfill"] != done["backfill"]
    for period in anew["periods"]:
        month = period["date"]
        assert gateway_report(place, period["run"]) == f"{month} anew of {month}: <{month}>".encode()
        assert place.gateway().runs.stage(period["run"], "read") is None


SERVED = """\
name: monthly
partition: "${trigger.date}"
triggers: []
defaults: {image: sklearn-1.4, instance_type: ml.m5.large}
stages:
  read:
    kind: processing
    code: read.py
    inputs: {raw: "s3://${bucket}/raw/monthly/${trigger.date}/"}
    arguments: ["${trigger.date}"]
    outputs: [sum]
  deploy: {kind: endpoint, model: "s3://${bucket}/models/model.tar.gz", entry_point: serve.py}
"""
SERVE = """\
def model_fn(folder): return None
def transform_fn(model, body, content_type, accept): return "1", accept
"""


def test_backfill_months_deploy_to_shared_endpoint_in_sequence(tmp_path: Path) -> None:
    place = Place(tmp_path / "served", SERVED, {"code/read.py": READ, "code/serve.py": SERVE})
    gateway = place.up()
    try:
        for month in MONTHS[:3]:
            gateway.objects.put(f"raw/monthly/{month}/data", b"x")
        gateway.objects.put("models/model.tar.gz", model())
        place("push", ".")
        span = ("--from", "2024-01", "--to", "2024-03")
        wrong = place("backfill", "monthly", *span, "--skip", "deplo", code=3)
        assert "no such stage: deplo" in wrong.stderr

        skipped = place("backfill", "monthly", *span, "--skip", "deploy")
        assert "warning: deploy" not in skipped.stderr
        assert gateway.endpoints.describe("monthly-local") is None
        assert {header.trigger.skip for header in runs(place, "SUCCEEDED")} == {("deploy",)}

        done = place("backfill", "monthly", *span, "--json")
        assert "warning: deploy: each period deploys to monthly-local" in done.stderr
        periods = json.loads(done.stdout)["periods"]
        assert [period["status"] for period in periods] == ["SUCCEEDED"] * 3, done.stderr
        served = gateway.endpoint_records.get("monthly-local")
        assert served is not None
        jobs = {gateway.runs.stage(period["run"], "deploy").job: period for period in periods}
        assert sorted(served.configurations) == sorted(jobs)
        last = jobs[served.configurations[0]]
        assert gateway.endpoints.describe("monthly-local").config == served.configurations[0]
        assert f"monthly-local serves {last['date']}: run {last['run']}" in done.stderr
        assert len(place.json("backfill", "monthly", "--list")) == 2
    finally:
        server.down(place.state)


def model() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo("weights"), io.BytesIO(b""))
    return buffer.getvalue()
