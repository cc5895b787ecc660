from __future__ import annotations

import io
import json

import pytest
from aws_lambda_powertools import Logger

from stagewright.functions import environment, recorder
from stagewright.planner.model import Plan, StagePlan, Trigger
from stagewright.runs.history.run_history import show
from stagewright.runs.starting import start

RUN = "prices-20260131t140000-abcdef"
FAILING = {
    "StartAt": "Go",
    "States": {
        "Go": {"Type": "Fail", "Error": "Stagewright.StageFailed", "Cause": "train: ClientError: boom"}
    },
}


class Topics:
    def __init__(self):
        self.sent = []

    def publish(self, topic, subject, message):
        self.sent.append((topic, subject, message))


@pytest.fixture
def topics(function, monkeypatch):
    monkeypatch.setenv("STAGEWRIGHT_TOPIC", "arn:topic")
    function.__dict__["topics"] = Topics()
    return function.__dict__["topics"]


def begin(gateway):
    stage = StagePlan("train", "training", "run", "no earlier result", job=f"{RUN}-train-1")
    trigger = Trigger("manual", "manual:1", "2026-01-31T14:00:00.000Z")
    return start(gateway, Plan(RUN, "prices", "default", trigger, "", 1, (stage,), ((("train",),),)))


def ended(gateway, arn, tools):
    tools.until(lambda: gateway.executions.describe(arn).status != "RUNNING")
    return {"detail": {"executionArn": arn, "status": "whatever the event says"}}


def test_log_has_run_and_pipeline(function, context, tools, monkeypatch):
    lines = io.StringIO()
    logger = Logger(service="test-recorder", stream=lines)
    monkeypatch.setattr(environment, "logger", lambda: logger)
    recorder.handler(ended(function, begin(function).execution, tools), context)
    (line,) = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert line["message"] == "end recorded"
    assert line["run"] == RUN
    assert line["pipeline"] == "prices"


def test_success_is_recorded_without_a_notice(function, topics, context, tools):
    event = ended(function, begin(function).execution, tools)
    assert recorder.handler(event, context) == {"status": "SUCCEEDED"}
    record = show(function, RUN)
    assert record.status == "SUCCEEDED"
    assert record.reason == ""
    assert record.is_open is False
    assert record.ended >= record.started
    assert topics.sent == []


def test_failure_is_recorded_and_sends_one_notice(function, topics, context, tools):
    tools.machine(function, FAILING)
    event = ended(function, begin(function).execution, tools)
    assert recorder.handler(event, context) == {"status": "FAILED"}
    assert recorder.handler(event, context) == {"status": "unchanged"}
    assert show(function, RUN).reason == "train: ClientError: boom"
    ((topic, subject, message),) = topics.sent
    assert topic == "arn:topic"
    assert subject == f"prices failed: {RUN}"
    assert message.startswith("train: ClientError: boom\n")


def test_aborted_execution_stops_the_run_and_its_stages(function, topics, context, tools):
    tools.machine(
        function, {"StartAt": "Go", "States": {"Go": {"Type": "Wait", "Seconds": 600, "End": True}}}
    )
    arn = begin(function).execution
    assert recorder.handler({"detail": {"executionArn": arn}}, context) == {"status": "unchanged"}
    function.executions.stop(arn, "stopped by ada")
    assert recorder.handler(ended(function, arn, tools), context) == {"status": "STOPPED"}
    record = show(function, RUN)
    assert [stage.status for stage in record.stages] == ["STOPPED"]
    assert topics.sent == []


def test_without_a_topic_no_notice_is_sent(function, context, tools, monkeypatch):
    monkeypatch.delenv("STAGEWRIGHT_TOPIC", raising=False)
    function.__dict__["topics"] = Topics()
    tools.machine(function, FAILING)
    event = ended(function, begin(function).execution, tools)
    assert recorder.handler(event, context) == {"status": "FAILED"}
    assert function.topics.sent == []


def test_missing_topic_does_not_undo_the_record(function, topics, context, tools, monkeypatch):
    from stagewright.errors import TargetError

    def refuse(*_):
        raise TargetError("no such topic")

    monkeypatch.setattr(topics, "publish", refuse)
    tools.machine(function, FAILING)
    event = ended(function, begin(function).execution, tools)
    assert recorder.handler(event, context) == {"status": "FAILED"}
    assert show(function, RUN).status == "FAILED"


def test_execution_without_a_run_is_left_alone(function, context):
    arn = function.executions.arn_of("by-hand")
    assert recorder.handler({"detail": {"executionArn": arn}}, context) == {"status": "unchanged"}
