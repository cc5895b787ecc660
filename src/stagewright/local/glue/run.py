"""The life of one job run: its thread, its process, its two logs, its record, and how it ended."""

from __future__ import annotations

import logging
import os
import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from sagemaker_local.api.protocol import ApiError
from sagemaker_local.errors import JobEnvironmentError, JobFailure
from sagemaker_local.images.environments import Environment
from sagemaker_local.images.overlay import lay_over
from sagemaker_local.jobs.host_process import LINE_LIMIT, exception_in
from sagemaker_local.jobs.job_environment import base_environment
from sagemaker_local.logs import LogStream
from sagemaker_local.resource import now
from sagemaker_local.sandbox.launcher import Command, Process
from sagemaker_local.store import Record
from stagewright.local.glue import arguments, pythons
from stagewright.local.glue.context import Context

KIND = "job-run"
STARTING, RUNNING, STOPPING = "STARTING", "RUNNING", "STOPPING"
STOPPED, SUCCEEDED, FAILED, TIMEOUT = "STOPPED", "SUCCEEDED", "FAILED", "TIMEOUT"
ENDED = frozenset({STOPPED, SUCCEEDED, FAILED, TIMEOUT})
LOG_GROUPS = {"pythonshell": "/aws-glue/python-jobs", "glueetl": "/aws-glue/jobs"}
INTERRUPTED = "the local server stopped while the job ran"
EVENT = "Glue Job State Change"
MINUTE = 60.0
RUNTIME = Path(__file__).with_name("runtime")
"""What a script may import as `awsglue`."""

log = logging.getLogger(__name__)


