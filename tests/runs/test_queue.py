"""The run queue: one run of a pipeline at a time, with concurrent events and crashes between steps."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.support.messages import record_end, route, sweep
from tests.support.triggers import put_release

from stagewright.aws.executions import Executions
from stagewright.aws.queue import Queue
from stagewright.errors import RunFailedError, StagewrightError, TargetError
from stagewright.functions import environment
from stagewright.functions.router import handler
from stagewright.installation.queues import MAX_RECEIVES
from stagewright.naming import timestamp
from stagewright.planner.model import Trigger
from stagewright.runs import lifecycle, notices, queue, superseding
from stagewright.runs.history.run_history import list_runs, show
from stagewright.runs.intake.run_requests import RunRequest
from stagewright.runs.lifecycle import claim
from stagewright.runs.plan_inputs import load
from stagewright.runs.reconciling.sweep import HELD_AT_MOST, Repair
from stagewright.runs.starting import queued_header
from stagewright.runs.stop import stop
from stagewright.runs.values import RunOptions
from stagewright.store.items import encode
from stagewright.store.run_items import StageItem
from stagewright.store.run_queue import QueueEntry, RunQueue
from stagewright.store.runs import Runs

GATE = {"check": {"kind": "gate", "require": "1 >= 0"}}


def store(gateway, concurrency="queue", **more):
    document = {"name": "prices", "concurrency": concurrency, "parameters": {"limit": 3}, "stages": GATE}
    document |= more
    put_release(gateway, "prices", json.dumps(document))


@pytest.fixture
def ask(waiting, requested):
    """`ask(n)` accepts the n-th request, whose time is n seconds later. Returns its run."""

    def routed(number, **detail):
        body = json.loads(requested(request=str(number), **detail))
        body["time"] = f"2026-01-31T14:00:{number:02}Z"
        started = route(waiting, json.dumps(body))
        return started.run if started else None

    return routed


def statuses(gateway, *runs):
    return [gateway.runs.header(run).status for run in runs]


def running(gateway, tools):
    return sorted(each["name"] for each in tools.executions(gateway) if each["status"] == "RUNNING")


def holder(gateway):
    lease = gateway.run_queue.lease("prices")
    return lease.holder if lease else ""


def queued_runs(gateway):
    return [entry.run for entry in gateway.run_queue.entries("prices")]


def messages(gateway):
    """Receive and delete the messages of the queue."""
    client, url = gateway.queue.client, gateway.queue.url
    found = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    for each in found:
        client.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
    return [each["Body"] for each in found]


def deliver(gateway):
    for body in messages(gateway):
        route(gateway, body)


def end(gateway, run):
    """Stop the execution, and record its end."""
    arn = gateway.executions.arn_of(run)
    gateway.executions.stop(arn, "enough")
    return record_end(gateway, arn)


def test_queued_runs_start_one_by_one_in_event_order(waiting, ask, tools):
    store(waiting)
    first, third, second = ask(1), ask(3), ask(2)
    assert statuses(waiting, first, second, third) == ["RUNNING", "QUEUED", "QUEUED"]
    assert holder(waiting) == first
    assert queued_runs(waiting) == [second, third]
    assert show(waiting, second).waits_for == first
    assert show(waiting, second).reason == f"waits for {first}"
    assert show(waiting, second).is_open
    assert {run.run: run.waits_for for run in list_runs(waiting, "prices")}[third] == first
    assert {header.run for header in waiting.runs.open_runs(10)} == {first, second, third}
    assert list(waiting.runs.items(second, "plan#")) == []
    for ended, now, left in ((first, second, [third]), (second, third, [])):
        end(waiting, ended)
        assert running(waiting, tools) == []
        deliver(waiting)
        assert running(waiting, tools) == [now]
        assert holder(waiting) == now
        assert queued_runs(waiting) == left
    end(waiting, third)
    assert holder(waiting) == ""
    assert queued_runs(waiting) == []
    assert messages(waiting) == []
    assert statuses(waiting, first, second, third) == ["STOPPED"] * 3


def test_queued_run_is_planned_with_the_state_at_its_start(waiting, ask, tools):
    store(waiting)
    first, second = ask(1), ask(2, parameters={"limit": 7}, force=True)
    store(waiting, stages=GATE | {"more": {"kind": "gate", "require": "2 >= 0"}})
    end(waiting, first)
    deliver(waiting)
    record = show(waiting, second)
    assert [stage.name for stage in record.stages] == ["check", "more"]
    assert record.revision == 2
    assert record.trigger.parameters == {"limit": 7}
    assert record.waits_for == ""
    assert record.reason == ""
    assert show(waiting, first).revision == 1


def test_run_rejected_at_its_start_lets_the_next_run_start(waiting, ask, tools):
    store(waiting)
    first, second, third = ask(1), ask(2, parameters={"limit": 7}), ask(3)
    store(waiting, parameters={})
    end(waiting, first)
    deliver(waiting)
    assert show(waiting, second).status == "REJECTED"
    assert "limit" in show(waiting, second).reason
    deliver(waiting)
    assert running(waiting, tools) == [third]
    assert queued_runs(waiting) == []


def test_runs_of_another_pipeline_do_not_wait(waiting, ask, tools):
    store(waiting)
    first = ask(1)
    other = {"name": "other", "stages": GATE}
    put_release(waiting, "other", json.dumps(other))
    second = ask(2, pipeline="other")
    assert statuses(waiting, first, second) == ["RUNNING", "RUNNING"]


def test_backfill_runs_bypass_the_queue(waiting, ask, tools):
    store(waiting)
    first = ask(1)
    trigger = Trigger("backfill", "backfill:1", "2026-01-31T14:00:05.000Z")
    filled = claim(environment.runtime_of(waiting), RunRequest("prices", trigger)).run
    assert statuses(waiting, first, filled) == ["RUNNING", "RUNNING"]
    assert holder(waiting) == first
    end(waiting, first)
    assert statuses(waiting, ask(3), filled) == ["RUNNING", "RUNNING"]


def test_skipped_event_is_listed_and_never_starts_a_run(waiting, ask, tools):
    store(waiting, "skip")
    first = ask(1)
    assert ask(2) is None
    (skipped,) = waiting.trigger_state.skipped_events("prices", 10)
    assert skipped.key == "manual:2"
    assert skipped.reason == f"{first} is still running (concurrency: skip)"
    end(waiting, first)
    assert ask(2) is None
    assert ask(1) == first
    assert statuses(waiting, ask(3)) == ["RUNNING"]
    assert len(list_runs(waiting, "prices")) == 2


def test_skip_takes_over_the_lease_of_an_ended_run(waiting, ask, tools, monkeypatch):
    store(waiting, "skip")
    first = ask(1)
    monkeypatch.setattr(queue, "release", crash)
    with pytest.raises(TargetError):
        end(waiting, first)
    monkeypatch.undo()
    assert holder(waiting) == first
    second = ask(2)
    assert running(waiting, tools) == [second]
    assert holder(waiting) == second


def test_cancel_running_stops_earlier_runs_and_starts_after_them(waiting, ask, tools):
    store(waiting, "cancel-running")
    first, second, third = ask(1), ask(2), ask(3)
    assert show(waiting, second).reason == f"stopped by run {third}"
    assert statuses(waiting, first, second, third) == ["RUNNING", "STOPPED", "QUEUED"]
    assert running(waiting, tools) == []
    assert record_end(waiting, waiting.executions.arn_of(first)) == "STOPPED"
    assert show(waiting, first).reason == f"stopped by run {second}"
    deliver(waiting)
    assert running(waiting, tools) == [third]


def count_plans(monkeypatch):
    made, real = [], load.make_plan

    def counted(*given, **more):
        made.append(given[2].key)
        return real(*given, **more)

    monkeypatch.setattr(load, "make_plan", counted)
    return made


def test_cancelling_run_starts_with_its_saved_plan(waiting, ask, tools, monkeypatch):
    store(waiting, "cancel-running")
    first = ask(1)
    made = count_plans(monkeypatch)
    second = ask(2)
    saved = waiting.runs.header(second)
    assert saved.status == "QUEUED"
    assert saved.revision == 1
    assert [each.name for each in show(waiting, second).stages] == ["check"]
    ask(2)
    record_end(waiting, waiting.executions.arn_of(first))
    deliver(waiting)
    assert running(waiting, tools) == [second]
    assert made == ["manual:2"]
    assert waiting.runs.header(second).plan == saved.plan


def test_cancelling_run_is_planned_again_if_a_stopped_run_finished_a_stage(waiting, ask, tools, monkeypatch):
    store(waiting, "cancel-running")
    first = ask(1)
    made, real = count_plans(monkeypatch), superseding._runs_ahead

    def late(*given):
        done = StageItem("check", "SUCCEEDED", ended=timestamp(datetime.now(UTC)))
        waiting.runs.put_stage_if_absent(first, done)
        return real(*given)

    monkeypatch.setattr(superseding, "_runs_ahead", late)
    second = ask(2)
    assert waiting.runs.header(second).plan == ""
    record_end(waiting, waiting.executions.arn_of(first))
    deliver(waiting)
    assert running(waiting, tools) == [second]
    assert made == ["manual:2", "manual:2"]


def test_cancelled_run_stops_its_job(waiting, ask, sagemaker, tools):
    from stagewright.aws.jobs import Job

    image = "1.dkr.ecr.us-east-1.amazonaws.com/a:1"
    prepare = {"kind": "processing", "image": image, "entrypoint": ["run"], "instance_type": "ml.m5.large"}
    store(waiting, "cancel-running", stages={"prepare": prepare | {"outputs": ["x"]}})
    first = ask(1)
    (stage,) = show(waiting, first).stages
    sagemaker.known[stage.job] = Job(stage.job, "arn", "InProgress", "", time.time(), None, None, "")
    ask(2)
    assert sagemaker.stopped == [stage.job]


def test_sweeper_retries_a_failed_stop(waiting, ask, tools, monkeypatch):
    store(waiting, "cancel-running")
    first = ask(1)
    monkeypatch.setattr(Executions, "stop", crash)
    second = ask(2)
    assert running(waiting, tools) == [first]
    monkeypatch.undo()
    assert sweep(waiting, patience=-1) == [Repair("notified", second)]
    deliver(waiting)
    record_end(waiting, waiting.executions.arn_of(first))
    deliver(waiting)
    assert running(waiting, tools) == [second]


def test_concurrent_events_start_one_execution(waiting, ask, tools):
    store(waiting)
    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(lambda n: ask(n % 8), range(24)))
    assert len(set(runs)) == 8
    (now,) = running(waiting, tools)
    assert sorted({now, *queued_runs(waiting)}) == sorted(set(runs))
    assert queued_runs(waiting) == sorted(queued_runs(waiting), key=lambda run: run.split("-")[1])
    seen = [now]
    while queued_runs(waiting):
        end(waiting, seen[-1])
        deliver(waiting)
        seen += running(waiting, tools)
    assert sorted(seen) == sorted(set(runs))


def test_concurrent_events_with_skip_start_one_run(waiting, ask, tools):
    store(waiting, "skip")
    with ThreadPoolExecutor(6) as pool:
        runs = [run for run in pool.map(ask, range(6)) if run]
    assert running(waiting, tools) == runs
    assert len(waiting.trigger_state.skipped_events("prices", 10)) == 5


def crash(*_, **__):
    raise TargetError("the function died")


def once_crash(monkeypatch, owner, name, after=False):
    """Make the first call fail, before or after its work."""
    real = getattr(owner, name)

    def failing(*given, **more):
        monkeypatch.setattr(owner, name, real)
        if after:
            real(*given, **more)
        crash()

    monkeypatch.setattr(owner, name, failing)


AFTER_CLAIM = [
    (Runs, "claim", True),
    (RunQueue, "lease", False),
    (RunQueue, "grant", False),
    (RunQueue, "grant", True),
    (load, "plan_run", False),
    (Runs, "put_all", True),
    (Runs, "transition", False),
    (Runs, "transition", True),
    (Executions, "start", False),
    (Executions, "start", True),
]


@pytest.mark.parametrize("by", ["redelivery", "sweeper"])
@pytest.mark.parametrize(("owner", "name", "after"), AFTER_CLAIM)
def test_router_crash_after_any_step_loses_no_run(waiting, ask, tools, monkeypatch, owner, name, after, by):
    store(waiting)
    once_crash(monkeypatch, owner, name, after)
    with pytest.raises(TargetError, match="the function died"):
        ask(1)
    if by == "redelivery":
        run = ask(1)
    else:
        (run,) = (header.run for header in waiting.runs.open_runs(10))
        sweep(waiting, patience=-1)
        deliver(waiting)
    assert running(waiting, tools) == [run]
    assert statuses(waiting, run) == ["RUNNING"]
    assert holder(waiting) == run
    assert queued_runs(waiting) == []
    assert len(list_runs(waiting, "prices")) == 1


CLOSING = [
    (Runs, "transition", True),
    (RunQueue, "release", False),
    (RunQueue, "release", True),
    (RunQueue, "grant", True),
    (Queue, "send", False),
]


@pytest.mark.parametrize("again", [True, False])
@pytest.mark.parametrize(("owner", "name", "after"), CLOSING)
def test_recorder_crash_after_any_step_releases_the_lease(
    waiting, ask, tools, monkeypatch, owner, name, after, again
):
    store(waiting)
    first, second = ask(1), ask(2)
    once_crash(monkeypatch, owner, name, after)
    with pytest.raises(TargetError, match="the function died"):
        end(waiting, first)
    if again:  # EventBridge calls a function that failed again, which is not enough in every case
        record_end(waiting, waiting.executions.arn_of(first))
    sweep(waiting, patience=-1)
    deliver(waiting)
    assert running(waiting, tools) == [second]
    assert statuses(waiting, first, second) == ["STOPPED", "RUNNING"]
    assert holder(waiting) == second
    assert queued_runs(waiting) == []


def test_sweeper_closes_a_holder_whose_stop_event_was_lost(waiting, ask, tools):
    store(waiting)
    first, second = ask(1), ask(2)
    waiting.executions.stop(waiting.executions.arn_of(first), "by hand")
    assert Repair("closed", first) in sweep(waiting, patience=-1)
    deliver(waiting)
    assert running(waiting, tools) == [second]


def test_sweeper_closes_a_holder_whose_execution_is_gone(waiting, ask, tools):
    store(waiting)
    first, second = ask(1), ask(2)
    gone = waiting.executions.arn_of(first).replace("workflow", "other")
    waiting.runs.transition(first, ["RUNNING"], {"execution": gone})
    sweep(waiting, patience=-1)
    deliver(waiting)
    assert show(waiting, first).status == "FAILED"
    assert second in running(waiting, tools)
    assert holder(waiting) == second


def age_lease(gateway, seconds):
    old = timestamp(datetime.now(UTC) - timedelta(seconds=seconds))
    gateway.runs.client.update_item(
        TableName=gateway.runs.table,
        Key=encode({"run": "queue#prices", "item": "lease"}),
        UpdateExpression="SET since = :old",
        ExpressionAttributeValues=encode({":old": old}),
    )


@pytest.mark.parametrize(
    ("owner", "name", "why"),
    [
        (Executions, "start", "it could not be started: the function died"),
        (load, "plan_run", "1 attempts to plan"),
    ],
)
def test_run_that_never_starts_fails_and_releases_the_lease(
    waiting, ask, tools, monkeypatch, owner, name, why
):
    store(waiting)
    monkeypatch.setattr(owner, name, crash)
    with pytest.raises(TargetError):
        ask(1)
    (first,) = (header.run for header in waiting.runs.open_runs(10))
    second = ask(2)
    age_lease(waiting, HELD_AT_MOST)
    assert Repair("closed", first) in sweep(waiting, patience=-1)
    monkeypatch.undo()
    assert show(waiting, first).status == "FAILED"
    assert why in show(waiting, first).reason
    deliver(waiting)
    assert running(waiting, tools) == [second]


def poison(gateway, partition):
    """Store an unreadable result of `check`, which fails every plan in that partition."""
    keys = {"run": "strange", "item": "stage#check", "stage_key": f"prices#{partition}#check"}
    item = {**keys, "status": "SUCCEEDED", "ended": "2026-01-01T00:00:00.000Z", "result": "{broken"}
    gateway.runs.client.put_item(TableName=gateway.runs.table, Item=encode(item))


def delivered(gateway, context, monkeypatch, body):
    """The router's answer to SQS, and the notices that it sent."""
    sent = []
    monkeypatch.setenv("STAGEWRIGHT_TOPIC", "arn:topic")
    monkeypatch.setattr(notices, "notify", lambda _, header, why, *__: not sent.append((header.run, why)))
    record = {"messageId": "m", "body": body, "attributes": {"SentTimestamp": "1769868000000"}}
    return handler({"Records": [record]}, context)["batchItemFailures"], sent


