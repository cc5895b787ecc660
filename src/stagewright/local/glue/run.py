"""One job run: its thread, its process, its two logs and its record."""

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
from sagemaker_local.jobs.failure_reason import INTERNAL, reason_of
from sagemaker_local.jobs.host_process import exception_in
from sagemaker_local.jobs.job_environment import base_environment
from sagemaker_local.jobs.job_files import CONTAINER
from sagemaker_local.logs.lines import events_of
from sagemaker_local.logs.log_stream import LogStream
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
"""Folder of the module `awsglue` for scripts."""

log = logging.getLogger(__name__)


class Run:
    """A job run with a thread of its own. Other threads call `stop`, `interrupt` and `fail`."""

    def __init__(
        self, context: Context, job: Mapping[str, Any], run_arguments: Mapping[str, str], record: Record
    ) -> None:
        self._context = context
        self._job = job
        self._arguments = run_arguments
        self.record = record
        self.id: str = record["Id"]
        self._folder = context.settings.root / "runs" / self.id
        self._container = self._folder / "ml"
        self._lock = threading.RLock()
        self._ending = ""
        self._process: Process | None = None
        self._started = 0.0
        self._thread: threading.Thread | None = None

    def start(self, done: Callable[[], None]) -> None:
        self._thread = threading.Thread(target=self._run, args=(done,), name=self.id, daemon=True)
        self._thread.start()

    def join(self, timeout: float) -> None:
        if self._thread is not None:
            self._thread.join(timeout)

    def stop(self, ending: str = STOPPED) -> bool:
        """Kill the run's process. Return False if the run has ended or is ending."""
        with self._lock:
            if self._ending or self.record["JobRunState"] in ENDED:
                return False
            self._ending = ending
            self._change(STOPPING)
        self._kill()
        return True

    def interrupt(self) -> None:
        """Kill the run's process because the server stops. The run becomes FAILED."""
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

    def _run(self, done: Callable[[], None]) -> None:
        try:
            state, message = self._outcome()
            self._discard()
            self._end(state, message)
        finally:
            done()

    def _outcome(self) -> tuple[str, str]:
        """Run the job and return the final state and, unless it succeeded, the reason."""
        try:
            with LogPair(self._context, self.record["LogGroupName"], self.id, self._folder) as logs:
                message = self._logged_failure(logs)
        except Exception as error:
            message = reason_of(error, {self._container: CONTAINER, self._folder: "the run's folder"})
            if message.startswith(INTERNAL):
                log.exception("%s failed", self.id)
        match self._ending:
            case "":
                return (FAILED, message) if message else (SUCCEEDED, "")
            case "FAILED":
                return FAILED, INTERRUPTED
            case "TIMEOUT":
                return TIMEOUT, f"Job run exceeded its timeout of {self.record['Timeout']} minutes"
        return self._ending, ""

    def _logged_failure(self, logs: LogPair) -> str:
        try:
            return self._execute(logs)
        except (JobFailure, JobEnvironmentError, ApiError) as error:
            message: str = getattr(error, "message", str(error))
            logs.error.note(message)
            return message

    def _execute(self, logs: LogPair) -> str:
        environment = self._environment(logs)
        script = self._fetch(arguments.script_of(self._job, self._arguments), self._container / "glue")
        paths = self._modules()
        process = self._launch(environment, script, paths)
        if process is None:
            return ""
        timer = threading.Timer(self.record["Timeout"] * MINUTE, self.stop, [TIMEOUT])
        timer.daemon = True
        timer.start()
        code = logs.follow(process)
        timer.cancel()
        exception = exception_in(list(logs.error.tail))
        return "" if code == 0 else exception or f"Command failed with exit code {code}"

    def _environment(self, logs: LogPair) -> Environment:
        environments = self._context.environments
        if self._is_spark:
            environment = pythons.spark(environments, self._job["GlueVersion"])
        else:
            environment = pythons.python_shell(environments, logs.output.note)
        if environment.warning:
            logs.output.note(f"WARNING: {environment.warning}")
        packages = arguments.packages_of(self._arguments)
        if not packages:
            return environment
        file = self._folder / "requirements/requirements.txt"
        file.parent.mkdir()
        file.write_text("".join(f"{package}\n" for package in packages))
        return environments.with_requirements(environment, file, logs.output.note)

    def _modules(self) -> list[str]:
        """Fetch the modules and return the first entries of PYTHONPATH.

        A .py file is found through its folder.
        """
        folder = self._container / "glue/lib"
        paths = ["/opt/ml/glue/lib"]
        for uri in arguments.modules_of(self._arguments):
            name = self._fetch(uri, folder)
            if not name.endswith(".py"):
                paths.append(f"/opt/ml/glue/lib/{name}")
        return [*paths, str(RUNTIME)]

    def _fetch(self, uri: str, folder: Path) -> str:
        """Download a file and return its name. Raise JobFailure if it does not exist."""
        name = uri.rpartition("/")[2]
        folder.mkdir(parents=True, exist_ok=True)
        self._context.storage.download_file(uri, folder / name)
        return name

    def _launch(self, environment: Environment, script: str, paths: list[str]) -> Process | None:
        """Start the script. Return None if the run was stopped before."""
        python = lay_over(environment.python, self._folder / "python")
        programs = (python.parent, environment.python.parent)
        variables = base_environment(self._context.settings, self._folder / "home", programs)
        variables["PYTHONPATH"] = os.pathsep.join(paths)
        script_arguments = dict(self._arguments)
        if self._is_spark:
            # Glue passes these to Spark scripts only.
            script_arguments |= {"--JOB_NAME": self.record["JobName"], "--JOB_RUN_ID": self.id}
            variables |= _spark_variables(str(python))
        argv = (str(python), f"/opt/ml/glue/{script}", *arguments.argv(script_arguments))
        command = Command(self._container, argv, variables, "/opt/ml/glue", separate_errors=True)
        with self._lock:
            if self._ending:
                return None
            self._process = self._context.launcher.start(command)
            self._started = now()
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
        seconds = max(1, round(time - self._started)) if self._started else 0
        reason = {"ErrorMessage": message} if message else {}
        self._change(state, CompletedOn=time, ExecutionTime=seconds, **reason)
        self._publish(state, message)

    def _publish(self, state: str, message: str) -> None:
        """Publish the state change with the members listed in "AWS Glue events" (EventBridge user guide)."""
        detail = {
            "jobName": self.record["JobName"],
            "severity": "INFO" if state in (SUCCEEDED, STOPPED) else "ERROR",
            "state": state,
            "jobRunId": self.id,
            "message": message or f"Job run {state.lower()}",
        }
        try:
            self._context.publish(EVENT, detail)
        except Exception:  # a lost event must not change the result of the run
            log.exception("%s: its event could not be published", self.id)

    def _discard(self) -> None:
        """Delete the run's folder except its logs."""
        for entry in self._folder.iterdir() if self._folder.is_dir() else ():
            if entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)
            elif entry.name == "hosts":
                entry.unlink()


