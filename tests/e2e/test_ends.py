"""Every end of a run, a command, or a server is recorded and leaves nothing running."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.e2e.places import Place
from tests.support.documents import effective
from tests.support.processes import command_lines
from tests.support.waiting import PATIENCE, until

from stagewright.aws.executions import Executions
from stagewright.document.file import read_document
from stagewright.errors import TargetError
from stagewright.local import server
from stagewright.operator_gateway import OperatorGateway
from stagewright.planner.model import Trigger
from stagewright.runs import starting
from stagewright.runs.history.records import RunRecord
from stagewright.runs.history.run_history import find_run, show
from stagewright.runs.plan_inputs.load import make_plan
from stagewright.runs.releases import manifest as manifests
from stagewright.runs.releases import push

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

DOCUMENT = """\
name: {name}
parameters: {{seconds: 0}}
defaults: {{image: sklearn-1.4, instance_type: ml.m5.large}}
triggers: [{{type: code}}]
stages:
  first: {{kind: processing, code: work.py, arguments: ["${{parameters.seconds}}"], outputs: [made, empty]}}
  second:
    kind: processing
    code: work.py
    inputs: {{earlier: "${{stages.first.outputs.made}}"}}
    arguments: ["0"]
    outputs: [made]
"""
WORK = """\
import pathlib, sys, time
time.sleep(float(sys.argv[1]))
for place in pathlib.Path("/opt/ml/processing/output").iterdir():
    if place.name == "made":
        (place / "file").write_text("made")
"""
ENDED = ("SUCCEEDED", "FAILED", "STOPPED", "REJECTED")


def place_of(folder: Path, name: str) -> Place:
    return Place(folder, DOCUMENT.format(name=name), {"code/work.py": WORK})


def processes(text: str) -> list[str]:
    """Command lines with this text."""
    return [line for line in command_lines().values() if text in line]


def is_at_work(gateway: OperatorGateway, key: str) -> str | None:
    """The run of this trigger, once its first job runs."""
    run = find_run(gateway, key)
    stages = show(gateway, run).stages if run else ()
    return run if any((each.name, each.status) == ("first", "RUNNING") for each in stages) else None


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = place_of(tmp_path / "place", "two")
    yield made
    server.down(made.state)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A server is up, and nothing sweeps but the tests."""
    place = place_of(tmp_path_factory.mktemp("ends") / "place", "shared")
    with server.temporary(place.state):
        gateway = place.gateway()
        events = gateway.session.client("events", endpoint_url=gateway.endpoint_url)
        events.disable_rule(Name=gateway.installation.name("sweep"))
        yield place


@pytest.fixture(scope="module")
def gateway(shared: Place) -> OperatorGateway:
    return shared.gateway()


@pytest.fixture
def sweep(gateway: OperatorGateway) -> Callable[[], int]:
    """The sweeper itself, as someone calls it who will not wait for its schedule."""
    functions = gateway.session.client("lambda", endpoint_url=gateway.endpoint_url)

    def call() -> int:
        answer = functions.invoke(
            FunctionName=gateway.installation.name("sweeper"),
            Payload=json.dumps({"detail": {"patience": 0}}),
        )
        said = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, said
        return said["repairs"]

    return call


@pytest.fixture
def disabled(gateway: OperatorGateway) -> Iterator[Callable[[str], None]]:
    """`disabled("release")`: events of this rule are lost from now on, until the test ends."""
    events = gateway.session.client("events", endpoint_url=gateway.endpoint_url)
    names: list[str] = []

    def disable(what: str) -> None:
        names.append(gateway.installation.name(what))
        events.disable_rule(Name=names[-1])

    yield disable
    for name in names:
        events.enable_rule(Name=name)


def pushed(shared: Place, gateway: OperatorGateway, text: str, seconds: float = 0) -> str:
    """The trigger key of a new release."""
    pipeline = read_document(shared.folder / "pipeline.yaml")
    files = {"work.py": f"{WORK}# {text}\n".encode()}
    key = push.push(gateway, pipeline, files, parameters={"seconds": seconds}, by="test").trigger_key
    assert key
    return key


def ended(gateway: OperatorGateway, key: str) -> RunRecord:
    def look() -> RunRecord | None:
        run = find_run(gateway, key)
        header = gateway.runs.header(run) if run else None
        return show(gateway, header.run) if header and header.status in ENDED else None

    return until(look)


def test_command_exits_after_its_run_is_recorded(place: Place) -> None:
    ran = place.json("run", ".")
    assert ran["status"] == "SUCCEEDED"
    assert place.processes() == []
    assert (place.state / "reconciled").exists()
    listed = place.json("runs")
    assert [(run["run"], run["status"]) for run in listed] == [(ran["run"], "SUCCEEDED")]


def test_killed_run_command_stops_its_run_and_server(place: Place) -> None:
    process = place.start("run", ".", "-p", "seconds=300")
    assert process.stderr
    while "first  RUNNING" not in process.stderr.readline():
        assert process.poll() is None
    process.kill()
    process.communicate()
    until(lambda: place.processes() == [])
    (run,) = place.json("runs")
    assert (run["status"], run["reason"]) == ("STOPPED", "the local server was stopped")
    stages = {stage["name"]: stage["status"] for stage in place.json("show", run["run"])["stages"]}
    assert stages == {"first": "STOPPED", "second": "STOPPED"}