def test_last_failed_delivery_fails_the_run_and_starts_the_next(
    waiting, function, context, requested, monkeypatch, ask, tools
):
    store(waiting, partition="${parameters.limit}")
    poison(waiting, 3)
    again = [{"itemIdentifier": "m"}]
    assert delivered(waiting, context, monkeypatch, requested()) == (again, [])
    first = waiting.runs.claimed("manual:1")
    second = ask(2, parameters={"limit": 7})
    for _ in range(lifecycle.ATTEMPTS - 2):
        assert delivered(waiting, context, monkeypatch, requested()) == (again, [])
    assert statuses(waiting, first, second) == ["QUEUED", "QUEUED"]
    assert waiting.run_queue.lease("prices").attempts == lifecycle.ATTEMPTS - 1
    failed, sent = delivered(waiting, context, monkeypatch, requested())
    reason = show(waiting, first).reason
    assert failed == again
    assert sent == [(first, reason)]
    assert reason.startswith("5 attempts to plan and start it failed: JSONDecodeError: Expecting property")
    assert reason.endswith(f"(when fixed: stagewright resume {first})")
    assert statuses(waiting, first, second) == ["FAILED", "QUEUED"]
    deliver(waiting)
    assert running(waiting, tools) == [second]
    assert holder(waiting) == second
    assert waiting.run_queue.lease("prices").attempts == 1
    assert delivered(waiting, context, monkeypatch, requested()) == ([], [])