class LogPair:
    """The logs of a run's standard output and error: two log groups with a stream named after the run."""

    def __init__(self, context: Context, group: str, name: str, folder: Path) -> None:
        self.output = context.logs.open(f"{group}/output", name, folder / "output.log")
        self.error = context.logs.open(f"{group}/error", name, folder / "error.log")

    def __enter__(self) -> LogPair:
        return self

    def __exit__(self, *_: object) -> None:
        self.output.close()
        self.error.close()

    def follow(self, process: Process) -> int:
        """Copy the process's output to the logs until it ends. Return the exit code."""
        assert process.errors is not None  # noqa: S101 -- the process was started with it
        errors = threading.Thread(target=_copy, args=(process.errors, self.error), daemon=True)
        errors.start()
        _copy(process.output, self.output)
        errors.join()
        return process.wait()


def _copy(source: IO[bytes], target: LogStream) -> None:
    with source:
        for event in events_of(source):
            target.write(event)


def _spark_variables(python: str) -> dict[str, str]:
    """Return Spark's variables: driver and executors run on this machine, with the user's Java.

    Spark's ports on loopback need its generated secret (spark.authenticate), and its web console is off:
    other users of the machine could send them code ("Spark Security").
    """
    java = {"JAVA_HOME": os.environ["JAVA_HOME"]} if "JAVA_HOME" in os.environ else {}
    local = {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_DIRS": "/opt/ml/glue/tmp"}
    closed = {
        "PYSPARK_SUBMIT_ARGS": "--conf spark.authenticate=true --conf spark.ui.enabled=false pyspark-shell"
    }
    return {"PYSPARK_PYTHON": python, "PYSPARK_DRIVER_PYTHON": python, **local, **closed, **java}
