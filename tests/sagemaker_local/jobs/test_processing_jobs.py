"""Processing jobs in real processes."""

from __future__ import annotations

import json
import os
import sqlite3

import pytest
from tests.support import processes

from sagemaker_local.api.protocol import ApiError

A_WHILE = f"600.{os.getpid()}"
"""Seconds, by which what is left is told from what others of this machine have started."""
SUM = """
import json, pathlib, sys
rows = pathlib.Path('/opt/ml/processing/input/raw/a.csv').read_text().split()
folder = pathlib.Path('/opt/ml/processing/output/sums/deep')
folder.mkdir()
(folder / 'sum.json').write_text(json.dumps({'sum': sum(map(int, rows)), 'arguments': sys.argv[1:]}))
pathlib.Path('/opt/ml/output/message').write_text('all is well')
print('summed')
"""


def outputs(*outputs):
    return {"Outputs": list(outputs)}


def test_processing_job_reads_inputs_and_uploads_outputs(bench):
    data = bench.put("raw/a.csv", "1\n2\n")
    bench.put("raw/more/b.csv", "9\n")
    answer = bench.process(
        "sums",
        SUM,
        inputs=[bench.s3_input("raw", bench.uri("raw/"), "/opt/ml/processing/input/raw")],
        ProcessingOutputConfig=outputs(
            bench.s3_output("sums", bench.uri("out"), "/opt/ml/processing/output/sums")
        ),
        AppSpecification={
            "ImageUri": "plain-python",
            "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/script.py"],
            "ContainerArguments": ["--month", "2010-01"],
        },
    )
    assert data.startswith("s3://")
    assert answer == {"ProcessingJobArn": "arn:aws:sagemaker:us-east-1:000000000000:processing-job/sums"}
    job = bench.ended("sums")
    assert job["ProcessingJobStatus"] == "Completed", job
    assert job["ExitMessage"] == "all is well"
    assert job["CreationTime"] <= job["ProcessingStartTime"] <= job["ProcessingEndTime"]
    assert json.loads(bench.get("out/deep/sum.json")) == {"sum": 3, "arguments": ["--month", "2010-01"]}
    assert "summed\n" in bench.log("sums")
    assert "FailureReason" not in job


def test_empty_output_is_named_in_the_log(bench):
    folders = {name: f"/opt/ml/processing/{name}" for name in ("made", "nothing")}
    wanted = outputs(*(bench.s3_output(name, bench.uri(name), path) for name, path in folders.items()))
    bench.process(
        "half", "open('/opt/ml/processing/made/a.txt', 'w').write('a')", ProcessingOutputConfig=wanted
    )
    assert bench.ended("half")["ProcessingJobStatus"] == "Completed"
    assert bench.get("made/a.txt") == b"a"
    assert "WARNING: the job wrote nothing to its output /opt/ml/processing/nothing\n" in bench.log("half")
    assert "output /opt/ml/processing/made" not in bench.log("half")


def test_failure_reason_has_the_exception_and_the_exit_code(bench):
    bench.process("fails", "import sys\nprint('before')\nraise ValueError('no rows in a.csv')")
    job = bench.ended("fails")
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: ValueError: no rows in a.csv, exit code: 1"


def test_failure_reason_has_the_end_of_the_log_and_the_exit_code(bench):
    bench.process("exits", "import sys\nprint('disk is full')\nsys.exit(7)")
    assert bench.ended("exits")["FailureReason"] == "AlgorithmError: disk is full, exit code: 7"


def test_job_killed_by_a_signal_reports_128_plus_its_number(bench):
    bench.process("killed", "import os\nos.kill(os.getpid(), 9)")
    assert bench.ended("killed")["FailureReason"].endswith("exit code: 137")


def test_failed_job_uploads_only_continuous_outputs(bench):
    script = (
        "import pathlib\nfor name in ('end', 'always'):\n"
        "    pathlib.Path(f'/opt/ml/processing/{name}/x').touch()\nraise SystemExit(1)"
    )
    bench.process(
        "partial",
        script,
        ProcessingOutputConfig=outputs(
            bench.s3_output("end", bench.uri("end"), "/opt/ml/processing/end"),
            bench.s3_output("always", bench.uri("always"), "/opt/ml/processing/always", "Continuous"),
        ),
    )
    bench.ended("partial")
    assert [key for key in bench.keys("") if key.endswith("/x")] == ["always/x"]