def test_run_that_failed_in_planning_can_be_resumed(
    waiting, function, context, requested, monkeypatch, tools
):
    store(waiting, partition="${parameters.limit}")
    poison(waiting, 3)
    for _ in range(lifecycle.ATTEMPTS):
        delivered(waiting, context, monkeypatch, requested())
    first = waiting.runs.claimed("manual:1")
    key = {"run": "strange", "item": "stage#check"}
    waiting.runs.client.delete_item(TableName=waiting.runs.table, Key=encode(key))
    later = route(waiting, requested(request=f"{first}:1", resumes=first)).run
    assert statuses(waiting, first, later) == ["FAILED", "RUNNING"]


def test_sweeper_fails_a_run_whose_router_is_killed_at_every_attempt(waiting, ask, tools, monkeypatch):
    store(waiting)

    def killed(*_, **__):
        raise SystemExit

    monkeypatch.setattr(load, "plan_run", killed)
    for _ in range(lifecycle.ATTEMPTS):
        assert [each.what for each in sweep(waiting, patience=-1)] in ([], ["notified"])
        with pytest.raises(SystemExit):
            ask(1)
    monkeypatch.undo()
    first, second = waiting.runs.claimed("manual:1"), ask(2)
    assert sweep(waiting, patience=60) == []
    assert Repair("closed", first) in sweep(waiting, patience=-1)
    assert show(waiting, first).reason.startswith("5 attempts to plan and start it did not finish;")
    messages(waiting)
    sweep(waiting, patience=-1)
    deliver(waiting)
    assert statuses(waiting, first) == ["FAILED"]
    assert running(waiting, tools) == [second]