def saved_items(place: Place) -> str:
    """The items of all tables that the last snapshot has."""
    with closing(sqlite3.connect(place.state / "aws/items.sqlite")) as connection:
        return "".join(record for (record,) in connection.execute("SELECT record FROM records"))


def test_restart_after_kill_closes_the_open_run(place: Place) -> None:
    gateway = place.up()
    key = pushed(place, gateway, "one", seconds=300)
    run = until(lambda: is_at_work(gateway, key))
    executions = place.state / "aws/stepfunctions.json"
    until(lambda: executions.exists() and run in executions.read_text())
    until(lambda: run in saved_items(place))
    place.kill()
    gateway = place.up()
    header = gateway.runs.header(run)
    assert header
    assert header.status == "FAILED"
    assert {stage.status for stage in show(gateway, run).stages} == {"NOT_RUN"}


def test_server_stays_up_until_the_last_command_exits(place: Place) -> None:
    first = place.start("run", ".", "-p", "seconds=3")
    until(lambda: server.find(place.state))
    second = place.start("run", ".", "-p", "seconds=6", "--json")
    assert first.wait(PATIENCE) == 0
    out, err = second.communicate(timeout=PATIENCE)
    assert second.returncode == 0, err
    assert json.loads(out)["status"] == "SUCCEEDED"
    first.communicate()
    assert place.processes() == []


def test_stop_ends_run_stages_jobs_and_processes(shared: Place, gateway: OperatorGateway) -> None:
    seconds = 300_000 + os.getpid()  # the job's argument, by which its process is found
    key = pushed(shared, gateway, "to be stopped", seconds)
    run = until(lambda: is_at_work(gateway, key))
    until(lambda: processes(f"work.py {seconds}"))
    stopped = shared.json("stop", run)
    assert stopped["status"] == "STOPPED"
    header = gateway.runs.header(run)
    assert header
    assert (header.status, header.is_open) == ("STOPPED", False)
    assert [stage.status for stage in show(gateway, run).stages] == ["STOPPED", "STOPPED"]
    until(lambda: not processes(f"work.py {seconds}"))
    job = show(gateway, run).stage("first").job
    ended_job = until(lambda: (found := gateway.jobs.describe("processing", job)) and found.ended and found)
    assert ended_job.status == "Stopped"
    gateway.jobs.stop("processing", job)  # the service refuses it: nothing is left to stop
    with pytest.raises(
        TargetError, match="on the processing job no name of a job failed: ValidationException"
    ):
        gateway.jobs.stop("processing", "no name of a job")


def test_sweeper_starts_run_for_manifest_whose_event_was_lost(
    shared: Place, gateway: OperatorGateway, sweep: Callable[[], int], disabled: Callable[[str], None]
) -> None:
    disabled("release")
    key = pushed(shared, gateway, "lost")
    assert sweep() == 1
    assert ended(gateway, key).status == "SUCCEEDED"
    assert sweep() == 0


def test_sweeper_starts_execution_of_claimed_run(
    shared: Place, gateway: OperatorGateway, sweep: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = read_document(shared.folder / "pipeline.yaml")
    ended(gateway, pushed(shared, gateway, "for the claim"))
    trigger = Trigger("manual", "manual:claimed", "2026-01-31T14:00:00.000Z", "test", {"seconds": 0})
    plan = make_plan(gateway, effective(pipeline), trigger, manifests.read(gateway, pipeline.name).release, 1)

    def crash(self: Executions, *_: str) -> tuple[str, bool]:
        raise ConnectionError("the function died")

    with monkeypatch.context() as patch:
        patch.setattr(Executions, "start", crash)
        with pytest.raises(ConnectionError):
            starting.start(gateway, plan)
    assert show(gateway, plan.run).status == "PLANNED"
    assert sweep() == 1
    assert ended(gateway, "manual:claimed").status == "SUCCEEDED"


def test_sweeper_closes_run_whose_end_event_was_lost(
    shared: Place, gateway: OperatorGateway, sweep: Callable[[], int], disabled: Callable[[str], None]
) -> None:
    disabled("run-status")
    key = pushed(shared, gateway, "no event")
    run = until(lambda: find_run(gateway, key))
    header = until(lambda: (found := gateway.runs.header(run)) and found.execution and found)
    until(lambda: gateway.executions.describe(header.execution).status == "SUCCEEDED")
    assert gateway.runs.header(run).is_open
    assert sweep() == 1
    assert gateway.runs.header(run).status == "SUCCEEDED"


def test_run_command_closes_run_whose_end_event_was_lost(
    shared: Place, gateway: OperatorGateway, disabled: Callable[[str], None]
) -> None:
    disabled("run-status")
    ran = shared.json("run", ".", "--force")
    assert ran["status"] == "SUCCEEDED"
    assert gateway.runs.header(ran["run"]).status == "SUCCEEDED"


def test_stage_with_empty_output_is_reused(shared: Place) -> None:
    shared.json("run", ".")
    again = shared.json("run", ".")
    assert {stage["action"] for stage in again["stages"]} == {"reuse"}
