from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import pytest

from stagewright.aws.jobs import Job
from stagewright.errors import NotFoundError
from stagewright.planner.model import Plan, StagePlan, Trigger
from stagewright.runs import queue
from stagewright.runs.history import logs
from stagewright.runs.history.run_history import show
from stagewright.runs.starting import queued_header, start
from stagewright.runs.values import RunOptions
from stagewright.store.run_items import StageItem

TIME = "2026-01-31T14:00:00.000Z"


@pytest.fixture
def run(waiting, sagemaker, installation):
    """Return the id of the run. It makes the names of the log streams unique."""
    run = f"{installation.prefix}-run"
    stages = tuple(
        StagePlan(name, kind, "run", "", job=f"{run}-{name}-1")
        for name, kind in (
            ("prepare", "processing"),
            ("train", "training"),
            ("tune", "tuning"),
            ("score", "transform"),
        )
    )
    trigger = Trigger("manual", "manual:1", TIME)
    waves = (tuple((stage.name,) for stage in stages),)
    start(waiting, Plan(run, "prices", "default", trigger, "", 1, stages, waves))
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


def tail(gateway, run, *arguments, **options):
    return logs.tail(gateway, show(gateway, run), *arguments, **options)


def search(gateway, run, *arguments, **options):
    return logs.search(gateway, show(gateway, run), *arguments, **options)


def origin(gateway, run, stage):
    return logs.origin(gateway, show(gateway, run), stage)


def texts(lines):
    return [(line.source, line.text) for line in lines]


def test_run_without_logs_has_no_lines(waiting, run):
    assert tail(waiting, run) == []


def test_lines_of_all_jobs_are_sorted_by_time(waiting, run):
    write(waiting, "/aws/sagemaker/ProcessingJobs", f"{run}-prepare-1/algo-1-1", "first", "third", at=-3000)
    write(waiting, "/aws/sagemaker/TrainingJobs", f"{run}-train-1/algo-1-1", "last", at=-1000)
    write(waiting, "/aws/sagemaker/TrainingJobs", f"{run}-train-10/algo-1-1", "of another job")
    assert texts(tail(waiting, run)) == [("prepare", "first"), ("prepare", "third"), ("train", "last")]
    assert texts(tail(waiting, run, lines=1)) == [("train", "last")]
    assert texts(tail(waiting, run, "prepare")) == [("prepare", "first"), ("prepare", "third")]
    with pytest.raises(NotFoundError, match="has no stage tarin"):
        tail(waiting, run, "tarin")


def test_tuning_stage_has_the_logs_of_its_training_jobs(waiting, run):
    group = "/aws/sagemaker/TrainingJobs"
    write(waiting, group, f"{run}-tune-1-002-0a1b2c3d/algo-1-1", "second", at=-2000)
    write(waiting, group, f"{run}-tune-1-001-0a1b2c3d/algo-1-1", "first", "third", at=-2001)
    write(waiting, group, f"{run}-tune-10-001-0a1b2c3d/algo-1-1", "of another job")
    write(waiting, "/aws/sagemaker/TransformJobs", f"{run}-score-1/i-1-1", "scored", at=-1000)
    expected = [("tune/001", "first"), ("tune/002", "second"), ("tune/001", "third")]
    assert sorted(texts(tail(waiting, run, "tune"))) == sorted(expected)
    assert texts(tail(waiting, run, "score")) == [("score", "scored")]
    assert len(tail(waiting, run)) == 4


def test_follow_yields_each_line_once_until_the_stage_ends(waiting, run):
    group, stream = "/aws/sagemaker/TrainingJobs", f"{run}-train-1/algo-1-1"
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


def test_follow_sorts_the_lines_of_several_jobs_by_time(waiting, run):
    write(waiting, "/aws/sagemaker/ProcessingJobs", f"{run}-prepare-1/algo-1-1", "first", at=-3000)
    write(waiting, "/aws/sagemaker/TrainingJobs", f"{run}-train-1/algo-1-1", "second", at=-2000)
    write(waiting, "/aws/sagemaker/ProcessingJobs", f"{run}-prepare-1/algo-1-1", "third", at=-1000)
    for stage in ("prepare", "train", "tune", "score"):
        waiting.runs.put_stage_if_absent(run, StageItem(stage, "SUCCEEDED", ended=TIME))
    followed = logs.follow(waiting, run, pause=0.01)
    assert [next(followed).text for _ in range(3)] == ["first", "second", "third"]
    followed.close()


def test_queued_run_has_no_lines_and_follow_ends_with_it(waiting, installation):
    trigger = Trigger("manual", f"manual:{installation.prefix}-late", TIME)
    header = queued_header(installation, "late", trigger, RunOptions())
    assert queue.enqueue(waiting, header)
    assert tail(waiting, header.run, "train") == tail(waiting, header.run) == []
    stopped = {"status": "STOPPED", "ended": TIME}
    threading.Timer(0.1, waiting.runs.transition, (header.run, ["QUEUED"], stopped)).start()
    assert list(logs.follow(waiting, header.run, pause=0.01)) == []


