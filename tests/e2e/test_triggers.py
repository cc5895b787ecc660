"""Triggers on the local target, with real events, rules, queue, and functions."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.ticks import ticks
from tests.support import commands
from tests.support.waiting import PATIENCE, until

from sagemaker_local import state_folder
from stagewright.document.load import load
from stagewright.local import server as local
from stagewright.local.state import INSTALLATION
from stagewright.naming import timestamp
from stagewright.operator_gateway import OperatorGateway
from stagewright.runs.history.records import RunRecord
from stagewright.runs.history.run_history import list_runs, show
from stagewright.runs.releases.push import push

pytestmark = pytest.mark.e2e

GATE = {"kind": "gate", "require": "1 >= 0"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[state_folder.Server]:
    state = tmp_path_factory.mktemp("state")
    yield local.up(state)
    local.down(state)


@pytest.fixture(scope="module")
def gateway(server: state_folder.Server) -> OperatorGateway:
    return OperatorGateway.connect(INSTALLATION, server.url, server.access_key, server.secret_key)


@pytest.fixture(scope="module")
def command(server: state_folder.Server, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    folder = tmp_path_factory.mktemp("folder")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "STAGEWRIGHT_"))}

    def call(*arguments: str) -> Any:
        environment = inherited | {"STAGEWRIGHT_STATE": str(server.state)}
        done = commands.stagewright([*arguments, "--json"], folder, environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    return call


def pushed(gateway: OperatorGateway, name: str, *triggers: dict[str, Any], **more: Any) -> None:
    push(gateway, load({"name": name, "stages": {"check": GATE}, "triggers": list(triggers), **more}), {})


def over(gateway: OperatorGateway, pipeline: str, count: int = 1) -> list[RunRecord]:
    """The pipeline's runs, once that many have ended well."""
    deadline = time.monotonic() + PATIENCE
    while True:
        runs = list_runs(gateway, pipeline)
        if len(runs) == count and all(run.status == "SUCCEEDED" for run in runs):
            return runs
        assert time.monotonic() < deadline, [(run.run, run.status, run.reason) for run in runs]
        time.sleep(0.1)


def put(gateway: OperatorGateway, *keys: str) -> None:
    for key in keys:
        gateway.objects.put(key, b"x")


def test_data_event_starts_run_and_success_starts_downstream_runs(gateway: OperatorGateway) -> None:
    pushed(gateway, "first", {"type": "data", "prefix": "raw/first/", "suffix": "_SUCCESS"})
    pushed(gateway, "second", {"type": "upstream", "pipeline": "first", "stage": "check"})
    pushed(gateway, "third", {"type": "upstream", "pipeline": "second"})
    put(gateway, *(f"raw/first/2026-01/part-{number}" for number in range(20)), "raw/first/2026-01/_SUCCESS")
    (first,) = over(gateway, "first")
    (second,) = over(gateway, "second")
    (third,) = over(gateway, "third")
    assert (first.trigger.type, first.trigger.date) == ("data", "2026-01")
    assert first.trigger.uri == f"s3://{gateway.installation.bucket}/raw/first/2026-01/_SUCCESS"
    assert (second.trigger.run, third.trigger.run) == (first.run, second.run)
    assert (third.trigger.date, third.trigger.chain) == ("2026-01", ("first", "second"))


@pytest.mark.slow
def test_data_batch_starts_one_run_after_debounce(gateway: OperatorGateway) -> None:
    pushed(gateway, "calm", {"type": "data", "prefix": "raw/calm/", "settle": "5s"})
    put(gateway, *(f"raw/calm/2026-01-31/part-{number}" for number in range(30)))
    (run,) = over(gateway, "calm")
    assert (run.trigger.type, run.trigger.date) == ("data", "2026-01-31")
    assert run.trigger.key.startswith("data:calm:raw/calm/:2026-01-31:")
    put(gateway, "raw/calm/2026-01-31/late")
    assert over(gateway, "calm", 2)[0].trigger.date == "2026-01-31"


@pytest.mark.slow
def test_schedule_tick_starts_due_run(gateway: OperatorGateway) -> None:
    with ticks(gateway) as (now, tick):
        pushed(gateway, "nightly", {"type": "schedule", "cron": f"{now.minute} {now.hour} * * ? *"})
        tick()
        (run,) = over(gateway, "nightly")
    assert (run.trigger.type, run.trigger.time[:16]) == ("schedule", timestamp(now)[:16])