def test_two_jobs_at_once_each_see_their_own_folder(bench, tmp_path):
    """Each job waits until the other has written its file."""
    script = f"""
import pathlib, sys, time
mine = pathlib.Path('/opt/ml/processing/mine')
mine.write_text(sys.argv[1])
written = pathlib.Path({str(tmp_path)!r})
(written / ('written-' + sys.argv[1])).touch()
while len(list(written.glob('written-*'))) < 2:
    time.sleep(0.01)
pathlib.Path('/opt/ml/processing/output/result/seen').write_text(mine.read_text())
"""
    for name in ("one", "two"):
        bench.process(
            name,
            script,
            AppSpecification={
                "ImageUri": "plain-python",
                "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/script.py", name],
            },
            ProcessingOutputConfig=outputs(
                bench.s3_output("r", bench.uri(f"out/{name}"), "/opt/ml/processing/output/result")
            ),
        )
    both = [bench.ended(name) for name in ("one", "two")]
    assert both[0]["ProcessingStartTime"] < both[1]["ProcessingEndTime"]
    assert both[1]["ProcessingStartTime"] < both[0]["ProcessingEndTime"]
    assert [bench.get(f"out/{name}/seen").decode() for name in ("one", "two")] == ["one", "two"]


def test_stop_ends_the_process_tree_and_processes_that_left_the_session(bench):
    bench.process(
        "stops",
        f"import subprocess, time\nsubprocess.Popen(['sleep', '{A_WHILE}'], start_new_session=True)\n"
        "print('ready', flush=True)\ntime.sleep(600)",
    )
    bench.until(lambda: "ready" in bench.log("stops") and running(A_WHILE))
    bench.service.call("StopProcessingJob", {"ProcessingJobName": "stops"})
    assert bench.describe("stops", "Processing")["ProcessingJobStatus"] in ("Stopping", "Stopped")
    assert bench.ended("stops")["ProcessingJobStatus"] == "Stopped"
    assert not running(A_WHILE)


def test_job_that_ignores_the_signal_is_killed_after_the_grace_period(bench):
    script = (
        "import signal, time\nsignal.signal(15, signal.SIG_IGN)\nprint('ready', flush=True)\ntime.sleep(600)"
    )
    bench.process("stubborn", script)
    bench.until(lambda: "ready" in bench.log("stubborn"))
    bench.service.call("StopProcessingJob", {"ProcessingJobName": "stubborn"})
    assert bench.ended("stubborn")["ProcessingJobStatus"] == "Stopped"


def test_stop_of_an_ended_job_is_rejected(bench):
    bench.process("over", "pass")
    bench.ended("over")
    with pytest.raises(
        ApiError, match="The request was rejected because the processing job is in status Completed"
    ):
        bench.service.call("StopProcessingJob", {"ProcessingJobName": "over"})


def test_max_runtime_stops_the_job(bench):
    bench.process("long", "import time\ntime.sleep(600)", StoppingCondition={"MaxRuntimeInSeconds": 1})
    job = bench.ended("long")
    assert job["ProcessingJobStatus"] == "Stopped"
    assert "MaxRuntimeExceeded" in job["FailureReason"]


def test_processing_job_cannot_reach_the_users_account(bench, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "secret-token")
    monkeypatch.setenv("MY_PASSWORD", "secret-token")
    script = """
import json, os, pathlib
env = dict(os.environ)
env['aws'] = sorted(os.listdir(os.path.expanduser('~/.aws')))
env['sizes'] = sum(os.path.getsize(os.path.expanduser('~/.aws/' + name)) for name in env['aws'])
pathlib.Path('/opt/ml/processing/out/env.json').write_text(json.dumps(env))
"""
    bench.process(
        "alone",
        script,
        Environment={"AWS_ACCESS_KEY_ID": "other", "AWS_PROFILE": "other", "MONTH": "2010-01"},
        ProcessingOutputConfig=outputs(bench.s3_output("o", bench.uri("out"), "/opt/ml/processing/out")),
    )
    bench.ended("alone")
    env = json.loads(bench.get("out/env.json"))
    assert env["AWS_ACCESS_KEY_ID"] == bench.settings.access_key
    assert env["AWS_ENDPOINT_URL"] == bench.settings.url
    assert env["AWS_EC2_METADATA_DISABLED"] == "true"
    assert env["MONTH"] == "2010-01"
    assert env["PROCESSING_JOB_ARN"].endswith(":processing-job/alone")
    assert (env["aws"], env["sizes"]) == (["config", "credentials"], 0)
    assert "AWS_PROFILE" not in env
    assert "secret-token" not in json.dumps(env)
    assert "WARNING: Environment.AWS_PROFILE is not passed on" in bench.log("alone")


