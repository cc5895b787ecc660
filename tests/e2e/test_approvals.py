"""Approval stages: who decides, how, and how the run ends."""

from __future__ import annotations

import os
import pwd
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.places import Place
from tests.support.waiting import PATIENCE, until

from stagewright.aws.executions import Executions
from stagewright.errors import NotFoundError
from stagewright.local import server
from stagewright.operator_gateway import OperatorGateway
from stagewright.runs import approvals
from stagewright.runs.history.run_history import show

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

DOCUMENT = """\
name: asked
parameters: {wait: "7d", seed: 1}
defaults: {image: sklearn-1.4, instance_type: ml.m5.large}
stages:
  train: {kind: training, entry_point: train.py, hyperparameters: {seed: "${parameters.seed}"}}
  register: {kind: register, model: "${stages.train.model}", entry_point: train.py, group: asked}
  ok:
    kind: approval
    package: "${stages.register.package}"
    message: "seed ${parameters.seed}: serve it?"
    timeout: 7d
  after: {kind: processing, code: after.py, outputs: [made], after: [ok]}
"""
USER = f"arn:aws:iam::000000000000:user/{pwd.getpwuid(os.getuid()).pw_name}"
NEVER = "9999"
"""Later than any decision."""
PLAIN = """\
name: plain
parameters: {seed: 1}
defaults: {image: sklearn-1.4, instance_type: ml.m5.large}
stages:
  before: {kind: processing, code: after.py, arguments: ["${parameters.seed}"], outputs: [made]}
  ok: {kind: approval, message: "go on?", timeout: %s, after: [before]}
  after: {kind: processing, code: after.py, arguments: ["2"], outputs: [made], after: [ok]}
"""
TRAIN = """\
import os, pathlib
if __name__ == "__main__":
    pathlib.Path(os.environ["SM_MODEL_DIR"], "model.txt").write_text("a model")
"""
AFTER = """\
import pathlib
pathlib.Path("/opt/ml/processing/output/made/file").write_text("made")
"""
FILES = {"code/train.py": TRAIN, "code/after.py": AFTER}


def served(folder: Path, document: str) -> Iterator[Place]:
    made = Place(folder, document, FILES)
    server.up(made.state)
    yield made
    server.down(made.state)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    yield from served(tmp_path_factory.mktemp("asked") / "place", DOCUMENT.replace(' wait: "7d",', ""))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    yield from served(tmp_path_factory.mktemp("plain") / "place", PLAIN % "7d")


def seeds() -> Callable[[], str]:
    numbers = iter(range(1, 1000))
    return lambda: f"seed={next(numbers)}"


seed = seeds()


def asked(place: Place) -> str:
    """A new run that waits."""
    run = place.begun("-p", seed())
    is_asking(place.gateway(), run)
    return run


def is_asking(gateway: OperatorGateway, run: str) -> None:
    def asks() -> bool:
        """A run that is not planned yet has no stages."""
        stages = show(gateway, run).stages if gateway.runs.header(run) else ()
        return ("ok", "WAITING") in {(stage.name, stage.status) for stage in stages}

    until(asks)


def status_of(gateway: OperatorGateway, package: str) -> tuple[str, str]:
    found = gateway.registry.package(package)
    assert found
    return found.approval, found.why


def test_approved_run_continues_and_registry_records_approval(place: Place) -> None:
    run = asked(place)
    gateway = place.gateway()
    (listed,) = place.json("approvals")
    assert (listed["run"], listed["stage"]) == (run, "ok")
    assert listed["message"].endswith("serve it?")
    days = datetime.fromisoformat(listed["until"]) - datetime.fromisoformat(listed["since"])
    assert days.total_seconds() == 7 * 86_400
    assert "token" not in listed
    out = place("show", run).stdout
    assert f"waits for approval: {listed['message']} (stagewright approve {run} --why TEXT)" in out
    decided = place.json("approve", "asked", "--why", "looks  good")
    assert (decided["run"], decided["stage"], decided["decision"]) == (run, "ok", "approved")
    ended = place.ended(run)
    assert ended.status == "SUCCEEDED"
    result = ended.stage("ok").result
    assert (result["approved_by"], result["why"], result["at"]) == (
        decided["by"],
        "looks  good",
        decided["at"],
    )
    assert (ended.stage("after").action, ended.stage("after").status) == ("run", "SUCCEEDED")
    assert status_of(gateway, listed["package"]) == ("Approved", f"{decided['by']}: looks good")
    (item,) = gateway.approvals.of_run(run)
    assert (item.decision, item.by, item.why) == ("approved", decided["by"], "looks  good")
    assert place.json("approvals") == []


