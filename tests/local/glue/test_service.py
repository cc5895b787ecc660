"""The service without a server: timeout, packages, events, close."""

from __future__ import annotations

import sys
import venv
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.local.glue.bench import BUCKET, ROLE, client, pythons
from tests.sagemaker_local.images.test_environments import wheel
from tests.sagemaker_local.meanwhile import Meanwhile
from tests.support import processes
from tests.support.waiting import until

from sagemaker_local.logs.log_stream import Logs
from sagemaker_local.sandbox.launcher import Command, Launcher
from sagemaker_local.settings import Settings
from sagemaker_local.state_folder import Server
from stagewright.local.glue import run as glue_run
from stagewright.local.glue.service import Glue

pytestmark = pytest.mark.slow

Events = list[tuple[str, dict[str, Any]]]
SLEEP = "import time; time.sleep(300)"


@pytest.fixture
def events() -> Events:
    return []


@pytest.fixture
def make(glue_server: Server, tmp_path: Path, events: Events) -> Iterator[Callable[[], Glue]]:
    root = pythons(tmp_path, **{"glue_pythonshell_3.9": sys.executable}) / "glue"
    server = glue_server
    settings = Settings(root, server.url, server.access_key, server.secret_key)
    made: list[Glue] = []
    launcher, logs = Launcher(), Logs()

    def glue() -> Glue:
        made.append(Glue(settings, lambda kind, detail: events.append((kind, detail)), launcher, logs))
        made[-1].start()
        return made[-1]

    yield glue
    for each in made:
        each.close()
    launcher.close()


def start(glue: Glue, server: Server, name: str, script: str, **more: Any) -> dict[str, str]:
    with closing(client(server, "s3")) as s3:
        s3.put_object(Bucket=BUCKET, Key=f"service/{name}.py", Body=script.encode())
    place = f"s3://{BUCKET}/service/{name}.py"
    command = {"Name": "pythonshell", "PythonVersion": "3.9", "ScriptLocation": place}
    glue.call("CreateJob", {"Name": name, "Role": ROLE, "Command": command})
    run = glue.call("StartJobRun", {"JobName": name, **more})["JobRunId"]
    return {"JobName": name, "RunId": run}


def once(glue: Glue, run: dict[str, str], *states: str) -> dict[str, Any]:
    """The run, once it is in one of these."""
    until(lambda: glue.call("GetJobRun", run)["JobRun"]["JobRunState"] in states)
    return dict(glue.call("GetJobRun", run)["JobRun"])


def test_run_that_exceeds_its_timeout_is_stopped(
    make: Callable[[], Glue], glue_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(glue_run, "MINUTE", 0.2)
    glue = make()
    record = once(glue, start(glue, glue_server, "late", SLEEP, Timeout=2), "TIMEOUT")
    assert "timeout of 2 minutes" in record["ErrorMessage"]


def test_end_of_a_run_publishes_an_event(
    make: Callable[[], Glue], glue_server: Server, events: Events
) -> None:
    glue = make()
    good, bad = (start(glue, glue_server, name, text) for name, text in (("good", ""), ("bad", "1 / 0")))
    once(glue, good, "SUCCEEDED")
    once(glue, bad, "FAILED")
    until(lambda: len(events) == 2)
    record = {detail["jobRunId"]: (kind, detail) for kind, detail in events}
    kind, detail = record[good["RunId"]]
    assert (kind, detail["state"], detail["severity"]) == ("Glue Job State Change", "SUCCEEDED", "INFO")
    _, detail = record[bad["RunId"]]
    assert (detail["jobName"], detail["severity"]) == ("bad", "ERROR")
    assert detail["message"] == "ZeroDivisionError: division by zero"


def test_closed_service_has_stopped_its_runs_and_accepts_no_more(
    make: Callable[[], Glue], glue_server: Server
) -> None:
    glue = make()
    run = start(glue, glue_server, "sleeper", SLEEP)
    once(glue, run, "RUNNING")
    glue.close()
    record = once(make(), run, "FAILED")
    assert record["ErrorMessage"] == glue_run.INTERRUPTED


@pytest.mark.parametrize("before", [True, False])
def test_run_can_be_stopped_while_its_process_starts(
    make: Callable[[], Glue], glue_server: Server, monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    glue = make()

    def stop(_launcher: Launcher, command: Command) -> None:
        run = command.folder.parent.name
        answer = glue.call("BatchStopJobRun", {"JobName": f"early-{before}", "JobRunIds": [run]})
        assert answer["Errors"] == []

    seen = Meanwhile(monkeypatch, Launcher, "start", stop, before=before)
    run = start(glue, glue_server, f"early-{before}", SLEEP)
    once(glue, run, "STOPPED")
    assert (seen.called, seen.errors) == (1, [])
    until(lambda: not any(run["RunId"] in line for line in processes.command_lines().values()))


def test_visible_run_can_be_stopped_or_has_ended(
    make: Callable[[], Glue], glue_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service closes after the run's record is stored and before its thread starts."""
    glue = make()
    store = glue._context.store

    def close(kind: str, *_: Any) -> None:
        if kind == glue_run.KIND:
            monkeypatch.undo()
            glue._runs.close()

    seen = Meanwhile(monkeypatch, store, "put", close, before=False)
    run = start(glue, glue_server, "closing", SLEEP)
    assert once(glue, run, "FAILED")["ErrorMessage"] == glue_run.INTERRUPTED
    assert seen.errors == []


def test_packages_are_installed_for_the_run(
    make: Callable[[], Glue], glue_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A local wheel is installed into the run's own environment."""
    wheel(tmp_path, "part", "2.0", "VERSION = '2.0'\n")
    monkeypatch.setenv("SAGEMAKER_LOCAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(tmp_path))
    venv.create(tmp_path / "bare", symlinks=True)
    glue = make()
    pythons(tmp_path, **{"glue_pythonshell_3.9": str(tmp_path / "bare/bin/python")})
    script = "import part; assert part.VERSION == '2.0', part"
    asked = {"--additional-python-modules": "part==2.0"}
    once(glue, start(glue, glue_server, "packed", script, Arguments=asked), "SUCCEEDED")
    run = glue.call("StartJobRun", {"JobName": "packed", "Arguments": {"--a": "1"}})["JobRunId"]
    record = once(glue, {"JobName": "packed", "RunId": run}, "FAILED")
    assert record["ErrorMessage"] == "ModuleNotFoundError: No module named 'part'"