def test_planned_run_fails_after_the_sweepers_last_attempt(waiting, ask, tools, monkeypatch):
    store(waiting)
    monkeypatch.setattr(Executions, "start", crash)
    with pytest.raises(TargetError):
        ask(1)
    (first,) = (header.run for header in waiting.runs.open_runs(10))
    for _ in range(lifecycle.ATTEMPTS - 2):
        with pytest.raises(StagewrightError, match="1 repairs failed"):
            sweep(waiting, patience=-1)
    assert statuses(waiting, first) == ["PLANNED"]
    assert sweep(waiting, patience=-1) == [Repair("closed", first)]
    assert show(waiting, first).reason.startswith("5 attempts to plan and start it failed: the function died")
    assert holder(waiting) == ""


def test_attempts_equal_the_deliveries_of_a_message():
    assert lifecycle.ATTEMPTS == MAX_RECEIVES


def test_stopped_queued_run_leaves_the_queue(waiting, ask, tools):
    store(waiting)
    first, second, third = ask(1), ask(2), ask(3)
    stop(waiting, second, "ada")
    record = show(waiting, second)
    assert record.status == "STOPPED"
    assert record.reason == "stopped by ada"
    assert record.stages == ()
    assert queued_runs(waiting) == [third]
    with pytest.raises(RunFailedError):
        stop(waiting, second, "ada")
    end(waiting, first)
    deliver(waiting)
    assert running(waiting, tools) == [third]
    assert ask(2) == second
    assert statuses(waiting, second) == ["STOPPED"]


