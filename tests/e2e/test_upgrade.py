"""Runs that are under way, planned or queued while the installation is upgraded end well."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.e2e.places import Place
from tests.e2e.test_turns import ask, at_work, ended, push
from tests.support.documents import effective
from tests.support.waiting import until

from sagemaker_local.state_folder import Server
from stagewright.document.load import load
from stagewright.errors import TargetError
from stagewright.installation.archive import BUILT_WITH
from stagewright.local import server
from stagewright.local.artifacts import Artifacts
from stagewright.local.provision import provision
from stagewright.local.state import INSTALLATION, State
from stagewright.naming import timestamp
from stagewright.operator_gateway import OperatorGateway
from stagewright.planner.model import PLAN_FORMAT, Trigger
from stagewright.runs import starting
from stagewright.runs.history.run_history import show
from stagewright.runs.plan_inputs.load import make_plan
from stagewright.runs.releases import manifest as manifests
from stagewright.runs.releases import publish
from stagewright.runs.releases.bundles import ensure_bundles

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

NEXT = PLAN_FORMAT + 1


def next_version() -> Artifacts:
    """The artifacts of a version with another plan format, so that its machine runs no plan of this one."""
    now = Artifacts.read(INSTALLATION)
    definition = now.definition.replace(f"format != {PLAN_FORMAT}", f"format != {NEXT}")
    assert definition != now.definition
    digest = hashlib.sha256(definition.encode()).hexdigest()
    resources = json.loads(json.dumps(now.resources))
    for function in resources["functions"].values():
        function["environment"]["STAGEWRIGHT_DEFINITION"] = digest
    return replace(now, resources=resources, definition=definition, archive=archive_of(now.archive, digest))


def archive_of(archive: bytes, digest: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as source, zipfile.ZipFile(made, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == BUILT_WITH:
                content = digest.encode()
            if name.endswith("planner/model.py"):
                content = re.sub(rb"PLAN_FORMAT = \d+", b"PLAN_FORMAT = %d" % NEXT, content)
            target.writestr(name, content)
    return made.getvalue()


def up_server(place: Place) -> Server:
    found = State(place.state).server()
    assert found
    return found


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path / "place", "", {})
    yield made
    server.down(made.state)


def version_of(gateway: OperatorGateway, run: str) -> int:
    arn = gateway.executions.arn_of(run)
    described = gateway.executions.client.describe_execution(executionArn=arn)
    assert described["stateMachineArn"] == gateway.installation.state_machine_arn
    return int(described["stateMachineVersionArn"].rpartition(":")[2])


def test_runs_end_well_while_the_installation_is_upgraded(place: Place) -> None:
    gateway = place.up()
    push(place, gateway, "queue")
    under_way, queued = ask(gateway, 3), ask(gateway, 0)
    until(lambda: at_work(gateway, under_way))
    provision(up_server(place), next_version())
    later = ask(gateway, 0)
    until(lambda: all(ended(gateway, run) for run in (under_way, queued, later)))
    for run, version in ((under_way, 1), (queued, 2), (later, 2)):
        assert show(gateway, run).status == "SUCCEEDED", show(gateway, run).reason
        assert version_of(gateway, run) == version


def test_plan_of_the_old_router_runs_after_the_upgrade(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old router died after it had pinned the plan. The sweeper of the new version starts the run."""
    gateway = place.up()
    push(place, gateway, "queue")
    run = planned_run(replace(gateway, machine_version=f"{INSTALLATION.state_machine_arn}:1"), monkeypatch)
    provision(up_server(place), next_version())
    sweeper = INSTALLATION.name("sweeper")
    request = json.dumps({"detail": {"patience": 0}})
    answer = gateway.functions.client.invoke(FunctionName=sweeper, Payload=request)
    assert json.loads(answer["Payload"].read()) == {"repairs": 1}
    until(lambda: ended(gateway, run))
    assert show(gateway, run).status == "SUCCEEDED", show(gateway, run).reason
    assert version_of(gateway, run) == 1


def planned_run(gateway: OperatorGateway, monkeypatch: pytest.MonkeyPatch) -> str:
    manifest = manifests.read(gateway, "turns")
    assert manifest
    release = publish.publish(gateway, manifest)
    trigger = Trigger("manual", "manual:turns-planned", timestamp(datetime.now(UTC)), "test")
    plan = make_plan(gateway, effective(load(manifest.document)), trigger, release, 1)
    ensure_bundles(gateway, release, plan)
    with monkeypatch.context() as patch:
        patch.setattr(starting, "launch", die)
        with pytest.raises(TargetError):
            starting.start(gateway, plan)
    header = gateway.runs.header(plan.run)
    assert header
    assert header.status == "PLANNED"
    return plan.run


def die(*_: object) -> str:
    raise TargetError("the function died")