@pytest.fixture
def deployed(waiting, installation):
    """Two runs and the name of their endpoint. The second run reuses the endpoint of the first one."""
    run, name = f"{installation.prefix}-served", f"{installation.prefix}-endpoint"
    requests = {"CreateEndpoint": {"EndpointName": name}}
    stages = (
        StagePlan("deploy", "endpoint", "run", "", job=f"{run}-deploy-1", requests=requests),
        StagePlan("quality", "gate", "run", "", requests={"Gate": []}),
    )
    trigger = Trigger("manual", f"manual:{run}", TIME)
    start(waiting, Plan(run, "prices", "default", trigger, "", 1, stages, ((("deploy", "quality"),),)))
    again = (
        StagePlan("deploy", "endpoint", "reuse", "same", result={"endpoint": name}, reused_from=run),
        StagePlan("off", "training", "skip", "off"),
    )
    trigger = Trigger("manual", f"manual:{run}-2", TIME)
    start(waiting, Plan(f"{run}-2", "prices", "default", trigger, "", 1, again, ()))
    return run, name


def test_failed_endpoint_has_a_log(waiting, deployed):
    run, name = deployed
    waiting.runs.put_stage_if_absent(run, StageItem("deploy", "FAILED", ended=TIME, cause="no"))
    assert tail(waiting, run, "deploy") == []
    write(waiting, f"/aws/sagemaker/Endpoints/{name}", "AllTraffic/i-0", "of another run", at=-60_000)
    write(waiting, f"/aws/sagemaker/Endpoints/{name}", "AllTraffic/i-1", "it broke")
    assert texts(tail(waiting, run, "deploy")) == [("deploy", "it broke")]
    assert texts(tail(waiting, run)) == [("deploy", "it broke")]


def test_reused_stage_has_the_log_of_its_source_run(waiting, deployed):
    run, name = deployed
    waiting.runs.put_stage_if_absent(
        run, StageItem("deploy", "SUCCEEDED", ended=TIME, result={"endpoint": name})
    )
    write(waiting, f"/aws/sagemaker/Endpoints/{name}", "AllTraffic/i-1", "loaded")
    assert origin(waiting, f"{run}-2", "deploy") == run
    assert origin(waiting, run, "deploy") == run
    assert texts(tail(waiting, f"{run}-2", "deploy")) == [("deploy", "loaded")]
    assert tail(waiting, f"{run}-2") == []


def test_stage_without_a_log_is_rejected(waiting, deployed):
    run, _ = deployed
    with pytest.raises(NotFoundError, match="quality has no log: it is a stage of kind gate"):
        tail(waiting, run, "quality")
    with pytest.raises(NotFoundError, match="off is disabled and has never run"):
        tail(waiting, f"{run}-2", "off")


def test_function_lines_name_the_function(waiting, run, installation):
    group = f"/aws/lambda/{installation.name('router')}"
    write(waiting, group, "stream", f'{{"run": "{run}", "message": "routed"}}', '{"run": "another"}')
    assert texts(logs.function_lines(waiting, run)) == [
        ("function/router", f'{{"run": "{run}", "message": "routed"}}')
    ]


def test_glue_run_id_is_looked_up_once_per_stage():
    """Each lookup is a paginated GetJobRuns, and `--follow` repeats it."""
    lookups = []

    def find(definition, job):
        lookups.append(job)
        return SimpleNamespace(id="jr_1")

    gateway = SimpleNamespace(
        glue=SimpleNamespace(find=find),
        logs=SimpleNamespace(streams=lambda group, prefix: [f"{prefix}-driver"]),
    )
    stage = SimpleNamespace(
        name="load", kind="glue", status="RUNNING", result={}, definition="glue-job", job="load-1"
    )
    streams = logs._streams(gateway, (SimpleNamespace(stage=stage),))
    assert lookups == ["load-1"]
    assert len({stream.group for stream in streams}) == 4


@pytest.mark.parametrize("text", ["needle", "a needle", "ünï"])
def test_search_finds_lines_of_all_stages_with_a_text(waiting, run, text):
    write(waiting, "/aws/sagemaker/ProcessingJobs", f"{run}-prepare-1/algo-1-1", "a", f"1 {text}", at=-3000)
    write(waiting, "/aws/sagemaker/TrainingJobs", f"{run}-train-1/algo-1-1", f"2 {text}", "b", at=-1000)
    write(waiting, "/aws/sagemaker/TrainingJobs", f"{run}-train-10/algo-1-1", f"{text} of another job")
    assert texts(search(waiting, run, text)) == [("prepare", f"1 {text}"), ("train", f"2 {text}")]
    assert texts(search(waiting, run, text, lines=1)) == [("train", f"2 {text}")]
    assert texts(search(waiting, run, text, "prepare")) == [("prepare", f"1 {text}")]
    assert search(waiting, run, "absent") == []