def test_rejected_run_fails_with_reviewer_and_reason(place: Place) -> None:
    run = asked(place)
    gateway = place.gateway()
    (approval,) = approvals.waiting(gateway, "asked")
    decided = place.json("reject", run, "ok", "--why", "too old")
    ended = place.ended(run)
    assert (ended.status, ended.stage("ok").error) == ("FAILED", "Stagewright.Rejected")
    assert ended.reason == f"ok: rejected by {decided['by']}: too old"
    assert ended.stage("after").status == "NOT_RUN"
    assert status_of(gateway, approval.package) == ("Rejected", f"{decided['by']}: too old")
    err = place("approve", run, "ok", "--why", "late", code=5).stderr
    assert f"ok of {run} was already rejected by {decided['by']} at {decided['at']}" in err


def test_registry_status_decides_the_approval(place: Place) -> None:
    run = asked(place)
    gateway = place.gateway()
    (approval,) = approvals.waiting(gateway)
    sagemaker = gateway.session.client("sagemaker", endpoint_url=gateway.endpoint_url)
    sagemaker.update_model_package(
        ModelPackageArn=approval.package, ModelApprovalStatus="Approved", ApprovalDescription="as agreed"
    )
    assert approvals.decide_by_registry(gateway, f"{approval.package}0", "Approved") == []
    assert approvals.decide_by_registry(gateway, approval.package, "PendingManualApproval") == []
    ended = place.ended(run)  # by SageMaker's event, the rule, the queue and the router
    assert approvals.decide_by_registry(gateway, approval.package, "Approved") == []
    result = ended.stage("ok").result
    assert (ended.status, result["approved_by"], result["why"]) == ("SUCCEEDED", USER, "as agreed")