def test_shell_script_uses_the_python_of_the_environment(bench):
    bench.put(
        "code/run.sh", "set -e\npython -c 'import sys; print(sys.prefix)' > /opt/ml/processing/out/prefix\n"
    )
    bench.process(
        "shell",
        "",
        inputs=[bench.s3_input("sh", bench.uri("code/"), "/opt/ml/processing/input/sh")],
        AppSpecification={
            "ImageUri": "plain-python",
            "ContainerEntrypoint": ["/bin/bash", "/opt/ml/processing/input/sh/run.sh"],
        },
        ProcessingOutputConfig=outputs(bench.s3_output("o", bench.uri("out"), "/opt/ml/processing/out")),
    )
    assert bench.ended("shell")["ProcessingJobStatus"] == "Completed", bench.log("shell")
    assert bench.get("out/prefix").decode().strip() == str(
        bench.settings.root / "jobs/processing/shell/python"
    )


def test_missing_input_fails_the_job_with_its_uri(bench):
    nowhere = bench.s3_input("raw", bench.uri("nothing/"), "/opt/ml/processing/input/raw")
    bench.process("empty", "pass", inputs=[nowhere])
    reason = bench.ended("empty")["FailureReason"]
    assert reason.startswith("ClientError: Data download failed: No S3 objects found under S3 URL")
    assert bench.uri("nothing/") in reason


def test_unknown_image_fails_the_job_with_the_known_images(bench):
    request = {"ImageUri": "nobodys-image:1", "ContainerEntrypoint": ["python3", "-c", "pass"]}
    bench.process("imageless", "", AppSpecification=request)
    reason = bench.ended("imageless")["FailureReason"]
    assert reason.startswith("ClientError: there is no Python environment for the image nobodys-image:1")
    assert "sklearn-1.4" in reason


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (
            {"ProcessingInputs": [{"InputName": "x", "DatasetDefinition": {}}]},
            "ProcessingInputs.DatasetDefinition",
        ),
        ({"AppSpecification": {"ImageUri": "plain-python"}}, "AppSpecification without ContainerEntrypoint"),
    ],
)
def test_fields_that_could_change_a_result_are_rejected(bench, change, field):
    with pytest.raises(ApiError) as caught:
        bench.process("rejected", "pass", **change)
    assert caught.value.code == "ValidationException"
    assert caught.value.message.startswith(f"not supported by the local SageMaker: {field}")


def test_fields_without_effect_are_named_in_the_log(bench):
    bench.process("private", "pass", NetworkConfig={"EnableInterContainerTrafficEncryption": True})
    assert bench.ended("private")["ProcessingJobStatus"] == "Completed"
    log = bench.log("private")
    assert "WARNING: NetworkConfig.EnableInterContainerTrafficEncryption has no effect" in log


def test_duplicate_names_and_missing_jobs_are_rejected(bench):
    bench.process("once", "pass")
    with pytest.raises(ApiError) as caught:
        bench.process("once", "pass")
    assert caught.value.code == "ResourceInUse"
    with pytest.raises(ApiError) as caught:
        bench.describe("never", "Processing")
    assert (caught.value.code, caught.value.message) == (
        "ValidationException",
        "Could not find requested job with name: never",
    )


def test_every_change_of_state_is_published(bench):
    bench.process("told", "pass", Tags=[{"Key": "team", "Value": "a"}])
    job = bench.ended("told")
    bench.until(lambda: bench.events and bench.events[-1][1]["ProcessingJobStatus"] == "Completed")
    kinds = {kind for kind, _ in bench.events}
    last = bench.events[-1][1]
    assert kinds == {"SageMaker Processing Job State Change"}
    assert bench.events[0][1]["ProcessingJobStatus"] == "InProgress"
    assert last["ProcessingJobArn"] == job["ProcessingJobArn"]
    assert last["ProcessingEndTime"] == round(job["ProcessingEndTime"].timestamp() * 1000)
    assert last["Tags"] == {"team": "a"}


def test_ended_job_keeps_only_its_log(bench):
    bench.process("tidy", "print('hello')")
    bench.ended("tidy")
    folder = bench.settings.root / "jobs/processing/tidy"
    bench.until(lambda: {entry.name for entry in folder.iterdir()} == {"log", "log.times"})
    assert (folder / "log").read_text().endswith("hello\n")


def running(argument: str) -> list[int]:
    """Processes that have this argument."""
    lines = processes.command_lines().items()
    return [process for process, line in lines if line == f"sleep {argument}"]


def test_job_that_fills_the_disk_frees_space_for_its_final_record(bench, monkeypatch):
    context = bench.service._context
    put = context.store.put

    def full(kind, name, record):
        left = context.settings.root / "jobs" / "processing" / name / "ml"
        if record.get("ProcessingJobStatus") == "Failed" and left.exists():
            raise sqlite3.OperationalError("database or disk is full")
        put(kind, name, record)

    monkeypatch.setattr(context.store, "put", full)
    bench.process("filling", "raise OSError(28, 'No space left on device')")
    assert "No space left on device" in bench.ended("filling")["FailureReason"]