def test_crash_while_stopping_a_queued_run_blocks_no_other(waiting, ask, tools, monkeypatch):
    store(waiting)
    first, second, third = ask(1), ask(2), ask(3)
    once_crash(monkeypatch, RunQueue, "delete")
    with pytest.raises(TargetError):
        stop(waiting, second, "ada")
    assert queued_runs(waiting) == [second, third]
    end(waiting, first)
    deliver(waiting)
    assert running(waiting, tools) == [third]


def test_sweeper_leaves_waiting_runs_alone(waiting, ask):
    store(waiting)
    ask(1), ask(2), ask(3)
    assert sweep(waiting, patience=-1) == []
    assert messages(waiting) == []


def test_repeated_run_ready_starts_one_execution(waiting, ask, tools):
    store(waiting)
    first, second = ask(1), ask(2)
    end(waiting, first)
    (body,) = messages(waiting)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: route(waiting, body), range(4)))
    assert running(waiting, tools) == [second]
    assert len(tools.executions(waiting)) == 2


def test_lease_is_granted_to_one_run_and_only_by_its_holder(gateway):
    run_queue = gateway.run_queue
    entries = [QueueEntry("prices", f"run-{n}", f"2026-01-0{n}T00:00:00.000Z") for n in (1, 2)]
    gateway.runs.put_all(entry.item for entry in entries)
    assert run_queue.grant(entries[0], "") is True
    assert run_queue.grant(entries[1], "") is False
    assert run_queue.grant(entries[1], "run-9") is False
    assert list(run_queue.entries("prices")) == [entries[1]]
    run_queue.release("prices", "run-2")
    assert run_queue.lease("prices").holder == "run-1"
    assert run_queue.grant(entries[1], "run-1") is True
    assert run_queue.lease("prices").holder == "run-2"
    assert run_queue.grant(entries[1], "run-2") is False


def test_lease_and_queue_entry_are_not_listed_as_runs(waiting, ask):
    store(waiting)
    ask(1), ask(2)
    assert len(waiting.runs.of_pipeline("prices", 10)) == 2
    assert len(waiting.runs.open_runs(10)) == 2


def test_run_options_are_stored_in_the_header(gateway):
    options = RunOptions("v1", force=True, cancels_running=True, trigger_name="code-1")
    trigger = Trigger("manual", "manual:1", "2026-01-31T14:00:00.000Z")
    header = queued_header(gateway.installation, "prices", trigger, options)
    assert queue.enqueue(gateway, header)
    assert not queue.enqueue(gateway, replace(header))
    assert RunOptions.of(gateway.runs.header(header.run)) == options
