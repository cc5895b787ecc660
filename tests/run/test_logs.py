from __future__ import annotations

import threading
import time

import pytest

from stagewright.errors import NotFoundError
from stagewright.plan.model import Plan, StagePlan, Trigger
from stagewright.run import logs
from stagewright.run.gateway.jobs import Job
from stagewright.run.gateway.runs import StageItem
from stagewright.run.start import start

TIME = "2026-01-31T14:00:00.000Z"


@pytest.fixture
def run(waiting, sagemaker, installation):
    """The run's id: job names are unique per account, and so are the log streams here."""
    run = f"{installation.prefix}-run"
    stages = tuple(
        StagePlan(name, kind, "run", "", job=f"{run}-{name}-1")
        for name, kind in (("prepare", "processing"), ("train", "training"))
    )
    trigger = Trigger("manual", "manual:1", TIME)
    start(waiting, Plan(run, "prices", "default", trigger, "", 1, stages, ((("prepare",), ("train",)),)))
    for stage in stages:
        sagemaker.known[stage.job] = Job(
            stage.job, "arn", "InProgress", "", time.time(), time.time(), None, ""
        )
    return run


def write(gateway, group, stream, *lines, at=0):
    client = gateway.logs.client
    for create, names in (
        (client.create_log_group, {"logGroupName": group}),
        (client.create_log_stream, {"logGroupName": group, "logStreamName": stream}),
    ):
        try:
            create(**names)
        except client.exceptions.ResourceAlreadyExistsException:
            continue
    now = int(time.time() * 1000) + at
    events = [{"timestamp": now + n, "message": f"{line}\n"} for n, line in enumerate(lines)]
    client.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def texts(lines):
    return [(line.source, line.text) for line in lines]


def test_without_logs_there_are_no_lines(waiting, run):
    assert logs.tail(waiting, run) == []


def test_the_lines_of_all_jobs_come_in_order_of_time(waiting, run):
    write(waiting, logs.GROUPS["processing"], f"{run}-prepare-1/algo-1-1", "first", "third", at=-3000)
    write(waiting, logs.GROUPS["training"], f"{run}-train-1/algo-1-1", "last", at=-1000)
    write(waiting, logs.GROUPS["training"], f"{run}-train-10/algo-1-1", "of another job")
    assert texts(logs.tail(waiting, run)) == [("prepare", "first"), ("prepare", "third"), ("train", "last")]
    assert texts(logs.tail(waiting, run, lines=1)) == [("train", "last")]
    assert texts(logs.tail(waiting, run, "prepare")) == [("prepare", "first"), ("prepare", "third")]
    with pytest.raises(NotFoundError, match="has no stage tarin"):
        logs.tail(waiting, run, "tarin")


def test_following_gives_each_line_once_and_ends_with_the_stage(waiting, run):
    group, stream = logs.GROUPS["training"], f"{run}-train-1/algo-1-1"
    write(waiting, group, stream, "one")
    seen = []

    def go_on():
        write(waiting, group, stream, "two")
        waiting.runs.put_stage_if_absent(run, StageItem("train", "SUCCEEDED", ended=TIME))

    for line in logs.follow(waiting, run, "train", pause=0.01):
        seen.append(line.text)
        if line.text == "one":
            threading.Timer(0.1, go_on).start()
    assert seen == ["one", "two"]


def test_an_endpoints_log_belongs_to_its_stage(waiting, installation):
    run, name = f"{installation.prefix}-served", f"{installation.prefix}-endpoint"
    deploy = StagePlan("deploy", "endpoint", "reuse", "same as run x", result={"endpoint": name})
    trigger = Trigger("manual", "manual:2", TIME)
    start(waiting, Plan(run, "prices", "default", trigger, "", 1, (deploy,), ()))
    assert logs.tail(waiting, run) == []
    write(waiting, f"{logs.ENDPOINTS}{name}", "AllTraffic/i-1", "loaded")
    assert texts(logs.tail(waiting, run)) == [("deploy", "loaded")]


def test_functions_say_what_they_did_with_a_run(waiting, run, installation):
    group = f"/aws/lambda/{installation.name('router')}"
    write(waiting, group, "stream", f'{{"run": "{run}", "message": "routed"}}', '{"run": "another"}')
    assert texts(logs.function_lines(waiting, run)) == [
        ("function/router", f'{{"run": "{run}", "message": "routed"}}')
    ]
