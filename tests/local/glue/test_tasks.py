"""Glue tasks in a state machine: success, failure, stop, rejected requests."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from tests.local.glue.bench import Bench

SLEEP = "import time; time.sleep(300)"
SYNC = "arn:aws:states:::glue:startJobRun.sync"
SDK = "arn:aws:states:::aws-sdk:glue:"


def start(bench: Bench, arguments: dict[str, Any], resource: str = SYNC, **more: Any) -> str:
    sfn = bench.connect("stepfunctions")
    state = {"Type": "Task", "Resource": resource, "Arguments": arguments, "End": True, **more}
    definition = {"QueryLanguage": "JSONata", "StartAt": "Run", "States": {"Run": state}}
    machine = sfn.create_state_machine(
        name=f"{bench.prefix[:60]}-{uuid.uuid4().hex[:8]}",
        definition=json.dumps(definition),
        roleArn="arn:aws:iam::000000000000:role/r",
    )["stateMachineArn"]
    return str(sfn.start_execution(stateMachineArn=machine)["executionArn"])


def result(bench: Bench, execution: str) -> dict[str, Any]:
    sfn = bench.connect("stepfunctions")
    bench.until(lambda: sfn.describe_execution(executionArn=execution)["status"] != "RUNNING")
    return dict(sfn.describe_execution(executionArn=execution))


def runs(bench: Bench, job: str) -> list[dict[str, Any]]:
    return list(bench.glue.get_job_runs(JobName=job)["JobRuns"])


def test_sync_waits_and_returns_the_run(bench: Bench) -> None:
    job = bench.job("import sys; print(sys.argv[1:])")
    task = {"JobName": job, "Arguments": {"--month": "2026-10"}, "Timeout": 7}
    outcome = result(bench, start(bench, task))
    assert outcome["status"] == "SUCCEEDED", outcome
    output = json.loads(outcome["output"])
    (run,) = runs(bench, job)
    assert (output["Id"], output["JobName"], output["JobRunState"]) == (run["Id"], job, "SUCCEEDED")
    assert (output["Arguments"], output["Timeout"]) == ({"--month": "2026-10"}, 7)
    assert output["CompletedOn"] == round(run["CompletedOn"].timestamp() * 1000)
    bench.logged("/aws-glue/python-jobs/output", run["Id"], "['--month', '2026-10']")


def test_task_without_sync_returns_the_run_id(bench: Bench) -> None:
    job = bench.job("print(1)")
    outcome = result(bench, start(bench, {"JobName": job}, SYNC.removesuffix(".sync")))
    output = json.loads(outcome["output"])
    assert output == {"JobName": job, "JobRunId": output["JobRunId"]}
    assert bench.ended(job, output["JobRunId"])["JobRunState"] == "SUCCEEDED"


def test_failed_run_is_the_cause(bench: Bench) -> None:
    job = bench.job("raise KeyError('month')")
    outcome = result(bench, start(bench, {"JobName": job}))
    assert (outcome["status"], outcome["error"]) == ("FAILED", "States.TaskFailed")
    cause = json.loads(outcome["cause"])
    assert (cause["JobRunState"], cause["ErrorMessage"]) == ("FAILED", "KeyError: 'month'")


def test_stopped_execution_stops_its_run(bench: Bench) -> None:
    job = bench.job(SLEEP)
    execution = start(bench, {"JobName": job})
    bench.until(lambda: [run["JobRunState"] for run in runs(bench, job)] == ["RUNNING"])
    bench.connect("stepfunctions").stop_execution(executionArn=execution)
    bench.until(lambda: [run["JobRunState"] for run in runs(bench, job)] == ["STOPPED"])
    assert result(bench, execution)["status"] == "ABORTED"


def test_timeout_of_the_task_leaves_its_run_to_its_own_limit(bench: Bench) -> None:
    """AWS does not document that a timeout stops it."""
    job = bench.job(SLEEP)
    outcome = result(bench, start(bench, {"JobName": job}, TimeoutSeconds=1))
    assert outcome["error"] == "States.Timeout"
    (run,) = runs(bench, job)
    assert run["JobRunState"] in ("STARTING", "RUNNING")
    bench.glue.batch_stop_job_run(JobName=job, JobRunIds=[run["Id"]])
    bench.until(lambda: [run["JobRunState"] for run in runs(bench, job)] == ["STOPPED"])


def test_sdk_tasks_find_and_stop_a_run(bench: Bench) -> None:
    """As the state machine does with a run that takes too long."""
    job = bench.job(SLEEP)
    run = bench.glue.start_job_run(JobName=job, Arguments={"--stagewright-job": "a"})["JobRunId"]
    found = result(bench, start(bench, {"JobName": job, "MaxResults": 5}, f"{SDK}getJobRuns"))
    (listed,) = json.loads(found["output"])["JobRuns"]
    assert (listed["Id"], listed["Arguments"]) == (run, {"--stagewright-job": "a"})
    assert listed["StartedOn"].endswith("Z")
    stop = {"JobName": job, "JobRunIds": [run, "jr_none"]}
    stopped = json.loads(result(bench, start(bench, stop, f"{SDK}batchStopJobRun"))["output"])
    assert [each["JobRunId"] for each in stopped["SuccessfulSubmissions"]] == [run]
    assert [each["JobRunId"] for each in stopped["Errors"]] == ["jr_none"]
    assert bench.ended(job, run)["JobRunState"] == "STOPPED"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"JobName": "none"}, "Glue.EntityNotFoundException"),
        ({"JobName": "x", "MaxResults": 0}, "Glue.GlueException"),
    ],
)
def test_errors_of_sdk_tasks(bench: Bench, arguments: dict[str, Any], error: str) -> None:
    assert result(bench, start(bench, arguments, f"{SDK}getJobRuns"))["error"] == error


def test_stopped_run_fails_the_task(bench: Bench) -> None:
    job = bench.job(SLEEP)
    execution = start(bench, {"JobName": job})
    bench.until(lambda: runs(bench, job))
    bench.glue.batch_stop_job_run(JobName=job, JobRunIds=[runs(bench, job)[0]["Id"]])
    outcome = result(bench, execution)
    assert outcome["error"] == "States.TaskFailed"
    assert json.loads(outcome["cause"])["JobRunState"] == "STOPPED"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"JobName": "none"}, "Glue.EntityNotFoundException"),
        ({"JobName": "none", "Timeout": 0}, "Glue.AWSGlueException"),
        ({"JobName": "none", "JobRunQueuingEnabled": True}, "States.Runtime"),
    ],
)
def test_errors_have_the_names_of_the_integration(
    bench: Bench, arguments: dict[str, Any], error: str
) -> None:
    assert result(bench, start(bench, arguments))["error"] == error


def test_too_many_concurrent_runs_fail_the_task(bench: Bench) -> None:
    job = bench.job(SLEEP, runs=1)
    run = bench.glue.start_job_run(JobName=job)["JobRunId"]
    outcome = result(bench, start(bench, {"JobName": job}))
    assert outcome["error"] == "Glue.ConcurrentRunsExceededException"
    assert f"Concurrent runs exceeded for {job}" in outcome["cause"]
    bench.glue.batch_stop_job_run(JobName=job, JobRunIds=[run])


def test_other_operations_are_not_recognized(bench: Bench) -> None:
    outcome = result(bench, start(bench, {"JobName": "x"}, "arn:aws:states:::glue:getJobRun"))
    assert outcome["error"] == "States.Runtime"
