"""Python shell job runs in real processes: arguments, modules, logs, results."""

from __future__ import annotations

import io
import os
import signal
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.local.glue.bench import BUCKET, Bench, pythons
from tests.support import processes

from sagemaker_local.state_folder import Server
from stagewright.local import server
from stagewright.local.glue import run as glue_run

pytestmark = pytest.mark.slow

COPY = f"""
import sys, boto3
from awsglue.utils import getResolvedOptions
args = getResolvedOptions(sys.argv, ["source", "my-target"])
s3 = boto3.client("s3")
body = s3.get_object(Bucket="{BUCKET}", Key=args["source"])["Body"].read()
s3.put_object(Bucket="{BUCKET}", Key=args["my_target"], Body=body.upper())
print("copied", len(body))
print("a warning", file=sys.stderr)
"""
SLEEP = "import os, time; print('pid', os.getpid(), flush=True); os.system('sleep 300'); time.sleep(300)"


def test_script_reads_arguments_and_s3_and_writes_two_logs(bench: Bench) -> None:
    bench.put("in.txt", "hello")
    job = bench.job(COPY, DefaultArguments={"--source": "nowhere", "--enable-metrics": ""})
    arguments = {"--source": f"{bench.prefix}/in.txt", "--my-target": f"{bench.prefix}/out.txt"}
    run = bench.run(job, Arguments=arguments)
    assert run["JobRunState"] == "SUCCEEDED", run
    assert bench.get("out.txt") == "HELLO"
    assert (run["Arguments"], run["Attempt"], run["PredecessorRuns"]) == (arguments, 0, [])
    assert (run["MaxCapacity"], run["Timeout"], run["LogGroupName"]) == (
        0.0625,
        2880,
        "/aws-glue/python-jobs",
    )
    assert run["ExecutionTime"] >= 1
    assert run["CompletedOn"] >= run["StartedOn"]
    assert "a warning" not in bench.logged("/aws-glue/python-jobs/output", run["Id"], "copied 5")
    assert "copied 5" not in bench.logged("/aws-glue/python-jobs/error", run["Id"], "a warning")


def test_failed_script_reports_its_last_line(bench: Bench) -> None:
    run = bench.run(bench.job("def f():\n    raise ValueError('no rows')\nf()"))
    assert (run["JobRunState"], run["ErrorMessage"]) == ("FAILED", "ValueError: no rows")
    bench.logged("/aws-glue/python-jobs/error", run["Id"], "ValueError: no rows")
    exited = bench.run(bench.job("import sys; sys.exit(3)", Name=f"{bench.prefix}-2"))
    assert (exited["JobRunState"], exited["ErrorMessage"]) == ("FAILED", "Command failed with exit code 3")


def test_run_sets_its_own_script_and_modules(bench: Bench) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as target:
        target.writestr("package/__init__.py", "NAME = 'zipped'")
    modules = [bench.put("one.py", "NAME = 'plain'"), bench.put("lib.zip", archive.getvalue())]
    script = bench.put("own.py", "import one, package; print(one.NAME, package.NAME)")
    job = bench.job()
    arguments = {"--scriptLocation": script, "--extra-py-files": ",".join(modules)}
    run = bench.run(job, Arguments=arguments)
    assert run["JobRunState"] == "SUCCEEDED", run
    bench.logged("/aws-glue/python-jobs/output", run["Id"], "plain zipped")


def test_non_overridable_arguments_are_not_overridden(bench: Bench) -> None:
    job = bench.job("import sys; print(sys.argv[1:])", NonOverridableArguments={"--a": "job"})
    run = bench.run(job, Arguments={"--a": "run", "--b": ""})
    bench.logged("/aws-glue/python-jobs/output", run["Id"], "['--a', 'job', '--b']")


def test_missing_script_or_argument_fails_the_run(bench: Bench) -> None:
    job = bench.job()
    missing = bench.run(job, Arguments={"--scriptLocation": f"s3://{BUCKET}/none.py"})
    assert missing["JobRunState"] == "FAILED"
    assert "none.py" in missing["ErrorMessage"]
    script = bench.put("s.py", "import sys; from awsglue.utils import *; getResolvedOptions(sys.argv, ['x'])")
    run = bench.run(job, Arguments={"--scriptLocation": script})
    expected = "awsglue.utils.GlueArgumentError: the following arguments are required: --x"
    assert run["ErrorMessage"] == expected