class Run:
    """Everything here runs in the run's own thread but `stop`, `interrupt` and `fail`."""

    def __init__(
        self, context: Context, job: Mapping[str, Any], given: Mapping[str, str], record: Record
    ) -> None:
        self._context = context
        self._job = job
        self._given = given
        self.record = record
        self.id: str = record["Id"]
        self._folder = context.settings.root / "runs" / self.id
        self._inside = self._folder / "ml"
        self._lock = threading.RLock()
        self._ending = ""
        self._process: Process | None = None
        self._began = 0.0
        self._thread: threading.Thread | None = None

    def start(self, done: Callable[[], None]) -> None:
        self._thread = threading.Thread(target=self._live, args=(done,), name=self.id, daemon=True)
        self._thread.start()

    def join(self, timeout: float) -> None:
        if self._thread is not None:
            self._thread.join(timeout)

    def stop(self, ending: str = STOPPED) -> bool:
        """Ends the run's processes; false where it has ended or is ending."""
        with self._lock:
            if self._ending or self.record["JobRunState"] in ENDED:
                return False
            self._ending = ending
            self._change(STOPPING)
        self._kill()
        return True

    def interrupt(self) -> None:
        """The server stops: the run ends at once, and is reported FAILED."""
        with self._lock:
            self._ending = FAILED
        self._kill()

    def fail(self, message: str) -> None:
        self._end(FAILED, message)
        self._discard()

    def _kill(self) -> None:
        process = self._process
        if process is not None:
            process.kill()

    def _live(self, done: Callable[[], None]) -> None:
        try:
            state, message = self._outcome()
            self._discard()
            self._end(state, message)
        finally:
            done()

    def _outcome(self) -> tuple[str, str]:
        """How it ended, and why where it did not succeed."""
        try:
            with LogPair(self._context, self.record["LogGroupName"], self.id, self._folder) as logs:
                message = self._logged(logs)
        except Exception as error:
            log.exception("%s failed", self.id)
            message = f"{type(error).__name__}: {error}"
        match self._ending:
            case "":
                return (FAILED, message) if message else (SUCCEEDED, "")
            case "FAILED":
                return FAILED, INTERRUPTED
            case "TIMEOUT":
                return TIMEOUT, f"Job run exceeded its timeout of {self.record['Timeout']} minutes"
        return self._ending, ""

    def _logged(self, logs: LogPair) -> str:
        try:
            return self._carry_out(logs)
        except (JobFailure, JobEnvironmentError, ApiError) as error:
            message: str = getattr(error, "message", str(error))
            logs.error.note(message)
            return message

    def _carry_out(self, logs: LogPair) -> str:
        environment = self._environment(logs)
        script = self._fetch(arguments.script_of(self._job, self._given), self._inside / "glue")
        paths = self._modules()
        process = self._launch(environment, script, paths)
        if process is None:
            return ""
        timer = threading.Timer(self.record["Timeout"] * MINUTE, self.stop, [TIMEOUT])
        timer.daemon = True
        timer.start()
        code = logs.follow(process)
        timer.cancel()
        said = exception_in(list(logs.error.tail))
        return "" if code == 0 else said or f"Command failed with exit code {code}"

    def _environment(self, logs: LogPair) -> Environment:
        known = self._context.environments
        if self._is_spark:
            found = pythons.spark(known, self._job["GlueVersion"])
        else:
            found = pythons.python_shell(known, logs.output.note)
        if found.warning:
            logs.output.note(f"WARNING: {found.warning}")
        packages = arguments.packages_of(self._given)
        if not packages:
            return found
        file = self._folder / "requirements/requirements.txt"
        file.parent.mkdir()
        file.write_text("".join(f"{package}\n" for package in packages))
        return known.with_requirements(found, file, logs.output.note)

    def _modules(self) -> list[str]:
        """What comes before everything else on the script's path. A .py file is found in its folder."""
        folder = self._inside / "glue/lib"
        paths = ["/opt/ml/glue/lib"]
        for uri in arguments.modules_of(self._given):
            name = self._fetch(uri, folder)
            if not name.endswith(".py"):
                paths.append(f"/opt/ml/glue/lib/{name}")
        return [*paths, str(RUNTIME)]

    def _fetch(self, uri: str, folder: Path) -> str:
        """The file's name. JobFailure where it is not there."""
        name = uri.rpartition("/")[2]
        folder.mkdir(parents=True, exist_ok=True)
        self._context.storage.download_file(uri, folder / name)
        return name

    def _launch(self, environment: Environment, script: str, paths: list[str]) -> Process | None:
        """None where the run was stopped before its process began."""
        python = lay_over(environment.python, self._folder / "python")
        programs = (python.parent, environment.python.parent)
        variables = base_environment(self._context.settings, self._folder / "home", programs)
        variables["PYTHONPATH"] = os.pathsep.join(paths)
        given = dict(self._given)
        if self._is_spark:
            # A Python shell script is given no name of its job; a Spark script is.
            given |= {"--JOB_NAME": self.record["JobName"], "--JOB_RUN_ID": self.id}
            variables |= _spark_variables(str(python))
        argv = (str(python), f"/opt/ml/glue/{script}", *arguments.argv(given))
        command = Command(self._inside, argv, variables, "/opt/ml/glue", separate_errors=True)
        with self._lock:
            if self._ending:
                return None
            self._process = self._context.launcher.start(command)
            self._began = now()
            self._change(RUNNING)
        return self._process

    @property
    def _is_spark(self) -> bool:
        return bool(self._job["Command"]["Name"] == "glueetl")

    def _change(self, state: str, **more: Any) -> None:
        with self._lock:
            self.record |= {"JobRunState": state, "LastModifiedOn": now(), **more}
            self._context.store.put(KIND, self.id, self.record)

    def _end(self, state: str, message: str) -> None:
        time = now()
        seconds = max(1, round(time - self._began)) if self._began else 0
        reason = {"ErrorMessage": message} if message else {}
        self._change(state, CompletedOn=time, ExecutionTime=seconds, **reason)
        self._publish(state, message)

    def _publish(self, state: str, message: str) -> None:
        """ "AWS Glue events" (EventBridge user guide) names these members."""
        detail = {
            "jobName": self.record["JobName"],
            "severity": "INFO" if state in (SUCCEEDED, STOPPED) else "ERROR",
            "state": state,
            "jobRunId": self.id,
            "message": message or f"Job run {state.lower()}",
        }
        try:
            self._context.publish(EVENT, detail)
        except Exception:  # an event that nobody takes must not change how the run ends
            log.exception("%s: its event could not be published", self.id)

    def _discard(self) -> None:
        """Leaves nothing of the folder but the logs."""
        for entry in self._folder.iterdir() if self._folder.is_dir() else ():
            if entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)
            elif entry.name == "hosts":
                entry.unlink()


class LogPair:
    """A run's standard output and error: two log groups, a stream of the run's id in each."""

    def __init__(self, context: Context, group: str, name: str, folder: Path) -> None:
        self.output = context.logs.open(f"{group}/output", name, folder / "output.log")
        self.error = context.logs.open(f"{group}/error", name, folder / "error.log")

    def __enter__(self) -> LogPair:
        return self

    def __exit__(self, *_: object) -> None:
        self.output.close()
        self.error.close()

    def follow(self, process: Process) -> int:
        """Until the process has ended: its lines to the logs; its exit code."""
        assert process.errors is not None  # noqa: S101 -- asked for when it was started
        errors = threading.Thread(target=_copy, args=(process.errors, self.error), daemon=True)
        errors.start()
        _copy(process.output, self.output)
        errors.join()
        return process.wait()


def _copy(source: IO[bytes], target: LogStream) -> None:
    with source:
        while raw := source.readline(LINE_LIMIT):
            target.write(raw.decode("utf-8", "replace").rstrip("\r\n"))


def _spark_variables(python: str) -> dict[str, str]:
    """Driver and executors are this machine. Where Java is, Spark finds it as the user's own does."""
    java = {"JAVA_HOME": os.environ["JAVA_HOME"]} if "JAVA_HOME" in os.environ else {}
    local = {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_DIRS": "/opt/ml/glue/tmp"}
    return {"PYSPARK_PYTHON": python, "PYSPARK_DRIVER_PYTHON": python, **local, **java}
