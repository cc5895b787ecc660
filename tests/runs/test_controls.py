"""Requests, overrides and table edits that try to step around a control, as the router receives them."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest
from boto3.dynamodb.types import TypeSerializer
from tests.support.messages import body as bus_event
from tests.support.messages import message
from tests.support.messages import route as routed

from stagewright.document.load import load
from stagewright.functions import environment
from stagewright.functions.sqs_records import message_of
from stagewright.planner.selection import Selection
from stagewright.runs.history.run_history import show
from stagewright.runs.lifecycle import accept
from stagewright.runs.releases.push import push
from stagewright.runs.triggers.subscriptions import Subscriptions
from stagewright.store.items import encode

DOCUMENT = {
    "name": "prices",
    "parameters": {"limit": 0.88},
    "stages": {
        "first": {"kind": "gate", "require": "1 >= 0"},
        "quality": {"kind": "gate", "require": "0.5 >= ${parameters.limit}", "after": ["first"]},
        "ok": {"kind": "approval", "after": ["quality"]},
        "live": {"kind": "lambda", "function": "notify", "after": ["ok"]},
    },
}
SENDER = "AROAEXAMPLEEXAMPLE12:jo@example.org"


@pytest.fixture
def released(gateway):
    push(gateway, load(DOCUMENT), {})
    return gateway


def direct(gateway, sender="", **detail):
    """The run of a message that somebody sent to the queue itself."""
    body = json.dumps({"pipeline": "prices", "by": "the boss", **detail})
    sent = replace(message(body), sender=sender)
    (started,) = accept(environment.runtime_of(gateway), sent, Subscriptions(gateway))
    return gateway.runs.header(started.run)


def actions(gateway, run):
    return {stage.name: stage.action for stage in show(gateway, run).stages}


def override(gateway, **sections):
    item = {"pipeline": "prices", "item": "overrides"} | sections
    typed = TypeSerializer().serialize(json.loads(json.dumps(item), parse_float=Decimal))["M"]
    gateway.documents.client.put_item(TableName=gateway.documents.table, Item=typed)


@pytest.mark.parametrize(
    ("stage", "fields", "place"),
    [
        ("quality", {"enabled": False}, "stages.quality.enabled"),
        ("ok", {"enabled": False}, "stages.ok.enabled"),
        ("quality", {"require": "1 > 0"}, "stages.quality.require"),
        ("ok", {"pin": "prices-20260131t140000-abcdef"}, "stages.ok.pin"),
        ("ok", {"timeout": "365d"}, "stages.ok.timeout"),
        ("quality", {"cache": True}, "stages.quality.cache"),
        ("quality", {"retry": {"attempts": 9}}, "stages.quality.retry"),
        ("quality", {"else": "skip"}, "stages.quality.else"),
        ("ok", {"after": []}, "stages.ok.after"),
    ],
)
@pytest.mark.parametrize("code_overrides", ["no", "yes"])
def test_table_edit_of_a_control_rejects_the_run(
    released, requested, monkeypatch, stage, fields, place, code_overrides
):
    monkeypatch.setenv("STAGEWRIGHT_CODE_OVERRIDES", code_overrides)
    override(released, stages={stage: fields})
    record = show(released, routed(released, requested()).run)
    assert record.status == "REJECTED"
    assert f"{place}: overrides may not change this field: {stage} is a control" in record.reason
    assert f"stagewright run prices --bypass {stage} --reason TEXT" in record.reason


def test_code_overrides_do_not_remove_a_dependency_on_a_control(released, requested, monkeypatch):
    monkeypatch.setenv("STAGEWRIGHT_CODE_OVERRIDES", "yes")
    override(released, stages={"live": {"after": ["first"]}})
    record = show(released, routed(released, requested()).run)
    assert record.status == "REJECTED"
    assert "stages.live: overrides may not remove its dependency on ok" in record.reason


@pytest.mark.parametrize(("field", "value"), [("cache", True), ("pin", "prices-20260131t140000-abcdef")])
def test_table_edit_of_evidence_rejects_the_run(gateway, requested, field, value):
    evaluate = {
        "kind": "processing",
        "code": "work.py",
        "image": "sklearn-1.4",
        "instance_type": "ml.m5.large",
        "outputs": ["made"],
        "metrics_file": "made/metrics.json",
        "cache": False,
    }
    quality = {"kind": "gate", "require": "${stages.evaluate.metrics.r2} >= 0.88"}
    push(
        gateway,
        load({"name": "prices", "stages": {"evaluate": evaluate, "quality": quality}}),
        {"work.py": b""},
    )
    override(gateway, stages={"evaluate": {field: value}})
    record = show(gateway, routed(gateway, requested()).run)
    assert record.status == "REJECTED"
    assert f"stages.evaluate.{field}: overrides may not change this field: the gate quality" in record.reason


def test_override_may_enable_a_control(gateway, requested):
    stages = DOCUMENT["stages"] | {"ok": DOCUMENT["stages"]["ok"] | {"enabled": False}}
    push(gateway, load(DOCUMENT | {"stages": stages}), {})
    override(gateway, stages={"ok": {"enabled": True}})
    assert actions(gateway, routed(gateway, requested()).run)["ok"] == "run"


def conditions(gateway, run):
    page = next(iter(gateway.runs.items(run, f"page#{show(gateway, run).plan}")))
    found = json.dumps(page["chains"])
    return found.count("0.88"), found.count("0.25")


@pytest.mark.parametrize("way", ["override", "run", "both"])
def test_lowered_threshold_does_not_open_a_gate(released, requested, way):
    if way != "run":
        override(released, parameters={"limit": 0.25})
    parameters = {} if way == "override" else {"limit": 0.25}
    run = routed(released, requested(parameters=parameters)).run
    reviewed, lowered = conditions(released, run)
    assert reviewed
    assert lowered


def test_parameters_of_a_documents_trigger_were_reviewed(gateway):
    trigger = {"type": "upstream", "pipeline": "raw", "parameters": {"limit": 0.25}}
    push(gateway, load(DOCUMENT | {"triggers": [trigger]}), {})
    declared = load(DOCUMENT | {"triggers": [trigger]}).triggers[0]
    detail = {"pipeline": "prices", "trigger_filter": dict(declared.filter), "type": "upstream", "key": "u:1"}
    run = routed(gateway, bus_event("stagewright", "Trigger Fired", detail)).run
    assert conditions(gateway, run)[0] == 0
    gateway.runs.transition(run, ["RUNNING"], {"status": "FAILED"})
    push(gateway, load(DOCUMENT | {"triggers": []}), {})
    resumed = direct(gateway, resumes=run)
    assert all(conditions(gateway, resumed.run)), "the trigger is gone, so its threshold is not in force"


@pytest.mark.parametrize("selection", [{"skip": ["ok"]}, {"skip": ["quality"]}, {"skip": ["quality", "ok"]}])
def test_skipped_control_shuts_what_it_guards(released, requested, selection):
    run = routed(released, requested(**selection)).run
    assert actions(released, run)["live"] == "skip"
    live = next(stage for stage in show(released, run).stages if stage.name == "live")
    assert "--bypass" in live.reason


@pytest.mark.parametrize("selection", [{"only": ["live"]}, {"start": ["live"]}])
def test_run_that_names_a_guarded_stage_is_rejected(released, requested, selection):
    record = show(released, routed(released, requested(**selection)).run)
    assert record.status == "REJECTED"
    assert "live is guarded by first (not selected; no earlier result)" in record.reason


BYPASS = {"bypass": ["quality", "ok"], "reason": "the labels are late"}


def test_nobody_may_bypass_by_default(released):
    header = direct(released, SENDER, **BYPASS)
    assert header.status == "REJECTED"
    assert "the boss may not bypass quality, ok" in header.reason


def test_policy_names_the_sender_that_sqs_recorded(released, monkeypatch):
    monkeypatch.setenv("STAGEWRIGHT_BYPASS", "AROAOTHEROTHEROTHER1=other,AROAEXAMPLEEXAMPLE12=operators")
    header = direct(released, SENDER, **BYPASS)
    assert header.status == "RUNNING"
    assert header.trigger.bypassed_by == "operators/jo@example.org"
    assert header.trigger.reason == "the labels are late"
    assert actions(released, header.run) == {"first": "run", "quality": "skip", "ok": "skip", "live": "run"}


@pytest.mark.parametrize(
    "sender", ["", "operators", "AROAEXAMPLEEXAMPLE1:jo", "AROAEXAMPLEEXAMPLE123:jo", "*", "123456789012"]
)
def test_other_senders_are_refused_whatever_the_message_claims(released, monkeypatch, sender):
    monkeypatch.setenv("STAGEWRIGHT_BYPASS", "AROAEXAMPLEEXAMPLE12=operators")
    header = direct(released, sender, **BYPASS | {"by": "operators/jo@example.org"})
    assert header.status == "REJECTED"


def test_bus_and_push_do_not_bypass_under_a_policy(released, requested, created, monkeypatch):
    monkeypatch.setenv("STAGEWRIGHT_BYPASS", "AROAEXAMPLEEXAMPLE12=operators")
    assert show(released, routed(released, requested(**BYPASS)).run).status == "REJECTED"
    selection = Selection(bypass=("quality", "ok"), reason="because")
    document = load(DOCUMENT | {"triggers": [{"type": "code"}]})
    key = push(released, document, {}, by="the boss", selection=selection).trigger_key
    record = show(released, routed(released, created(key.rpartition(":")[2])).run)
    assert record.status == "REJECTED"
    assert "the boss may not bypass quality, ok" in record.reason


class Topics:
    def __init__(self):
        self.sent = []

    def publish(self, topic, subject, message):
        self.sent.append((subject, message))


def test_bypass_is_announced(released, monkeypatch):
    monkeypatch.setenv("STAGEWRIGHT_BYPASS", "*")
    monkeypatch.setenv("STAGEWRIGHT_TOPIC", "arn:topic")
    released.__dict__["topics"] = topics = Topics()
    run = direct(released, **BYPASS).run
    ((subject, text),) = topics.sent
    assert subject == f"prices bypasses a control: {run}"
    assert text.startswith("quality, ok bypassed by the boss: the labels are late")
    direct(released, **BYPASS)
    assert len(topics.sent) == 1, "a redelivery announces nothing"


def test_message_cannot_claim_who_bypassed(released, monkeypatch):
    monkeypatch.setenv("STAGEWRIGHT_BYPASS", "*")
    assert direct(released, **BYPASS).trigger.bypassed_by == "the boss"
    from stagewright.runs.intake.run_requests import MalformedError

    with pytest.raises(MalformedError, match="bypassed_by"):
        direct(released, **BYPASS, bypassed_by="ada")


def test_resumed_run_does_not_inherit_the_bypass(released, monkeypatch):
    monkeypatch.setenv("STAGEWRIGHT_BYPASS", "AROAEXAMPLEEXAMPLE12=operators")
    first = direct(released, SENDER, **BYPASS)
    released.runs.transition(first.run, ["RUNNING"], {"status": "FAILED"})
    again = direct(released, "AROAOTHER:eve", resumes=first.run)
    assert again.trigger.bypass == ()
    assert actions(released, again.run)["ok"] == "run"
    released.runs.transition(again.run, ["RUNNING"], {"status": "FAILED"})
    refused = direct(released, "AROAOTHER:eve", resumes=again.run, request="3", **BYPASS)
    assert refused.status == "REJECTED"


def test_lambda_record_carries_the_sender():
    record = {"messageId": "m", "body": "{}", "attributes": {"SenderId": SENDER}}
    assert message_of(record).sender == SENDER


def recorded(gateway, plan_run, status, ended, suffix=""):
    """What the state machine recorded of `ok` in another run with the same inputs."""
    stage = next(stage for stage in show(gateway, plan_run).stages if stage.name == "ok")
    page = next(iter(gateway.runs.items(plan_run, f"page#{show(gateway, plan_run).plan}")))
    inputs = next(
        item["inputs"] for chain in json.loads(page["chains"]) for item in chain if item["name"] == "ok"
    )
    item = {
        "run": f"run-{status}",
        "item": "stage#ok",
        "stage_key": f"prices#default#ok{suffix}",
        "status": status,
        "ended": ended,
        "fingerprint": stage.fingerprint,
        "inputs": inputs,
        "result": "{}",
    }
    gateway.runs.client.put_item(TableName=gateway.runs.table, Item=encode(item))


def test_rejection_overrules_an_earlier_approval_of_the_same(gateway, requested):
    document = DOCUMENT | {"stages": {**DOCUMENT["stages"], "ok": {"kind": "approval"}}}
    document["stages"].pop("quality")
    push(gateway, load(document), {})
    run = routed(gateway, requested()).run
    gateway.runs.transition(run, ["RUNNING"], {"status": "FAILED"})
    recorded(gateway, run, "SUCCEEDED", "2026-01-01T00:00:00.000Z")
    second = routed(gateway, requested(request="2", start=["live"])).run
    assert actions(gateway, second)["ok"] == "reuse"
    gateway.runs.transition(second, ["RUNNING"], {"status": "FAILED"})
    recorded(gateway, run, "FAILED", "2026-01-02T00:00:00.000Z", "#unsuccessful")
    rejected = show(gateway, routed(gateway, requested(request="3", start=["live"])).run)
    assert rejected.status == "REJECTED"
    assert "run run-FAILED did not pass it with the same inputs" in rejected.reason
    assert actions(gateway, routed(gateway, requested(request="4")).run)["ok"] == "run"
