"""What each kind of job used and cost, recorded after a run on the local target."""

from __future__ import annotations

import json
import sys
import time
from decimal import Decimal

import pytest
from tests.support.command_line import CommandLine
from tests.support.messages import sweep
from tests.support.waiting import until

from stagewright.api import target
from stagewright.local import server
from stagewright.runs import usage

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

DOCUMENT = """\
name: spender
parameters: {fail: "no", seconds: 0}
defaults: {image: sklearn-1.4, instance_type: ml.m5.large}
stages:
  tune:
    kind: tuning
    entry_point: fit.py
    ranges: {depth: {type: integer, min: 1, max: 6}}
    metrics: {loss: 'loss: ([0-9.]+)'}
    objective: {metric: loss, goal: minimize}
    strategy: Random
    max_jobs: 2
    max_parallel_jobs: 2
  shape: {kind: glue, code: shape.py}
  flaky:
    kind: processing
    code: flaky.py
    arguments: ["${parameters.fail}", "${parameters.seconds}"]
    retry: {attempts: 2, wait: 1s}
"""
FIT = 'print("loss: 1.5")\n'
SHAPE = 'print("shaped")\n'
FLAKY = "import sys, time\ntime.sleep(float(sys.argv[2]))\nsys.exit(sys.argv[1] == 'yes')\n"
PRICES = {
    "region": "us-east-1", "currency": "USD", "date": "2026-11-27",
    "instances": {"ml.m5.large": {"training job": "36", "processing job": "72"}},
    "units": {"glue DPU-hour": "0.44"},
}  # fmt: skip
"""An instance-second of training costs 0.01, one of processing 0.02."""


@pytest.fixture(scope="module")
def spender(tmp_path_factory):
    folder = tmp_path_factory.mktemp("spender")
    for name in ("code", "state", "prices"):
        (folder / name).mkdir()
    (folder / "state" / "local.toml").write_text(f'[pythons]\n"sklearn-1.4" = "{sys.executable}"\n')
    (folder / "pipeline.yaml").write_text(DOCUMENT)
    (folder / "prices" / "us-east-1.json").write_text(json.dumps(PRICES))
    for name, text in (("fit.py", FIT), ("shape.py", SHAPE), ("flaky.py", FLAKY)):
        (folder / "code" / name).write_text(text)
    command = CommandLine(folder)
    server.up(command.state)
    yield command
    server.down(command.state)


@pytest.fixture(scope="module")
def gateway(spender):
    return target.connect(server.find(spender.state))


@pytest.fixture(scope="module")
def first(spender):
    return spender.json("run", ".")


def used(record):
    return {stage["name"]: stage["used"] for stage in record["stages"]}


def test_tuning_used_what_its_training_jobs_used(first, gateway):
    tuning = next(stage for stage in first["stages"] if stage["name"] == "tune")
    sagemaker = gateway.used_times.client
    jobs = [
        sagemaker.describe_training_job(TrainingJobName=name)
        for name in gateway.used_times.trainings(tuning["job"])
    ]
    billed = sum(job["BillableTimeInSeconds"] for job in jobs)
    assert len(jobs) == 2
    assert tuning["used"]["seconds"] == {"ml.m5.large": billed}
    # 50 GB of volume have no price here.
    assert Decimal(tuning["used"]["cost"]) == billed * Decimal("0.01")


def test_glue_run_is_billed_for_a_minute_at_least(first):
    assert used(first)["shape"]["seconds"] == {"glue.pythonshell-small": 60}
    assert used(first)["shape"]["cost"] == "0.0005"  # 1/60 h of 1/16 unit at 0.44


def test_processing_is_billed_by_whole_seconds(first):
    seconds = used(first)["flaky"]["seconds"]["ml.m5.large"]
    assert Decimal(used(first)["flaky"]["cost"]) == seconds * Decimal("0.02")


def test_failed_attempts_count_and_reused_stages_do_not(spender, gateway):
    done = spender("run", ".", "-p", "fail=yes")
    assert done.returncode == 6
    record = spender.json("show", spender.json("runs", "spender")[0]["run"])
    assert record["status"] == "FAILED"
    (flaky,) = [stage for stage in record["stages"] if stage["name"] == "flaky"]
    assert len(flaky["failed_attempts"]) == 1
    jobs = [flaky["failed_attempts"][0]["job"], flaky["job"]]
    times = [gateway.used_times.of("processing", job).seconds["ml.m5.large"] for job in jobs]
    assert flaky["used"]["seconds"] == {"ml.m5.large": sum(times)}
    assert used(record)["tune"] == {"seconds": {}, "saved": 0, "cost": "0.0000", "unpriced": []}
    assert record["cost"]["amount"] == flaky["used"]["cost"]


def test_stopped_run_is_counted_when_its_job_has_stopped(spender, gateway):
    running = spender.start("run", ".", "-p", "seconds=60")
    run = until(lambda: next((r["run"] for r in spender.json("runs") if r["status"] == "RUNNING"), None))
    until(lambda: any(stage["status"] == "RUNNING" and stage["detail"] == "InProgress"
                      for stage in spender.json("show", run)["stages"]))  # fmt: skip
    time.sleep(2)
    assert spender("stop", run).returncode == 0
    running.communicate()
    until(lambda: not gateway.runs.is_open(run))
    until(lambda: usage.count(gateway, run).cost.final)
    record = spender.json("show", run)
    assert record["status"] == "STOPPED"
    assert record["cost"]["final"] is True
    assert used(record)["flaky"]["seconds"]["ml.m5.large"] >= 1
    assert run not in dict(gateway.runs.uncounted())


def test_lost_count_is_made_up_for_by_the_sweeper(spender, gateway, monkeypatch):
    run = spender.json("run", ".", "-p", "seconds=0.1")["run"]
    until(lambda: run not in dict(gateway.runs.uncounted()))
    recorded = spender.json("show", run)["cost"]
    changes = {"status": "RUNNING", "cost": ""}
    assert gateway.runs.transition(run, ["SUCCEEDED"], changes)
    ended = {"status": "SUCCEEDED", "execution": gateway.executions.arn_of(run)}
    assert gateway.runs.transition(run, ["RUNNING"], ended)  # as a function that dies then
    assert run in dict(gateway.runs.uncounted())
    assert spender.json("show", run)["cost"] is None
    sweep(gateway, patience=-1)
    assert run not in dict(gateway.runs.uncounted())
    assert spender.json("show", run)["cost"] == recorded
