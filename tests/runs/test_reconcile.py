from __future__ import annotations

import io
import json
import time
from datetime import datetime

import pytest
from aws_lambda_powertools import Logger
from tests.support.messages import route, sweep

from stagewright.aws.executions import Executions
from stagewright.document.load import load
from stagewright.errors import StagewrightError, TargetError
from stagewright.functions import environment
from stagewright.runs.history.run_history import show
from stagewright.runs.reconciling import intake
from stagewright.runs.reconciling.sweep import Repair
from stagewright.runs.releases.push import push


def messages(gateway):
    found = gateway.queue.client.receive_message(QueueUrl=gateway.queue.url, MaxNumberOfMessages=10)
    return [message["Body"] for message in found.get("Messages", [])]


def version(pushed):
    return pushed.trigger_key.rsplit(":", 1)[1]


def test_unclaimed_manifest_is_requeued_and_runs(gateway, pipeline, files, tools):
    pushed = push(gateway, pipeline, files)
    assert sweep(gateway, patience=-1) == [Repair("requeued", f"prices: {version(pushed)}")]
    (body,) = messages(gateway)
    started = route(gateway, body)
    assert show(gateway, started.run).trigger.key == pushed.trigger_key
    assert len(tools.executions(gateway)) == 1


def test_lost_pushes_run_oldest_first(gateway, pipeline, files, all_end):
    pushed = [push(gateway, pipeline, files | {"train.py": text}) for text in (b"1", b"2", b"3")]
    versions = ", ".join(map(version, pushed))
    assert sweep(gateway, patience=-1) == [Repair("requeued", f"prices: {versions}")]
    (body,) = messages(gateway)
    route(gateway, body)
    all_end()
    assert sweep(gateway, patience=-1) == []
    runs = sorted(gateway.runs.of_pipeline("prices", 10), key=lambda header: header.started)
    assert [run.trigger.key for run in runs] == [each.trigger_key for each in pushed]
    assert {run.status for run in runs} == {"SUCCEEDED"}


def test_recent_manifest_is_not_requeued(gateway, pipeline, files):
    push(gateway, pipeline, files)
    assert sweep(gateway) == []
    assert messages(gateway) == []


def test_release_without_code_trigger_is_not_requeued(gateway, files, tools):
    push(gateway, load(tools.document | {"triggers": []}), files)
    assert sweep(gateway, patience=-1) == []
    assert messages(gateway) == []


def test_planned_run_without_execution_is_started(gateway, pipeline, files, created, monkeypatch, tools):
    def crash(*_):
        raise TargetError("the function died")

    body = created(version(push(gateway, pipeline, files)))
    monkeypatch.setattr(Executions, "start", crash)
    with pytest.raises(TargetError):
        route(gateway, body)
    monkeypatch.undo()
    (header,) = gateway.runs.open_runs(10)
    assert sweep(gateway, patience=-1) == [Repair("started", header.run)]
    assert gateway.runs.header(header.run).status == "RUNNING"
    assert len(tools.executions(gateway)) == 1


def test_run_with_an_ended_execution_is_closed(gateway, pipeline, files, created, tools):
    started = route(gateway, created(version(push(gateway, pipeline, files))))
    tools.until(lambda: gateway.executions.describe(started.execution).status == "SUCCEEDED")
    assert sweep(gateway, patience=-1) == [Repair("closed", started.run)]
    assert show(gateway, started.run).status == "SUCCEEDED"
    assert sweep(gateway, patience=-1) == []


def test_run_with_a_deleted_execution_is_closed(waiting, pipeline, files, created):
    gateway = waiting
    started = route(gateway, created(version(push(gateway, pipeline, files))))
    gateway.runs.transition(
        started.run, ["RUNNING"], {"execution": started.execution.replace("workflow", "other")}
    )
    assert sweep(gateway, patience=-1) == [Repair("closed", started.run)]
    record = show(gateway, started.run)
    assert record.status == "FAILED"
    assert "its execution is gone" in record.reason


def test_running_run_is_left_alone(waiting, pipeline, files, created):
    route(waiting, created(version(push(waiting, pipeline, files))))
    assert sweep(waiting, patience=-1) == []


def test_failed_repair_does_not_stop_the_others(gateway, pipeline, files, created, monkeypatch, tools):
    started = route(gateway, created(version(push(gateway, pipeline, files))))
    tools.until(lambda: gateway.executions.describe(started.execution).status == "SUCCEEDED")
    push(gateway, pipeline, files | {"train.py": b"2"})
    monkeypatch.setattr(intake, "_requeue", lambda *_: (_ for _ in ()).throw(TargetError("no queue")))
    with pytest.raises(StagewrightError, match=r"1 repairs failed: manifests/prices\.json: no queue"):
        sweep(gateway, patience=-1)
    assert show(gateway, started.run).status == "SUCCEEDED"


def test_log_has_the_age_of_the_oldest_open_run(gateway, pipeline, files, created, monkeypatch, all_end):
    lines = io.StringIO()
    logger = Logger(service="test-sweeper", stream=lines)
    monkeypatch.setattr(environment, "logger", lambda: logger)
    first = route(gateway, created(version(push(gateway, pipeline, files | {"train.py": b"1"}))))
    route(gateway, created(version(push(gateway, pipeline, files | {"train.py": b"2"}))))
    began = datetime.fromisoformat(gateway.runs.header(first.run).created).timestamp()
    before = time.time()
    sweep(gateway)
    after = time.time()
    (line,) = [json.loads(line) for line in lines.getvalue().splitlines() if "OldestRun" in line]
    assert line["run"] == first.run
    assert line["pipeline"] == "prices"
    assert round(before - began) <= line["value"] <= round(after - began)
    all_end()
    push(gateway, pipeline, files)
    sweep(gateway, patience=-1)
    (repaired,) = [json.loads(line) for line in lines.getvalue().splitlines() if "repaired" in line]
    assert repaired["repair"] == "requeued"
    assert repaired["pipeline"] == "prices"
    assert lines.getvalue().count("OldestRun") == 1
