"""Run concurrency on the local target, with real executions, jobs, and events, and killed servers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from tests.e2e.places import Place
from tests.support.waiting import until

from stagewright.document.file import read_document
from stagewright.local import server
from stagewright.operator_gateway import OperatorGateway
from stagewright.runs.dead_letters import list_letters
from stagewright.runs.history.run_history import show
from stagewright.runs.releases import push as release
from stagewright.runs.requests import request_run
from stagewright.runs.stop import stop
from stagewright.store.items import encode

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

DOCUMENT = """\
name: turns
concurrency: {concurrency}
parameters: {{wait: 0}}
defaults: {{image: sklearn-1.4, instance_type: ml.m5.large}}
stages:
  work:
    kind: processing
    code: work.py
    arguments: ["${{parameters.wait}}"]
    outputs: [made]
"""
WORK = """\
import pathlib, sys, time
pathlib.Path("/opt/ml/processing/output/made/file").write_text("made")
time.sleep(float(sys.argv[1]))
"""
LONG = 600


def push(place: Place, gateway: OperatorGateway, concurrency: str) -> None:
    (place.folder / "pipeline.yaml").write_text(DOCUMENT.format(concurrency=concurrency))
    pipeline = read_document(place.folder / "pipeline.yaml")
    release.push(gateway, pipeline, {"work.py": WORK.encode()}, by="test")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path / "place", "", {})
    yield made
    server.down(made.state)


def ask(gateway: OperatorGateway, wait: float) -> str:
    key = request_run(gateway, "turns", {"wait": wait}, "test")
    run: str = until(lambda: gateway.runs.claimed(key))
    return run


def at_work(gateway: OperatorGateway, run: str) -> bool:
    return any(stage.status == "RUNNING" for stage in show(gateway, run).stages)


def ended(gateway: OperatorGateway, run: str) -> bool:
    header = gateway.runs.header(run)
    return header is not None and not header.is_open


def executions(gateway: OperatorGateway) -> dict[str, str]:
    machine = gateway.installation.state_machine_arn
    found = gateway.executions.client.list_executions(stateMachineArn=machine)["executions"]
    return {each["name"]: each["status"] for each in found}


def one_waits(place: Place) -> tuple[OperatorGateway, str, str]:
    """A run that is at work, and one that waits for it."""
    gateway = place.up()
    push(place, gateway, "queue")
    first = ask(gateway, LONG)
    until(lambda: at_work(gateway, first))
    second = ask(gateway, 0)
    until(lambda: show(gateway, second).waits_for == first)
    return gateway, first, second


def test_queued_run_starts_after_server_is_killed(place: Place) -> None:
    gateway, first, second = one_waits(place)
    for stage in ([], ["work"]):
        told = place("logs", second, *stage)
        assert (told.stdout, told.stderr) == ("", f"{second} waits for {first}: it has no log yet\n")
    place.kill()
    gateway = place.up()
    until(lambda: ended(gateway, second))
    assert show(gateway, first).status == "FAILED"
    assert show(gateway, second).status == "SUCCEEDED"
    until(lambda: gateway.run_queue.lease("turns") is None)  # it is freed after the run is closed
    assert list(gateway.run_queue.entries("turns")) == []


def test_queued_run_survives_server_shutdown(place: Place) -> None:
    gateway = place.up()
    push(place, gateway, "queue")
    first = ask(gateway, LONG)
    until(lambda: at_work(gateway, first))
    second = ask(gateway, 0)
    assert show(gateway, second).status == "QUEUED"
    server.down(place.state)
    assert place.processes() == []
    gateway = place.up()
    until(lambda: ended(gateway, second))
    assert (show(gateway, first).status, show(gateway, second).status) == ("STOPPED", "SUCCEEDED")


def test_queued_runs_start_one_at_a_time(place: Place) -> None:
    gateway = place.up()
    push(place, gateway, "queue")
    runs = [ask(gateway, wait) for wait in (1.0, 0.5, 0.2)]

    def over() -> bool:
        assert list(executions(gateway).values()).count("RUNNING") <= 1
        return all(ended(gateway, run) for run in runs)

    until(over)
    records = sorted((show(gateway, run) for run in runs), key=lambda record: record.started)
    assert [record.status for record in records] == ["SUCCEEDED"] * 3
    for before, after in pairwise(records):
        assert before.ended <= after.started


def test_cancel_running_stops_the_active_run_and_starts_the_new_one(place: Place) -> None:
    gateway = place.up()
    push(place, gateway, "cancel-running")
    first = ask(gateway, LONG)
    until(lambda: at_work(gateway, first))
    job = show(gateway, first).stage("work").job
    second = ask(gateway, 0)
    until(lambda: ended(gateway, second))
    record = show(gateway, first)
    assert (record.status, record.reason) == ("STOPPED", f"stopped by run {second}")
    until(lambda: (found := gateway.jobs.describe("processing", job)) and found.status == "Stopped")
    assert show(gateway, second).status == "SUCCEEDED"


def test_skip_records_skipped_event_while_a_run_is_active(place: Place) -> None:
    gateway = place.up()
    push(place, gateway, "skip")
    first = ask(gateway, LONG)
    key = request_run(gateway, "turns", {}, "test")
    (dropped,) = until(lambda: gateway.trigger_state.skipped_events("turns", 5))
    assert (dropped.key, dropped.reason) == (key, f"{first} is still running (concurrency: skip)")
    stop(gateway, first, "test")
    until(lambda: ended(gateway, first))
    third = ask(gateway, 0)
    until(lambda: ended(gateway, third))
    assert show(gateway, third).status == "SUCCEEDED"
    assert set(executions(gateway)) == {first, third}


def test_sweeper_closes_aborted_execution_whose_event_was_lost(place: Place) -> None:
    gateway = place.up()
    push(place, gateway, "queue")
    first = ask(gateway, LONG)
    until(lambda: at_work(gateway, first))
    second = ask(gateway, 0)
    events = gateway.events.client
    events.disable_rule(Name=gateway.installation.name("run-status"))
    gateway.executions.stop(gateway.executions.arn_of(first), "by hand")
    until(lambda: executions(gateway)[first] == "ABORTED")
    assert gateway.runs.header(second).status == "QUEUED"
    sweeper = gateway.session.client("lambda", endpoint_url=gateway.endpoint_url)
    payload = b'{"detail": {"patience": -1}}'
    sweeper.invoke(FunctionName=gateway.installation.name("sweeper"), Payload=payload)
    until(lambda: executions(gateway).get(second))
    assert show(gateway, first).status == "STOPPED"
    events.enable_rule(Name=gateway.installation.name("run-status"))
    until(lambda: executions(gateway)[second] == "SUCCEEDED")


def test_unplannable_run_fails_after_last_delivery_and_next_run_starts(place: Place) -> None:
    """A stored result cannot be parsed. The queue and the router close the run without the sweeper."""
    gateway = place.up()
    push(place, gateway, "queue")
    strange = {"run": "strange", "item": "stage#work", "stage_key": "turns#default#work", "result": "{broken"}
    put = {**strange, "status": "SUCCEEDED", "ended": "2026-01-01T00:00:00.000Z"}
    gateway.runs.client.put_item(TableName=gateway.runs.table, Item=encode(put))
    queue = gateway.queue
    queue.client.set_queue_attributes(QueueUrl=queue.url, Attributes={"VisibilityTimeout": "3"})
    first = ask(gateway, 0)
    second = ask(gateway, 0.1)
    until(lambda: ended(gateway, first))
    key = {name: strange[name] for name in ("run", "item")}
    gateway.runs.client.delete_item(TableName=gateway.runs.table, Key=encode(key))
    until(lambda: ended(gateway, second))
    failed, next_one = show(gateway, first), show(gateway, second)
    assert failed.status == "FAILED"
    assert failed.reason.startswith("5 attempts to plan and start it failed: JSONDecodeError: Expecting")
    assert next_one.status == "SUCCEEDED"
    assert next_one.started >= failed.ended
    (letter,) = until(lambda: list_letters(gateway))
    assert letter.why.startswith(f"its run {first} has ended: FAILED")
    assert executions(gateway) == {second: "SUCCEEDED"}


def statuses(place: Place) -> dict[str, str]:
    """As the command tells them, with a server of its own where none is up."""
    return {run["run"]: run["status"] for run in place.json("runs")}


def left_waiting(place: Place) -> tuple[str, str]:
    """A run that was at work when its server was killed, and one that waited for it."""
    _, first, second = one_waits(place)
    place.kill()
    return first, second


def test_listing_runs_after_kill_closes_open_run_and_keeps_queued_run(place: Place) -> None:
    first, second = left_waiting(place)
    for _ in range(2):
        assert statuses(place) == {first: "FAILED", second: "QUEUED"}
        assert place.processes() == []
    reason = f"the local server ended while it ran (stagewright resume {first})"
    assert place.json("show", first)["reason"] == reason
    assert place.json("show", second)["status"] == "QUEUED"
    gateway = place.up()
    assert set(executions(gateway)) in ({first}, {first, second})
    until(lambda: ended(gateway, second))
    assert show(gateway, second).status == "SUCCEEDED"


def test_run_command_completes_earlier_queued_runs(place: Place) -> None:
    first, second = left_waiting(place)
    (place.folder / "code").mkdir()
    (place.folder / "code" / "work.py").write_text(WORK)
    third = place.json("run", ".")
    assert third["status"] == "SUCCEEDED"
    assert place.processes() == []
    assert statuses(place) == {first: "FAILED", second: "SUCCEEDED", third["run"]: "SUCCEEDED"}


def test_command_exit_waits_for_started_runs(
    place: Place,
) -> None:
    (place.folder / "code").mkdir()
    (place.folder / "code" / "work.py").write_text(WORK)
    (place.folder / "pipeline.yaml").write_text(DOCUMENT.format(concurrency="queue"))
    process = place.start("run", ".", "-p", f"wait={LONG}")
    assert process.stderr
    until(lambda: server.find(place.state))
    gateway = place.gateway()
    first = until(lambda: [header.run for header in gateway.runs.open_runs(2)])[0]
    until(lambda: at_work(gateway, first))
    text = DOCUMENT.format(concurrency="queue").replace("name: turns", "name: beside")
    (place.folder / "beside.yaml").write_text(text)
    release.push(gateway, read_document(place.folder / "beside.yaml"), {"work.py": WORK.encode()}, by="test")
    key = request_run(gateway, "beside", {"wait": LONG}, "test")
    beside: str = until(lambda: gateway.runs.claimed(key))
    until(lambda: at_work(gateway, beside))
    waiting = ask(gateway, 0)
    until(lambda: show(gateway, waiting).waits_for == first)
    stop(gateway, first, "test")
    while f"{beside} has started; this command waits" not in (line := process.stderr.readline()):
        assert line, "the command has left the run beside its own"
    assert show(gateway, beside).status == "RUNNING"
    stop(gateway, beside, "test")
    process.communicate()
    assert place.processes() == []
    found = {run["run"]: run for run in place.json("runs")}
    assert found[beside]["reason"] == "stopped by test"
    assert found[waiting]["status"] in ("QUEUED", "PLANNED", "SUCCEEDED")
    gateway = place.up()
    until(lambda: ended(gateway, waiting))
    assert show(gateway, waiting).status == "SUCCEEDED"