def test_registry_approval_starts_a_run(gateway: OperatorGateway) -> None:
    pushed(
        gateway, "deployed", {"type": "model-approved", "group": "shared-models", "only": ["check"]},
        stages={"check": GATE, "other": GATE},
    )  # fmt: skip
    put(gateway, "models/model.tar.gz")
    sagemaker = gateway.registry.client
    sagemaker.create_model_package_group(ModelPackageGroupName="shared-models")
    container = {
        "Image": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3",
        "ModelDataUrl": gateway.installation.uri("models/model.tar.gz"),
    }
    arn = sagemaker.create_model_package(
        ModelPackageGroupName="shared-models",
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        ModelApprovalStatus="PendingManualApproval",
    )["ModelPackageArn"]
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    (run,) = over(gateway, "deployed")
    assert (run.trigger.type, run.trigger.package, run.trigger.only) == ("model-approved", arn, ("check",))
    stages = {stage.name: stage.status for stage in show(gateway, run.run).stages}
    assert stages == {"check": "SUCCEEDED", "other": "SKIPPED"}


def test_message_of_aws_sample_starts_a_run(gateway: OperatorGateway) -> None:
    pushed(gateway, "house-price")
    body = {
        "consumption_pipeline_name": f"{gateway.installation.id}-house-price",
        "dataset_date": "2026-01-30T14:00:00Z",
        "event_source": "event-bridge",
    }
    gateway.queue.send({"Records": [{"body": body, "eventSource": "event-bridge"}]})
    (run,) = over(gateway, "house-price")
    assert (run.trigger.by, run.trigger.date) == ("event-bridge", "2026-01-30")


def test_skipped_events_are_listed(gateway: OperatorGateway, command: Callable[..., Any]) -> None:
    trigger = {"type": "data", "prefix": "raw/often/", "suffix": "_SUCCESS", "cooldown": "1h"}
    pushed(gateway, "often", trigger)
    put(gateway, "raw/often/_SUCCESS")
    over(gateway, "often")
    put(gateway, "raw/often/_SUCCESS", "raw/often/again/_SUCCESS")
    until(lambda: len(command("runs", "often", "--dropped")) == 2)
    dropped = command("runs", "often", "--dropped")
    assert {each["reason"] for each in dropped} == {"within the trigger's cooldown of 1h"}
    assert {each["key"].split(":")[2] for each in dropped} == {
        "raw/often/_SUCCESS",
        "raw/often/again/_SUCCESS",
    }
    assert len(list_runs(gateway, "often")) == 1
    assert [each for each in command("runs", "--dropped") if each["pipeline"] == "often"] == dropped


def test_dead_letters_can_be_listed_replayed_and_dropped(
    gateway: OperatorGateway, command: Callable[..., Any]
) -> None:
    pushed(gateway, "mended")
    dead = gateway.dead_letters
    dead.send_all([{"pipeline": "mended", "by": "ada"}, {"what": "is this"}])
    letters = {json.loads(letter["body"]).get("by"): letter for letter in command("dlq")}
    assert "Run Requested: pipeline: Field required" in letters[None]["why"]
    (replayed,) = command("dlq", "replay", letters["ada"]["id"])
    assert replayed["id"] == letters["ada"]["id"]
    (run,) = over(gateway, "mended")
    assert run.trigger.key == f"manual:{replayed['id']}"
    assert [letter["id"] for letter in command("dlq", "drop", "--all")] == [letters[None]["id"]]
    assert command("dlq") == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["dlq", "replay"], "replay takes ids, or --all"),
        (["dlq", "drop", "abc", "--all"], "drop takes ids, or --all"),
        (["dlq", "list", "abc"], "list shows all messages and takes no ids"),
        (["dlq", "burn"], "'burn' is not one of list, replay, drop"),
        (["run", ".", "--date", "soon"], '"soon" is not a date'),
    ],
)
def test_invalid_command_line_is_rejected(tmp_path: Path, arguments: list[str], message: str) -> None:
    state = tmp_path / "state"
    environment = os.environ | {"STAGEWRIGHT_STATE": str(state), "COLUMNS": "200"}
    done = commands.stagewright(arguments, tmp_path, environment)
    assert done.returncode == 2
    assert message in done.stderr
    assert not state.exists()
