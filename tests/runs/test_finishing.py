"""The notice and the release that follow the end of a run happen, whatever interrupts its last write."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from botocore.exceptions import ConnectionClosedError
from tests.support.messages import record_end, route, sweep

from stagewright.aws.executions import Executions
from stagewright.aws.topics import Topics
from stagewright.document.load import load as load_document
from stagewright.errors import StagewrightError, TargetError
from stagewright.functions import environment, recorder
from stagewright.runs import closing, notices, rejecting
from stagewright.runs.plan_inputs import load
from stagewright.runs.reconciling import follow_ups
from stagewright.runs.reconciling.sweep import Repair
from stagewright.runs.releases.push import push
from stagewright.runs.stop import stop
from stagewright.store.runs import Runs

FAILING = {"StartAt": "Go", "States": {"Go": {"Type": "Fail", "Error": "Boom", "Cause": "boom"}}}


@pytest.fixture
def sent(gateway, monkeypatch):
    """The subjects of the notices that SNS has accepted."""
    subjects: list[str] = []
    monkeypatch.setenv("STAGEWRIGHT_TOPIC", "arn:topic")
    monkeypatch.setattr(Topics, "publish", lambda _, topic, subject, text: subjects.append(subject))
    return subjects


@pytest.fixture
def failed(gateway, pipeline, files, created, tools):
    """A run whose execution has failed and that is not closed yet."""
    tools.machine(gateway, FAILING)
    version = push(gateway, pipeline, files).trigger_key.rsplit(":", 1)[1]
    started = route(gateway, created(version))
    tools.until(lambda: gateway.executions.describe(started.execution).status == "FAILED")
    return started


@pytest.fixture
def lost(gateway):
    """The next answer to a TransactWriteItems is lost after the write, once the test has called this."""
    events, armed = gateway.runs.client.meta.events, []

    def lose(**_):
        if armed:
            armed.clear()
            raise ConnectionClosedError(endpoint_url="lost")

    events.register("after-call.dynamodb.TransactWriteItems", lose)
    yield lambda: armed.append(True)
    events.unregister("after-call.dynamodb.TransactWriteItems", lose)


def cooldowns(gateway):
    return list(gateway.runs.items("cooldown#prices", "code-"))


def is_over(gateway, run):
    lease = gateway.run_queue.lease("prices")
    return (lease is None or lease.holder != run) and not gateway.runs.is_unfinished(run)


def test_notice_is_sent_if_the_answer_to_the_closing_write_is_lost(gateway, failed, sent, lost):
    lost()
    with pytest.raises((ConnectionClosedError, TargetError)):
        record_end(gateway, failed.execution)
    assert gateway.runs.header(failed.run).status == "FAILED"
    assert sent == []
    assert record_end(gateway, failed.execution) is None
    assert sent == [f"prices failed: {failed.run}"]
    assert is_over(gateway, failed.run)
    assert record_end(gateway, failed.execution) is None
    assert sweep(gateway, patience=-1) == []
    assert len(sent) == 1


def test_sweeper_finishes_a_run_whose_recorder_died(gateway, failed, sent, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(closing, "finish", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            record_end(gateway, failed.execution)
    assert sweep(gateway, patience=-1) == [Repair("finished", failed.run)]
    assert sent == [f"prices failed: {failed.run}"]
    assert is_over(gateway, failed.run)


def test_command_that_closes_a_failed_run_leaves_the_notice_to_the_recorder(gateway, failed, sent):
    assert closing.close_if_ended(gateway, failed.run) == "FAILED"
    assert sent == []
    record_end(gateway, failed.execution)
    assert sent == [f"prices failed: {failed.run}"]


def test_notice_is_sent_once_the_topic_answers_again(gateway, failed, sent, monkeypatch, function, context):
    def refuse(*_):
        raise TargetError("no such topic")

    with monkeypatch.context() as patch:
        patch.setattr(Topics, "publish", refuse)
        assert recorder.handler({"detail": {"executionArn": failed.execution}}, context) == {
            "status": "FAILED"
        }
        with pytest.raises(StagewrightError, match="1 repairs failed"):
            sweep(gateway, patience=-1)
    assert sweep(gateway, patience=-1) == [Repair("finished", failed.run)]
    assert sent == [f"prices failed: {failed.run}"]


def test_rejection_is_announced_if_the_router_dies_after_it(gateway, pipeline, files, requested, sent, lost):
    push(gateway, pipeline, files)
    lost()
    with pytest.raises((ConnectionClosedError, TargetError)):
        route(gateway, requested(parameters={"limit": "many"}))
    run = gateway.runs.claimed("manual:1")
    assert run
    assert sent == []
    repairs = sweep(gateway, patience=-1)
    route(gateway, requested(parameters={"limit": "many"}))
    status = gateway.runs.header(run).status
    if status == "QUEUED":
        sweep(gateway, patience=-1)
    assert gateway.runs.header(run).status == "REJECTED", repairs
    sweep(gateway, patience=-1)
    assert sent == [f"prices was rejected: {run}"]
    assert is_over(gateway, run)


def test_failed_start_ends_its_cooldown_and_its_execution(gateway, tools, files, created, sent, monkeypatch):
    document = tools.document | {"triggers": [{"type": "code", "cooldown": "1h"}]}
    push(gateway, load_document(document), files)
    version = next(iter(gateway.objects.versions("manifests/prices.json"))).version
    with monkeypatch.context() as patch:
        patch.setattr(load, "plan_run", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            route(gateway, created(version))
        run = gateway.runs.claimed(f"code:prices:{version}")
        patch.setattr(rejecting, "cancel_cooldown", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            rejecting.fail_run(environment.runtime_of(gateway), run, "it broke")
    assert len(cooldowns(gateway)) == 1
    assert sweep(gateway, patience=-1) == [Repair("finished", run)]
    assert sent == [f"prices failed: {run}"]
    assert cooldowns(gateway) == []
    assert is_over(gateway, run)


def test_late_execution_of_a_stopped_run_is_stopped(waiting, pipeline, files, created, monkeypatch, tools):
    version = push(waiting, pipeline, files).trigger_key.rsplit(":", 1)[1]
    with monkeypatch.context() as patch:
        patch.setattr(Executions, "start", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            route(waiting, created(version))
    (header,) = waiting.runs.open_runs(10)
    assert header.status == "PLANNED"
    waiting.executions.start(header.run, json.dumps({}))  # and the function died
    with monkeypatch.context() as patch:
        patch.setattr(Executions, "stop", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            stop(waiting, header.run, "ada")
    assert waiting.runs.header(header.run).status == "STOPPED"
    assert sweep(waiting, patience=-1) == [Repair("finished", header.run)]
    assert [each["status"] for each in tools.executions(waiting)] == ["ABORTED"]
    assert is_over(waiting, header.run)


def test_next_run_starts_if_the_release_of_the_queue_was_lost(waiting, pipeline, files, created, monkeypatch):
    pushed = [push(waiting, pipeline, files | {"train.py": text}).trigger_key for text in (b"1", b"2")]
    first, second = (route(waiting, created(key.rsplit(":", 1)[1])) for key in pushed)
    waiting.executions.stop(first.execution, "enough")
    with monkeypatch.context() as patch:
        patch.setattr(closing, "_release", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            record_end(waiting, first.execution)
    assert Repair("finished", first.run) in sweep(waiting, patience=-1)
    assert waiting.run_queue.lease("prices").holder == second.run


GATED = {
    "name": "prices",
    "stages": {"quality": {"kind": "gate", "require": "1 >= 2"}, "live": {"kind": "lambda", "function": "f"}},
}
ASKED = {"bypass": ["quality"], "reason": "the feed is late", "by": "jo"}


@pytest.fixture
def bypassing(gateway, requested, monkeypatch):
    """A function that requests a run which bypasses a control, and returns its id."""
    monkeypatch.setenv("STAGEWRIGHT_BYPASS", "*")
    document = load_document(GATED)
    push(gateway, document, {})

    def request(**fields):
        with suppress(ZeroDivisionError, ConnectionClosedError, TargetError):
            route(gateway, requested(**ASKED | fields))
        return gateway.runs.claimed("manual:1")

    return request


def is_announced(gateway, run):
    return not gateway.runs.is_unannounced(run)


def test_bypass_is_announced_once(gateway, bypassing, sent):
    run = bypassing()
    assert sent == [f"prices bypasses a control: {run}"]
    assert is_announced(gateway, run)
    assert bypassing() == run
    sweep(gateway, patience=-1)
    assert len(sent) == 1


@pytest.mark.parametrize("died", ["before the notice", "after the notice", "at the claim"])
def test_bypass_is_announced_if_the_router_dies(gateway, bypassing, sent, lost, monkeypatch, died):
    with monkeypatch.context() as patch:
        if died == "before the notice":
            patch.setattr(notices, "notify", lambda *_: 1 / 0)
        elif died == "after the notice":
            patch.setattr(Runs, "mark_announced", lambda *_: 1 / 0)
        else:
            lost()
        run = bypassing()
    assert not is_announced(gateway, run)
    assert Repair("finished", run) in sweep(gateway, patience=-1)
    assert set(sent) == {f"prices bypasses a control: {run}"}
    assert len(sent) == (2 if died == "after the notice" else 1)
    assert is_announced(gateway, run)


def test_notice_of_a_bypass_is_tried_for_a_day(gateway, bypassing, sent, monkeypatch):
    def refuse(*_):
        raise TargetError("no such topic")

    with monkeypatch.context() as patch:
        patch.setattr(Topics, "publish", refuse)
        run = bypassing()
        with pytest.raises(StagewrightError, match=f"the notice of {run} cannot be sent"):
            sweep(gateway, patience=-1)
        assert not is_announced(gateway, run)
        patch.setattr(follow_ups, "NOTICE_LIFETIME", 0)
        sweep(gateway, patience=-1)
    assert is_announced(gateway, run)
    assert sent == []


def test_bypass_without_a_topic_leaves_no_step(gateway, bypassing):
    assert is_announced(gateway, bypassing())


def test_denied_bypass_is_not_announced(gateway, bypassing, sent, monkeypatch):
    monkeypatch.setenv("STAGEWRIGHT_BYPASS", "AROAEXAMPLEEXAMPLE12=operators")
    run = bypassing()
    assert gateway.runs.header(run).status == "REJECTED"
    assert sent == [f"prices was rejected: {run}"]
    sweep(gateway, patience=-1)
    assert len(sent) == 1


def test_bypass_by_a_run_of_a_backfill_is_announced(gateway, bypassing, sent):
    assert bypassing(type="backfill", date="2026-01-31") is None
    started = gateway.runs.claimed("backfill:1")
    sweep(gateway, patience=-1)
    assert sent == [f"prices bypasses a control: {started}"]