def start_sleeping(bench: Bench, job: str) -> tuple[str, int]:
    """The run's id and its process, once that one is there."""
    run = bench.glue.start_job_run(JobName=job)["JobRunId"]
    bench.until(lambda: bench.look(job, run)["JobRunState"] == "RUNNING")
    file = bench.server.state / "glue/runs" / run / "output.log"
    bench.until(lambda: "pid" in file.read_text())
    return run, processes_of(run)


def processes_of(run: str) -> int:
    return sum(run in line for line in processes.command_lines().values())


def test_stop_ends_the_whole_process_tree(bench: Bench) -> None:
    job = bench.job(SLEEP)
    run, there = start_sleeping(bench, job)
    assert there
    answer = bench.glue.batch_stop_job_run(JobName=job, JobRunIds=[run, "jr_none"])
    assert answer["SuccessfulSubmissions"] == [{"JobName": job, "JobRunId": run}]
    assert answer["Errors"][0]["ErrorDetail"]["ErrorCode"] == "EntityNotFoundException"
    ended = bench.ended(job, run)
    assert ended["JobRunState"] == "STOPPED"
    assert "ErrorMessage" not in ended
    bench.until(lambda: not processes_of(run))
    again = bench.glue.batch_stop_job_run(JobName=job, JobRunIds=[run])
    assert again["Errors"][0]["ErrorDetail"]["ErrorCode"] == "InvalidInputException"


def test_concurrent_runs_are_limited(bench: Bench) -> None:
    job = bench.job(SLEEP, runs=1)
    run, _ = start_sleeping(bench, job)
    with pytest.raises(bench.glue.exceptions.ConcurrentRunsExceededException):
        bench.glue.start_job_run(JobName=job)
    bench.glue.batch_stop_job_run(JobName=job, JobRunIds=[run])
    bench.ended(job, run)
    bench.until(lambda: started(bench, job))
    listed = bench.glue.get_job_runs(JobName=job)["JobRuns"]
    assert [each["Id"] for each in listed][-1] == run
    assert len(listed) == 2
    bench.glue.batch_stop_job_run(JobName=job, JobRunIds=[listed[0]["Id"]])


def started(bench: Bench, job: str) -> bool:
    try:
        return bool(bench.glue.start_job_run(JobName=job))
    except bench.glue.exceptions.ConcurrentRunsExceededException:
        return False


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"JobRunId": "jr_1"}, "JobRunId"),
        ({"JobRunQueuingEnabled": True}, "JobRunQueuingEnabled=True"),
        ({"Arguments": {"--extra-files": "s3://b/x"}}, "--extra-files s3://b/x"),
        ({"Arguments": {"--scriptLocation": "script.py"}}, "as s3://bucket/key"),
        ({"Timeout": 10_081}, "at most 10080 minutes"),
    ],
)
def test_unsupported_request_starts_no_run(bench: Bench, more: dict[str, Any], said: str) -> None:
    job = bench.job("print(1)")
    with pytest.raises(ClientError, match="InvalidInputException") as caught:
        bench.glue.start_job_run(JobName=job, **more)
    assert said in str(caught.value)
    assert bench.glue.get_job_runs(JobName=job)["JobRuns"] == []


def test_missing_job_is_an_error(bench: Bench) -> None:
    with pytest.raises(bench.glue.exceptions.EntityNotFoundException):
        bench.glue.start_job_run(JobName="none")


def test_run_without_pyspark_is_rejected_with_the_remedy(bench: Bench) -> None:
    command = {"Name": "glueetl", "PythonVersion": "3", "ScriptLocation": "s3://b/s.py"}
    job = bench.job(Command=command, GlueVersion="5.0", WorkerType="G.1X", NumberOfWorkers=2)
    with pytest.raises(ClientError, match="pip install pyspark") as caught:
        bench.glue.start_job_run(JobName=job)
    assert "glue-spark-5.0" in str(caught.value)


def test_killed_server_leaves_a_failed_run_and_its_jobs(
    state: Path, bench_of: Callable[[Server], Bench], own_pythons: dict[str, str]
) -> None:
    bench = bench_of(server.up(pythons(state, **own_pythons)))
    job = bench.job(SLEEP)
    run, _ = start_sleeping(bench, job)
    os.kill(bench.server.pid, signal.SIGKILL)
    bench.until(lambda: server.find(state) is None)
    bench.until(lambda: not processes_of(run))
    again = bench_of(server.up(state))
    record = again.look(job, run)
    assert (record["JobRunState"], record["ErrorMessage"]) == ("FAILED", glue_run.INTERRUPTED)
    assert again.glue.get_job(JobName=job)["Job"]["Name"] == job