def test_sweeper_applies_missed_registry_status_and_unfinished_decision(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = asked(place)
    gateway = place.gateway()
    (approval,) = approvals.waiting(gateway)
    gateway.registry.approve(approval.package, "Rejected", "no")
    assert [each.stage for each in approvals.carry_out_missed(gateway, run, NEVER)] in (["ok"], [])
    assert place.ended(run).reason == f"ok: rejected by {USER}: no"

    def crash(*_: Any) -> bool:
        raise ConnectionError("the process died")

    run = asked(place)
    with monkeypatch.context() as patch:
        patch.setattr(Executions, "complete_task", crash)
        with pytest.raises(ConnectionError):
            approvals.decide(gateway, run, "ok", approved=True, by="ann", why="fine")
    assert approvals.waiting(gateway) == []
    (decided,) = gateway.approvals.of_run(run)
    assert approvals.carry_out_missed(gateway, run, "2020-01-01T00:00:00.000Z") == []
    assert gateway.approvals.of_run(run) == (decided,)
    functions = gateway.session.client("lambda", endpoint_url=gateway.endpoint_url)
    functions.invoke(
        FunctionName=gateway.installation.name("sweeper"), Payload=b'{"detail": {"patience": 0}}'
    )
    assert place.ended(run).stage("ok").result["approved_by"] == "ann"


def test_approval_uses_existing_decision_of_reused_package(place: Place) -> None:
    """The package is reused. The earlier approval stage was stopped without a decision."""
    run = asked(place)
    gateway = place.gateway()
    (approval,) = approvals.waiting(gateway)
    place.json("stop", run)
    assert show(gateway, run).stage("ok").status == "STOPPED"
    gateway.registry.approve(approval.package, "Approved", "afterwards")
    trained = show(gateway, run).trigger.parameters["seed"]
    again = place.json("run", ".", "-p", f"seed={trained}")
    stages = {stage["name"]: stage for stage in again["stages"]}
    assert (stages["train"]["action"], stages["register"]["action"]) == ("reuse", "reuse")
    assert stages["ok"]["result"]["why"] == "afterwards"
    assert again["status"] == "SUCCEEDED"
    once_more = place.json("run", ".", "-p", f"seed={trained}")
    assert {stage["action"] for stage in once_more["stages"]} == {"reuse"}


def test_only_one_of_several_concurrent_decisions_is_recorded(plain: Place) -> None:
    run = asked(plain)
    told: dict[str, Any] = {}
    together = threading.Barrier(8)

    def decide(number: int) -> None:
        gateway = plain.gateway()
        together.wait()
        try:
            approved = number % 2 == 0
            told[f"p{number}"] = approvals.decide(
                gateway, run, "ok", approved=approved, by=f"p{number}", why="me"
            ).decision
        except NotFoundError as error:
            told[f"p{number}"] = error.message

    people = [threading.Thread(target=decide, args=(number,)) for number in range(8)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    (winner,) = [name for name, answer in told.items() if answer in ("approved", "rejected")]
    others = {answer.partition(" at ")[0] for name, answer in told.items() if name != winner}
    assert others == {f"ok of {run} was already {told[winner]} by {winner}"}
    ended = plain.ended(run)
    assert ended.status == ("SUCCEEDED" if told[winner] == "approved" else "FAILED")
    (item,) = plain.gateway().approvals.of_run(run)
    assert item.by == winner


def test_approval_timeout_fails_the_run(tmp_path: Path) -> None:
    for place in served(tmp_path / "place", PLAIN % "3s"):
        ran = place.json("run", ".", code=6)
        stages = {stage["name"]: stage for stage in ran["stages"]}
        assert ran["status"] == "FAILED"
        assert stages["ok"]["cause"].startswith("no decision was made before 20")
        assert (stages["ok"]["error"], stages["after"]["status"]) == ("States.Timeout", "NOT_RUN")
        err = place("approve", ran["run"], "--why", "too late", code=5).stderr
        assert "no longer waits: its timeout ended at 20" in err
        assert place.json("approvals") == []


def test_late_decision_is_recorded_and_reports_not_found(
    plain: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = asked(plain)
    gateway = plain.gateway()
    (found,) = gateway.approvals.of_run(run)
    assert gateway.executions.fail_task(found.token, "States.Timeout", "")
    assert not gateway.executions.complete_task(found.token, {})
    until(lambda: gateway.approvals.of_run(run)[0].status == "FAILED")
    with pytest.raises(NotFoundError, match="no longer waits: it is FAILED"):
        approvals.decide(gateway, run, "ok", approved=True, by="ann", why="late")
    run = asked(plain)
    (found,) = gateway.approvals.of_run(run)
    monkeypatch.setattr(Executions, "complete_task", lambda *_: False)
    with pytest.raises(NotFoundError, match="the decision came too late, and is recorded"):
        approvals.decide(gateway, run, "ok", approved=True, by="ann", why="late")
    assert gateway.approvals.of_run(run)[0].by == "ann"
    plain.json("stop", run)


@pytest.mark.parametrize(("approved", "ending"), [(True, "complete_task"), (False, "fail_task")])
def test_decision_applied_first_by_sweeper_is_not_late(
    plain: Place, monkeypatch: pytest.MonkeyPatch, approved: bool, ending: str
) -> None:
    run = asked(plain)
    gateway = plain.gateway()
    tell = getattr(Executions, ending)

    def second(executions: Executions, *given: Any) -> bool:
        monkeypatch.setattr(Executions, ending, tell)
        assert [each.by for each in approvals.carry_out_missed(gateway, run, NEVER)] == ["ann"]
        until(lambda: gateway.approvals.of_run(run)[0].status != "WAITING")
        assert not tell(executions, *given)
        return False

    monkeypatch.setattr(Executions, ending, second)
    decided = approvals.decide(gateway, run, "ok", approved=approved, by="ann", why="fine")
    assert (decided.decision, decided.by) == ("approved" if approved else "rejected", "ann")
    assert plain.ended(run).status == ("SUCCEEDED" if approved else "FAILED")


def test_impossible_decision_reports_reason(plain: Place) -> None:
    none = plain("approve", "plain", "--why", "x", code=5).stderr
    assert "no stage of plain waits for approval" in none
    plain("approve", "plain", code=2)
    assert "1 to 1,000 characters" in plain("reject", "plain", "--why", " ", code=2).stderr
    run = asked(plain)
    err = plain("approve", run, "before", "--why", "x", code=5).stderr
    assert f"before of {run} has not asked for approval" in err
    plain.json("stop", run)
    (item,) = plain.gateway().approvals.of_run(run)
    assert item.status == "STOPPED"
    with pytest.raises(NotFoundError, match="it is STOPPED"):
        approvals.decide(plain.gateway(), run, "ok", approved=True, by="ann", why="x")


def test_run_command_prints_pending_approval_once_and_continues(plain: Place) -> None:
    watching = plain.start("run", ".", "-p", seed())
    gateway = plain.gateway()
    (waiting,) = until(lambda: approvals.waiting(gateway, "plain"))
    plain.json("approve", waiting.run, "--why", "go")
    out, err = watching.communicate(timeout=PATIENCE)
    assert watching.returncode == 0, err
    assert err.count("waits for approval: go on?") == 1
    assert f"{waiting.run} succeeded" in out


def test_server_shutdown_stops_pending_run_and_next_run_asks_again(tmp_path: Path) -> None:
    for place in served(tmp_path / "place", PLAIN % "7d"):
        run = asked(place)
        server.down(place.state)
        server.up(place.state)
        stopped = show(place.gateway(), run)
        assert (stopped.status, stopped.reason) == ("STOPPED", "the local server was stopped")
        assert stopped.stage("ok").status == "STOPPED"
        again = place.begun("-p", f"seed={stopped.trigger.parameters['seed']}")
        gateway = place.gateway()
        is_asking(gateway, again)
        assert show(gateway, again).stage("before").action == "reuse"
        place.json("stop", again)
