"""The commands against a real local server."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest
from tests.support import processes
from tests.support.waiting import PATIENCE, until

from stagewright.api.target import Session
from stagewright.cli.common import live_view
from stagewright.local import server
from stagewright.local.state import INSTALLATION
from stagewright.operator_gateway import OperatorGateway
from stagewright.runs.history.run_history import find_run


def actions(record: dict) -> dict[str, str]:
    return {stage["name"]: stage["action"] for stage in record["stages"]}


@pytest.mark.slow
def test_run_without_a_server_uses_a_temporary_one(alone):
    done = alone("run", ".")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "starting a temporary local server" in done.stderr
    warnings = [line for line in done.stderr.splitlines() if line.startswith("warning: ")]
    assert len(warnings) == 1
    assert warnings[0].endswith(f"runs on {sys.executable}, set in local.toml")
    assert re.search(r"tiny-\S+ succeeded in .*: 4 stages ran, 0 reused", done.stdout)
    assert "product 12" in done.stdout
    assert "next: stagewright predict tiny" in done.stdout
    assert server.find(alone.state) is None
    assert [line for line in processes.command_lines().values() if str(alone.state) in line] == []
    again = alone("run", ".")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "0 stages ran, 4 reused" in again.stdout
    assert "warning: " not in again.stderr
    answer = alone("predict", "tiny", "--data", "2")
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout) == 24


def test_no_wait_without_a_server_is_rejected_before_the_run(alone):
    refused = alone("run", ".", "--no-wait")
    assert refused.returncode == 4
    assert "stagewright up" in refused.stderr
    assert alone.runs() == []


@pytest.mark.slow
def test_repeated_run_reuses_unchanged_stages(served):
    before = served.runs()
    record = served.json("run", ".")
    assert actions(record) == dict.fromkeys(("total", "fit", "check", "serve"), "reuse")
    assert served.runs() == [record["run"], *before]
    assert record["trigger"]["type"] == "manual"


@pytest.mark.slow
def test_force_runs_every_stage(served):
    record = served.json("run", ".", "--force")
    assert set(actions(record).values()) == {"run"}


def test_parameter_reaches_the_job_and_the_endpoint(served):
    record = served.json("run", ".", "-p", "factor=10")
    assert actions(record)["total"] == "reuse"
    assert record["trigger"]["parameters"] == {"factor": 10}
    assert next(stage for stage in record["stages"] if stage["name"] == "fit")["metrics"] == {"product": 60}
    assert served.json("predict", "tiny", "--data", "2")["prediction"] == 120
    served.json("run", ".")
    assert served.json("predict", ".", "--data", "2")["prediction"] == 24


@pytest.mark.slow
def test_changed_code_with_a_parameter_starts_one_run(served):
    before = served.runs()
    code = served.folder / "code" / "fit.py"
    code.write_text(code.read_text() + "# changed\n")
    record = served.json("run", ".", "-p", "factor=3")
    assert record["trigger"]["type"] == "code"
    assert record["trigger"]["parameters"] == {"factor": 3}
    assert served.runs() == [record["run"], *before]


def test_push_starts_a_run_only_after_a_change(served):
    before = served.runs()
    assert served.json("push", ".")["run"] is None
    assert served.runs() == before
    (served.folder / "code" / "notes.txt").write_text("new")
    pushed = served.json("push", ".")
    assert pushed["uploaded"] == ["notes.txt"]
    assert pushed["run"] in served.runs()
    (served.folder / "code" / "notes.txt").unlink()
    assert served.json("push", ".")["removed"] == ["notes.txt"]


def test_plan_prints_reasons_and_starts_nothing(served):
    served.json("run", ".")
    before = served.runs()
    made = served.json("plan", ".", "-p", "factor=7")
    why = {stage["name"]: (stage["action"], stage["reason"]) for stage in made["stages"]}
    assert why["total"][0] == "reuse"
    assert why["fit"][0] == "run"
    assert "factor" in why["fit"][1]
    assert made["stages"][1]["requests"]["CreateTrainingJob"]["HyperParameters"]["factor"] == "7"
    assert served.runs() == before
    assert "wave 1: fit -> check -> serve" in served("plan", ".", "-p", "factor=7").stdout


def test_failed_run_prints_stage_cause_and_next_command(served):
    failed = served("run", ".", "-p", "factor=-1")
    assert failed.returncode == 6
    assert "stage fit:" in failed.stderr
    assert "stage fit: ValueError: a negative factor is of no use (exit code 1)" in failed.stderr
    assert "next: stagewright run . -p factor=-1 (" in failed.stderr
    assert "  | fitting for" in failed.stderr
    run = served.runs()[0]
    assert f"next: stagewright logs {run} fit" in failed.stderr
    as_json = served("run", ".", "-p", "factor=-1", "--json")
    assert as_json.returncode == 6
    assert json.loads(as_json.stdout)["status"] == "FAILED"


def test_failed_gate_exits_6(served):
    closed = served("run", ".", "-p", "least=1000")
    assert closed.returncode == 6
    assert "check" in closed.stderr
    assert "1000" in closed.stderr
    assert "(metrics), or change the threshold (document, set, -p)" in closed.stderr
    assert "has no log" in served("logs", "tiny", "check").stderr


@pytest.mark.slow
def test_show_and_logs_accept_a_pipeline_name(served):
    run = served.json("run", ".", "--force")["run"]
    assert served.json("show", "tiny")["run"] == run
    shown = served("show", run).stdout
    assert run in shown
    assert "SUCCEEDED" in shown
    assert "summed 3 numbers" in served("logs", "tiny", "total").stdout
    lines = served.json("logs", run)["lines"]
    assert {"total", "fit"} <= {line["source"] for line in lines}
    again = served.json("run", ".")["run"]
    reused = served("logs", again, "fit")
    assert "product: 12.0" in reused.stdout
    assert reused.stderr == f"fit was reused from {run}\n"
    followed = served("logs", run, "--follow")
    assert followed.returncode == 0
    assert "product: 12.0" in followed.stdout


def test_missing_run_or_stage_exits_5(served):
    for arguments in (
        ("show", "nothing"),
        ("logs", "tiny", "nostage"),
        ("predict", "nothing", "--data", "1"),
    ):
        failed = served(*arguments)
        assert failed.returncode == 5, failed.stderr
        assert arguments[1 if arguments[0] != "logs" else 2] in failed.stderr


def test_predict_reads_a_file_and_standard_input(served):
    (served.folder / "two.json").write_text("2")
    expected = served.json("predict", "tiny", "--data", "2")["prediction"]
    assert json.loads(served("predict", "tiny", "--input", "two.json").stdout) == expected
    assert json.loads(served("predict", "tiny", given="2").stdout) == expected
    failed = served("predict", "tiny", "--data", "no JSON")
    assert failed.returncode == 4
    assert failed.stdout == ""
    assert "the data was sent as text/csv; set another type with --content-type" in failed.stderr


def test_env_connects_plain_boto3(served):
    script = (
        "import boto3\nprint([bucket['Name'] for bucket in boto3.client('s3').list_buckets()['Buckets']])\n"
    )
    exports = served("env").stdout
    assert all(line.startswith(("export AWS_", "export SAGEMAKER_")) for line in exports.splitlines())
    command = ["sh", "-c", 'eval "$0"; exec "$1" -c "$2"', exports, sys.executable, script]
    done = subprocess.run(
        command, env=served.environment, capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert "stagewright-local" in done.stdout, done.stderr
    assert set(served.json("env")) == {
        line.split("=")[0].removeprefix("export ") for line in exports.splitlines()
    }


def wait_for(process: subprocess.Popen[str], text: str) -> str:
    """What the process has said on standard error up to the line with `text`."""
    said = ""
    for line in process.stderr:
        said += line
        if text in line:
            return said
    pytest.fail(f"it ended without saying {text!r}: {said}")


def test_stop_ends_the_run_and_its_job(served):
    run = served.json("run", ".", "-p", "seconds=300", "--no-wait")["run"]

    def is_fitting() -> bool:
        stages = served.json("show", run)["stages"]
        return ("fit", "RUNNING") in {(stage["name"], stage["status"]) for stage in stages}

    until(is_fitting)
    stopped = served.json("stop", run)
    assert stopped["status"] == "STOPPED"
    assert served("stop", run).returncode == 6


@pytest.mark.slow
def test_ctrl_c_without_a_terminal_stops_the_run(served):
    process = served.start("run", ".", "-p", "seconds=301")
    wait_for(process, "fit  RUNNING")
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 6, said
    assert "STOPPED" in said
    assert served.json("show", "tiny")["status"] == "STOPPED"


def test_stop_on_aws_records_the_caller_arn(served):
    run = served.json("run", ".", "-p", "seconds=303", "--no-wait")["run"]
    running = server.find(served.state)
    gateway = OperatorGateway.connect(INSTALLATION, running.url, running.access_key, running.secret_key)
    assert live_view.stop_if_confirmed(Session(gateway, "dev"), run)
    until(lambda: served.json("show", run)["status"] == "STOPPED")
    arn = gateway.caller.arn()
    assert arn.startswith("arn:aws:")
    assert served.json("show", run)["reason"] == f"stopped by {arn}"


def test_rejected_run_is_listed_without_a_duration(served):
    running = server.find(served.state)
    gateway = OperatorGateway.connect(INSTALLATION, running.url, running.access_key, running.secret_key)
    gateway.queue.send({"pipeline": "nobodys", "request": "once", "by": "test"})
    run = until(lambda: find_run(gateway, "manual:once"))
    assert run in [each["run"] for each in served.json("runs")]
    shown = served("show", run).stdout
    assert shown.splitlines()[0].startswith(f"{run}: REJECTED: ")
    assert "took" not in shown
    assert "stage" not in shown.splitlines()[-1]


def read_until(terminal: int, text: str) -> str:
    said, deadline = "", time.monotonic() + PATIENCE
    while text not in said:
        assert time.monotonic() < deadline, said
        if select.select([terminal], [], [], 0.5)[0]:
            said += os.read(terminal, 65_536).decode(errors="replace")
    return said


def read_to_the_end(terminal: int) -> None:
    """A process that writes to a terminal which nobody reads waits for ever."""
    with suppress(OSError):  # Linux's answer where nobody holds the other side
        while os.read(terminal, 65_536):
            pass


@pytest.mark.slow
def test_ctrl_c_on_a_terminal_asks_and_no_continues(served):
    leader, follower = pty.openpty()
    process = served.start("run", ".", "-p", "seconds=302", stdin=follower, stdout=follower, stderr=follower)
    os.close(follower)
    try:
        read_until(leader, "RUNNING")
        process.send_signal(signal.SIGINT)
        read_until(leader, "and its jobs?")
        os.write(leader, b"n\n")
        read_until(leader, "RUNNING")
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        read_until(leader, "and its jobs?")
        os.write(leader, b"y\n")
        read_until(leader, "STOPPED")
        read_to_the_end(leader)
        assert process.wait(PATIENCE) == 6
    finally:
        os.close(leader)
        process.kill()
        process.wait()


def test_endpoints_lists_version_since_and_until(served):
    served("run", ".", "-p", "factor=11")
    (found,) = served.json("endpoints")
    run = served.runs()[0]
    assert (found["endpoint"], found["state"], found["run"]) == ("tiny-local", "InService", run)
    assert found["serves"].startswith(run)
    assert (found["until"], found["stage"], len(found["kept"]) > 0) == ("", "serve", True)
    header, line = served("endpoints").stdout.splitlines()
    assert header.split() == [
        "endpoint",
        "state",
        "serves",
        "since",
        "until",
        "run",
        "kept",
        "rolled",
        "back",
    ]
    assert line.startswith(f"tiny-local  InService  {found['serves']}")


@pytest.mark.slow
def test_rollback_endpoint_restores_a_version_that_the_next_run_keeps(served):
    for factor in (13, 14):
        assert served("run", ".", "-p", f"factor={factor}").returncode == 0
    (before,) = served.json("endpoints")
    assert served.json("predict", "tiny", "--data", "2")["prediction"] == 168
    gone = served("rollback-endpoint", ".", "--reason", " too high ")
    assert (gone.returncode, gone.stdout) == (0, f"tiny-local serves {before['kept'][0]} again\n"), (
        gone.stderr
    )
    assert f"tiny-local: from {before['serves']} to {before['kept'][0]}" in gone.stderr
    assert served.json("predict", "tiny", "--data", "2")["prediction"] == 156
    (found,) = served.json("endpoints")
    assert found["serves"] == before["kept"][0]
    assert found["kept"][0] == before["serves"]
    (back,) = found["rollbacks"]
    assert (back["why"], back["outcome"], back["after"]) == ("too high", "serves", before["run"])
    assert (found["since"], found["rolled_back"]) == (back["at"], back)
    assert served("endpoints").stdout.splitlines()[1].endswith(f" by {back['by']}: too high")
    nightly = served("run", ".", "-p", "factor=14")
    assert nightly.returncode == 0
    assert f"endpoint tiny-local serves {found['serves']} since {back['by']} rolled it back" in (
        served("plan", ".", "-p", "factor=14").stdout
    )
    assert served.json("predict", "tiny", "--data", "2")["prediction"] == 156
    insisted = served("run", ".", "-p", "factor=14", "--from", "serve")
    assert insisted.returncode == 0, insisted.stderr
    assert served.json("predict", "tiny", "--data", "2")["prediction"] == 168
    assert served("endpoints").stdout.splitlines()[1].endswith(" -")


@pytest.fixture(scope="module")
def deployed_twice(served):
    """The endpoint has an earlier version to go back to."""
    for factor in (21, 22):
        done = served("run", ".", "-p", f"factor={factor}")
        assert done.returncode == 0, done.stdout + done.stderr
    return served


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("nothing",), 5, "nothing has deployed no endpoint"),
        (("tiny", "--stage", "fit"), 5, "tiny has deployed no endpoint in stage fit"),
        (("tiny", "--to", "elsewhere"), 5, "elsewhere is not kept (endpoint tiny-local)"),
        (("tiny", "--reason", "x" * 1001), 2, "at most 1,000 characters"),
    ],
)
def test_invalid_endpoint_rollback_is_rejected(deployed_twice, arguments, code, said):
    before = deployed_twice.json("endpoints")
    refused = deployed_twice("rollback-endpoint", *arguments)
    assert (refused.returncode, refused.stdout) == (code, "")
    assert said in " ".join(refused.stderr.replace("\u2502", " ").split())
    assert deployed_twice.json("endpoints") == before


@pytest.mark.slow
def test_run_with_date_starts_one_run_of_that_date(served):
    for number, date in enumerate(("2024-03", "2024-04-05")):
        if number:
            script = served.folder / "code" / "total.py"
            script.write_text(script.read_text() + "# for a date\n")
        run = served.json("run", ".", "--date", date)
        assert (run["status"], run["trigger"]["type"], run["trigger"]["date"]) == (
            "SUCCEEDED",
            "code" if number else "manual",
            date,
        )
    listed = served("runs", "tiny").stdout.splitlines()
    assert listed[0].split()[:4] == ["run", "state", "trigger", "date"]
    assert "2024-04-05" in listed[1]
    assert served.json("plan", ".", "--date", "2024-05")["trigger"]["date"] == "2024-05"


@pytest.mark.slow
def test_down_lists_stopped_and_waiting_runs(alone):
    assert alone("up").returncode == 0
    first = alone.json("run", ".", "-p", "seconds=302", "--no-wait")["run"]
    until(lambda: alone.json("show", first)["status"] == "RUNNING")
    second = alone.json("run", ".", "--no-wait")["run"]
    done = alone("down")
    assert done.returncode == 0, done.stderr
    assert f"stopped {first}" in done.stdout
    assert f"{second} waits and continues when the server is up again" in done.stdout
    assert f"resume {first} (reuses the results of successful stages)" in done.stdout
    assert alone("up").returncode == 0
    until(lambda: alone.json("show", second)["status"] == "SUCCEEDED")
    assert alone.json("show", first)["status"] == "STOPPED"
