"""What waits for a model version: listed, announced, continued once, or never run."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest
from tests.support.messages import accept_all, route, sweep
from tests.support.triggers import event, skipped

from stagewright.aws.executions import Execution, Executions
from stagewright.aws.registry import Package
from stagewright.errors import DeniedError, NotFoundError
from stagewright.functions import environment
from stagewright.naming import epoch
from stagewright.runs import approvals, closing, pending, versions
from stagewright.runs.documents import layers
from stagewright.runs.history.run_history import list_runs, show
from stagewright.runs.reconciling.sweep import Repair
from stagewright.runs.releases import released_layers

ARN = "arn:aws:sagemaker:us-east-1:000000000000:model-package/prices/"
MODEL = "s3://${bucket}/raw/model.tar.gz"
DEFAULTS = {"image": "sklearn-1.4", "instance_type": "ml.m5.large"}
PACKAGE = "${stages.register.package}"
STAGES = {
    "check": {"kind": "gate", "require": "1 >= 0"},
    "register": {"kind": "register", "model": MODEL, "after": ["check"]},
    "deploy": {"kind": "endpoint", "model": PACKAGE},
    "model": {"kind": "model", "model": PACKAGE},
    "score": {"kind": "transform", "model": PACKAGE, "input": "s3://${bucket}/raw/"},
    "again": {"kind": "transform", "model": "${stages.model.name}", "input": "s3://${bucket}/raw/"},
}
WAITING = ("deploy", "model", "score", "again")
ON_APPROVAL = {"type": "model-approved", "only": ["deploy"]}


@pytest.fixture
def house(gateway, sagemaker, put_document):
    return House(gateway, sagemaker, put_document)


class House:
    def __init__(self, gateway, sagemaker, put_document) -> None:
        self.gateway, self.known, self._put = gateway, sagemaker.known, put_document
        gateway.objects.put("raw/model.tar.gz", b"model")

    def put(self, *triggers, **document):
        self._put(*triggers, **document)
        released_layers.announce(self.gateway, layers.read(self.gateway, "prices"))

    def run(self, number=1, by="ada", closed=True, **stages):
        """A run that has registered a version, and has ended unless `closed` is false."""
        request = {"pipeline": "prices", "request": f"{number}", "by": by, "force": True}
        run = route(self.gateway, event("stagewright", "Run Requested", request)).run
        self.result(run, "check", {})
        self.result(run, "register", {"package": f"{ARN}{number}", "arn": f"{ARN}{number}"})
        self.decide(number, "PendingManualApproval", run=run)
        if closed:
            self.close(run)
        return run

    def result(self, run, stage, result, status="SUCCEEDED"):
        item = {"run": run, "item": f"stage#{stage}", "status": status, "result": json.dumps(result)}
        good = {"stage_key": f"prices#default#{stage}"} if status == "SUCCEEDED" else {}
        ended = {"fingerprint": "f", "ended": "2026-01-31T14:00:00.000Z"}
        self.gateway.runs.put_all([{**item, **ended, **good}])

    def close(self, run, status="SUCCEEDED"):
        header = self.gateway.runs.header(run)
        now = time.time()
        assert closing.close(self.gateway, header, Execution(header.execution, status, now, now, "", ""))

    def decide(self, number, status, by="bob", run="", modified=1.0):
        known = self.known.get(f"{ARN}{number}")
        metadata = {"stagewright:run": run} if run else known.metadata
        self.known[f"{ARN}{number}"] = Package(
            f"{ARN}{number}", "prices", number, "Completed", status, modified, metadata, "why", by, number
        )
        return self.event(number, status)

    def event(self, number, status="Approved"):
        detail = {"ModelPackageArn": f"{ARN}{number}", "ModelApprovalStatus": status}
        return event("aws.sagemaker", "SageMaker Model Package State Change", detail)


def ran(gateway, run):
    return tuple(stage.name for stage in show(gateway, run).stages if stage.action == "run")


@pytest.mark.parametrize("triggers", [(), (ON_APPROVAL,), ({"type": "model-approved", "cooldown": "1h"},)])
def test_approval_continues_every_waiting_kind_with_one_run(gateway, house, triggers):
    house.put(*triggers, stages=STAGES, defaults=DEFAULTS)
    waited = house.run()
    assert ran(gateway, waited) == ("check", "register")
    approved = house.decide(1, "Approved")
    (started,) = accept_all(gateway, approved)
    assert ran(gateway, started.run) == WAITING
    record = show(gateway, started.run)
    assert (record.trigger.continues, record.trigger.by) == (waited, "bob")
    assert {stage.reused_from for stage in record.stages if stage.action == "reuse"} == {waited}
    edited = house.decide(1, "Approved", modified=2.0)
    assert [each.run for each in accept_all(gateway, edited)] == [started.run]
    assert len(list_runs(gateway, "prices")) == 2


def test_later_push_and_data_do_not_change_what_was_approved(gateway, house):
    house.put(stages=STAGES, defaults=DEFAULTS)
    waited = house.run()
    gateway.objects.put("raw/model.tar.gz", b"another model")
    stricter = {**STAGES, "check": {"kind": "gate", "require": "0 >= 1"}}
    house.put(stages=stricter, defaults={**DEFAULTS, "instance_type": "ml.m5.xlarge"})
    (started,) = accept_all(gateway, house.decide(1, "Approved"))
    assert ran(gateway, started.run) == WAITING
    before, after = gateway.runs.header(waited), gateway.runs.header(started.run)
    assert (after.revision, after.manifest) == (before.revision, before.manifest)


def test_stage_behind_a_gate_that_did_not_pass_stays_skipped(gateway, house):
    deploy = {**STAGES["deploy"], "after": ["check"]}
    register = {**STAGES["register"], "after": []}
    house.put(stages={**STAGES, "register": register, "deploy": deploy}, defaults=DEFAULTS)
    waited = house.run(closed=False)
    house.result(waited, "check", {}, status="CLOSED")
    house.close(waited)
    (started,) = accept_all(gateway, house.decide(1, "Approved"))
    assert ran(gateway, started.run) == ("model", "score", "again")
    assert show(gateway, started.run).stage("deploy").reason == f"check did not succeed in run {waited}"


def test_rejected_version_continues_nothing_even_if_it_is_approved_later(gateway, house):
    house.put(stages=STAGES, defaults=DEFAULTS)
    waited = house.run()
    assert accept_all(gateway, house.decide(1, "Rejected")) == ()
    assert show(gateway, waited).stage("deploy").reason == "version 1 was rejected by bob: why"
    assert accept_all(gateway, house.decide(1, "Approved")) == ()
    assert gateway.runs.awaiting(10) == ()


def test_approval_before_the_end_of_the_run_takes_effect_at_its_end(gateway, house, deliver):
    house.put(ON_APPROVAL, stages=STAGES, defaults=DEFAULTS)
    waited = house.run(closed=False)
    assert accept_all(gateway, house.decide(1, "Approved")) == ()
    house.close(waited)
    (started,) = deliver()
    assert ran(gateway, started.run) == WAITING


def test_sweeper_repairs_a_lost_event_of_an_approval(gateway, house, deliver):
    house.put(stages=STAGES, defaults=DEFAULTS)
    waited = house.run()
    deliver()
    house.decide(1, "Approved")
    assert Repair("requeued", f"{ARN}1") in sweep(gateway, patience=-1)
    (started,) = deliver()
    assert show(gateway, started.run).trigger.continues == waited
    assert gateway.runs.awaiting(10)
    sweep(gateway, patience=-1)
    assert gateway.runs.awaiting(10) == ()


def test_stage_that_was_disabled_since_does_not_run(gateway, house):
    house.put(stages=STAGES, defaults=DEFAULTS)
    house.run()
    off = {name: {**stage, "enabled": name not in WAITING} for name, stage in STAGES.items()}
    house.put(stages={**off, "score": STAGES["score"]}, defaults=DEFAULTS)
    (started,) = accept_all(gateway, house.decide(1, "Approved"))
    assert ran(gateway, started.run) == ("score",)
    house.put(stages=STAGES, defaults=DEFAULTS)
    house.close(started.run)
    house.run(2)
    house.put(stages=off, defaults=DEFAULTS)
    assert accept_all(gateway, house.decide(2, "Approved")) == ()
    assert "disabled in the document since" in skipped(gateway)[0][1]


def test_newest_run_that_waits_for_a_version_continues(gateway, house):
    house.put(stages=STAGES, defaults=DEFAULTS)
    house.run()
    later = house.run(3)
    house.result(later, "register", {"package": f"{ARN}1", "arn": f"{ARN}1"})
    (started,) = accept_all(gateway, house.decide(1, "Approved"))
    assert show(gateway, started.run).trigger.continues == later


def test_failed_run_is_listed_and_not_continued(gateway, house):
    house.put(stages=STAGES, defaults=DEFAULTS)
    house.close(house.run(closed=False), status="FAILED")
    (item,) = pending.listed(gateway)
    assert item.version == 1
    assert accept_all(gateway, house.decide(1, "Approved")) == ()


def test_all_pending_versions_are_listed_with_evidence_and_announced_once(gateway, house, monkeypatch):
    house.put(stages=STAGES, defaults=DEFAULTS)
    first, second = house.run(1), house.run(2)
    items = pending.listed(gateway, "prices")
    assert [(item.run, item.version, item.waiting) for item in items] == [
        (first, 1, WAITING), (second, 2, WAITING),
    ]  # fmt: skip
    notices = []
    monkeypatch.setattr(type(gateway.topics), "publish", lambda _self, *notice: notices.append(notice))
    runtime = replace(environment.runtime_of(gateway), topic="arn:aws:sns:us-east-1:000000000000:t")
    assert [pending.announce(runtime, item) for item in (*items, *items)] == [True, True, False, False]
    _, subject, text = notices[0]
    assert subject == f"prices waits for approval: {first}"
    assert f"approve: stagewright approve {first} register --why TEXT" in text
    assert "gate check: succeeded: 1 >= 0" in text
    assert "nothing serves now" in text
    assert list_runs(gateway, "prices")[0].reason == (
        "waits for approval (stagewright approve prices 2 --why TEXT)"
    )


class TestFourEyes:
    @pytest.fixture(autouse=True)
    def policy(self, monkeypatch):
        monkeypatch.setenv("STAGEWRIGHT_FOUR_EYES", "yes")

    @pytest.mark.parametrize(
        "by", ["ada", "arn:aws:sts::000000000000:assumed-role/Developer/Ada", "arn:aws:iam::1:user/ada", ""]
    )
    def test_approval_by_whoever_started_the_run_is_taken_back(self, gateway, house, by):
        house.put(stages=STAGES, defaults=DEFAULTS)
        house.run(by="arn:aws:sts::000000000000:assumed-role/Admin/ada")
        assert accept_all(gateway, house.decide(1, "Approved", by)) == ()
        package = gateway.registry.package(f"{ARN}1")
        assert package.approval == "PendingManualApproval"
        assert "another person must approve" in package.why
        (started,) = accept_all(gateway, house.decide(1, "Approved", "bob"))
        assert ran(gateway, started.run) == WAITING

    def test_plan_does_not_serve_a_version_that_its_author_approved(self, gateway, house):
        house.put(stages=STAGES, defaults=DEFAULTS)
        house.run(by="ada")
        house.decide(1, "Approved", "ada")
        request = {"pipeline": "prices", "request": "plan", "by": "bob", "skip": ["register"]}
        run = route(gateway, event("stagewright", "Run Requested", request)).run
        record = show(gateway, run)
        assert record.status == "RUNNING", record.reason
        assert record.stage("deploy").action == "skip"

    def test_command_refuses_before_it_writes(self, gateway, house):
        house.put(stages=STAGES, defaults=DEFAULTS)
        house.run(by="ada")
        with pytest.raises(DeniedError, match="ada pushed or started version 1"):
            versions.decide(gateway, f"{ARN}1", approved=True, by="ada", why="mine")
        assert gateway.registry.package(f"{ARN}1").approval == "PendingManualApproval"

    def test_write_of_a_decision_refuses_the_author(self, gateway, house):
        """Also a caller that has not read who may not approve."""
        asking = {"ok": {"kind": "approval", "message": "go on?"}}
        house.put(stages=asking, defaults=DEFAULTS)
        request = {"pipeline": "prices", "request": "ask", "by": "ada"}
        run = route(gateway, event("stagewright", "Run Requested", request)).run
        header = gateway.runs.header(run)
        (page,) = gateway.runs.items(run, f"page#{header.plan}")
        barred = json.loads(json.loads(page["chains"])[0][0]["requests"]["Approval"])["barred"]
        assert (barred, header.barred) == (",ada,", ",ada,")
        item = {"run": run, "item": "stage#ok", "status": "WAITING", "token": "t", "barred": barred}
        gateway.runs.put_all([item])
        (approval,) = gateway.approvals.of_run(run)
        forged = replace(approval, barred="")
        assert not gateway.approvals.decide(forged, "approved", "role/ADA", "mine", "now")
        assert gateway.approvals.decide(forged, "rejected", "ada", "not good", "now")

    def test_off_by_default(self, gateway, house, monkeypatch):
        monkeypatch.delenv("STAGEWRIGHT_FOUR_EYES")
        house.put(stages=STAGES, defaults=DEFAULTS)
        house.run(by="ada")
        assert len(accept_all(gateway, house.decide(1, "Approved", "ada"))) == 1


def test_decided_version_is_refused_with_who_decided(gateway, house):
    house.put(stages=STAGES, defaults=DEFAULTS)
    house.run()
    house.decide(1, "Approved")
    with pytest.raises(NotFoundError, match="version 1 of prices was already approved by bob: why"):
        versions.decide(gateway, f"{ARN}1", approved=False, by="eve", why="late")


ASKED = "2026-01-31T14:00:00.000Z"


@pytest.fixture
def asking(gateway, house, monkeypatch):
    """A run whose approval stage has asked about version 1. Returns its id and the tokens that continued."""
    house.put(stages=STAGES | {"ok": {"kind": "approval", "after": ["register"]}}, defaults=DEFAULTS)
    run = house.run(closed=False)
    item = {"run": run, "item": "stage#ok", "status": "WAITING", "token": "t", "package": f"{ARN}1"}
    gateway.runs.put_all([{**item, "started": ASKED, "until": "2099-01-01T00:00:00.000Z"}])
    ended = []
    monkeypatch.setattr(gateway.registry, "approve", lambda *_: None, raising=False)
    monkeypatch.setattr(Executions, "complete_task", lambda _, token, result: ended.append(token) or True)
    monkeypatch.setattr(Executions, "fail_task", lambda _, token, *error: ended.append(token) or True)
    return run, ended


@pytest.mark.parametrize("status", ["Approved", "Rejected"])
@pytest.mark.parametrize("way", ["sweeper", "event"])
@pytest.mark.parametrize(("after", "counts"), [(-86_400, False), (-0.001, False), (0, True), (60, True)])
def test_registry_status_from_before_the_question_is_no_answer(
    gateway, house, asking, status, way, after, counts
):
    """Registered as approved, or approved for an earlier run: a person is asked all the same."""
    run, ended = asking
    changed = house.decide(1, status, modified=epoch(ASKED) + after)
    if way == "event":
        accept_all(gateway, changed)
    else:
        approvals.carry_out_missed(gateway, run, ASKED)
    assert ended == (["t"] if counts else [])
    assert len(approvals.waiting(gateway)) == (0 if counts else 1)


def test_run_that_asks_is_listed_with_its_question(gateway, house):
    house.put(stages={"ok": {"kind": "approval", "message": "go on?"}}, defaults=DEFAULTS)
    run = route(gateway, event("stagewright", "Run Requested", {"pipeline": "prices", "request": "ask"})).run
    assert list_runs(gateway, "prices")[0].reason == ""
    item = {"run": run, "item": "stage#ok", "status": "WAITING", "token": "t", "message": "go on?"}
    gateway.runs.put_all([item])
    question = f"ok waits for approval: go on? (stagewright approve {run} --why TEXT)"
    assert list_runs(gateway, "prices")[0].reason == question
    (approval,) = gateway.approvals.of_run(run)
    assert gateway.approvals.decide(approval, "approved", "ada", "fine", "now")
    assert list_runs(gateway, "prices")[0].reason == ""


@pytest.mark.parametrize(("outcome", "serves"), [("serves", 1), ("it failed", 2)])
def test_evidence_names_the_version_that_a_rollback_restored(gateway, house, outcome, serves):
    house.put(stages=STAGES, defaults=DEFAULTS)
    runs = [house.run(number) for number in (1, 2, 3)]
    first, second = (f"{run}-deploy-1" for run in runs[:2])
    rollback = {"origin": second, "to": first, "by": "ada", "at": ASKED, "after": runs[1], "outcome": outcome}
    endpoint = {
        "run": "endpoint#prices-test", "item": "endpoint", "open": "endpoint", "created": "9999",
        "configurations": json.dumps([second, first]), "deployed_by": runs[1], "stage": "deploy",
        "rollbacks": json.dumps([rollback]),
    }  # fmt: skip
    gateway.runs.put_all([endpoint])
    newest = pending.listed(gateway, "prices")[-1]
    assert newest.version == 3
    assert f"serves now: version {serves}, of run {runs[serves - 1]}" in pending.evidence(gateway, newest)


def test_evidence_has_changed_settings_as_json(gateway, house):
    house.put(stages=STAGES, defaults=DEFAULTS)
    first = house.run(1)
    added = {"model": {**STAGES["model"], "environment": {"A": "1"}}}
    house.put(stages={**STAGES, **added}, defaults=DEFAULTS)
    endpoint = {"run": "endpoint#prices-test", "item": "endpoint", "open": "endpoint", "created": "9999"}
    gateway.runs.put_all([endpoint | {"deployed_by": first, "stage": "deploy"}])
    house.run(2)
    lines = pending.evidence(gateway, pending.listed(gateway, "prices")[-1])
    assert 'differs: stages.model.environment: (nothing) -> {"A": "1"}' in lines
