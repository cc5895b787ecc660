"""The life of one job: stage its folder, run its command, keep what it made, say how it ended."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from stagewright.errors import JobEnvironmentError
from stagewright.local.sagemaker.environments import Environment
from stagewright.local.sagemaker.failure import JobFailure
from stagewright.local.sagemaker.fields import without_effect
from stagewright.local.sagemaker.host_run import HostRun
from stagewright.local.sagemaker.hosts import LOG, Host, hosts_of
from stagewright.local.sagemaker.job_environment import base_environment, leads_elsewhere, with_requested
from stagewright.local.sagemaker.kinds import JobKind
from stagewright.local.sagemaker.logs import LogStream
from stagewright.local.sagemaker.overlay import lay_over
from stagewright.local.sagemaker.resource import Context, event_detail, now
from stagewright.local.sagemaker.sandbox import Command
from stagewright.local.sagemaker.store import Record
from stagewright.local.sagemaker.transitions import (
    COMPLETED,
    ENDED,
    FAILED,
    STATUS_OF,
    STOPPED,
    STOPPING,
    add_transition,
    may_become,
)

INTERRUPTED = "InternalServerError: the local server stopped while the job ran"
NAMES_ONLY = "without namespaces the hosts cannot reach one another by name: all are this machine, 127.0.0.1"
REASON_LIMIT = 1024
"""FailureReason and ExitMessage: at most 1,024 characters (API reference)."""

log = logging.getLogger(__name__)


class JobRun(ABC):
    """Everything here runs in the job's own thread but `stop`; each further host is followed by its own."""

    kind: ClassVar[JobKind]
    idle_fields: ClassVar[tuple[str, ...]]
    """Members of the request that are accepted and that nothing here acts on; the log says so."""

    def __init__(self, context: Context, record: Record) -> None:
        self.context = context
        self.record = record
        self.name: str = record[self.kind.name]
        self.folder: Path = context.settings.root / "jobs" / self.kind.noun.lower() / self.name
        self.hosts = hosts_of(self.folder, self.instance_count)
        self.log: LogStream
        """The first host's, which also gets what this service has to say."""
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self.stopped_as = STOPPED
        self._interrupted = False
        self._runs: list[HostRun] = []
        self._failed: HostRun | None = None
        self._thread: threading.Thread | None = None

    @abstractmethod
    def stage(self, environment: Environment, host: Host) -> Environment:
        """Fills a host's /opt/ml before the command starts; answers the environment that it runs in."""

    @abstractmethod
    def command(self, python: str) -> tuple[tuple[str, ...], dict[str, str]]:
        """The command line, and the variables that this kind of job has beside the request's."""

    @abstractmethod
    def keep(self, succeeded: bool) -> None:
        """Uploads what the job made; `succeeded` is false after a failure, true where it was stopped."""

    @abstractmethod
    def failure_text(self, failed: HostRun) -> str:
        """What the job itself wrote about its failure, on the host that failed; empty where nothing."""

    @property
    @abstractmethod
    def image(self) -> str: ...

    @property
    @abstractmethod
    def instance_count(self) -> int: ...

    def observe(self, line: str) -> None:  # noqa: B027 -- a hook that not every kind needs
        """Sees each line of the log."""

    def start(self, done: Callable[[JobRun], None]) -> None:
        self._thread = threading.Thread(target=self._live, args=(done,), name=self.name, daemon=True)
        self._thread.start()

    def join(self, timeout: float) -> None:
        if self._thread is not None:
            self._thread.join(timeout)

    def stop(self, ended_as: str = STOPPED) -> bool:
        """Asks the job to end, and makes it after the grace; false where it has ended or is ending."""
        with self._lock:
            if not may_become(self.record[self.kind.status], STOPPING):
                return False
            self.stopped_as = ended_as
            self.change(STOPPING)
            self._stopping.set()
        threading.Thread(target=self._end_process, name=f"stop-{self.name}", daemon=True).start()
        return True

    def interrupt(self) -> None:
        """The server stops: the job ends at once, and is reported Failed."""
        with self._lock:
            self._interrupted = True
            self._stopping.set()
            runs = self._runs
        for run in runs:
            run.kill()

    def fail(self, reason: str) -> None:
        with self._lock:
            self.record["FailureReason"] = reason[:REASON_LIMIT]
            self._finish(FAILED)

    def discard(self) -> None:
        """Leaves nothing of the job's folder but its log, as a container leaves nothing."""
        for entry in self.folder.iterdir() if self.folder.is_dir() else ():
            if entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)
            elif not entry.name.startswith(LOG):
                entry.unlink(missing_ok=True)

    def change(self, secondary: str) -> None:
        """Moves the record on, writes it and publishes it. A job that is stopping does not go back."""
        with self._lock:
            status = STATUS_OF[secondary]
            if not may_become(self.record[self.kind.status], status):
                return
            time_now = now()
            self.record[self.kind.status] = status
            self.record["LastModifiedTime"] = time_now
            if self.kind.has_transitions:
                add_transition(self.record, secondary, time_now)
            self._write()

    def _write(self) -> None:
        try:
            self.context.store.put(self.kind.path, self.name, self.record)
        except sqlite3.OperationalError:
            if self.record[self.kind.status] not in ENDED:
                raise
            self.discard()  # a job that has filled the disk makes room for the record of its end
            self.context.store.put(self.kind.path, self.name, self.record)
        tags = {tag["Key"]: tag["Value"] for tag in self.context.tags.of(self.record[self.kind.arn])}
        try:
            self.context.publish(self.kind.event, {**event_detail(self.record), "Tags": tags})
        except Exception:
            # An event that nobody takes must not change how the job ends.
            log.exception("%s: the event %r could not be published", self.name, self.kind.event)

    def _live(self, done: Callable[[JobRun], None]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        started = int(time.time())
        logs = [self._open_log(host, started) for host in self.hosts]
        self.log = logs[0]
        try:
            reason = self._carry_out(logs)
        except JobFailure as failure:
            reason = str(failure)
        except JobEnvironmentError as error:
            reason = f"ClientError: {error.message}"
        except Exception as error:
            log.exception("%s failed", self.name)
            reason = f"InternalServerError: {type(error).__name__}: {error}"
        finally:
            for opened in logs:
                opened.close()
        self._end(reason)
        done(self)

    def _open_log(self, host: Host, started: int) -> LogStream:
        return self.context.logs.open(
            self.kind.log_group, f"{self.name}/{host.name}-{started}", host.log_file
        )

    def _end(self, reason: str) -> None:
        with self._lock:
            if self._interrupted:
                self.fail(INTERRUPTED)
            elif self._stopping.is_set():
                self._finish(self.stopped_as)
            elif reason:
                self.fail(reason)
            else:
                self._finish(COMPLETED)

    def _finish(self, secondary: str) -> None:
        self.record[self.kind.ended] = now()
        self.account()
        self.change(secondary)

    def account(self) -> None:  # noqa: B027 -- likewise
        """Adds what is known only at the end: seconds, the exit message."""

    def _carry_out(self, logs: list[LogStream]) -> str:
        """Empty, or the failure's reason."""
        for host in self.hosts:
            host.opt_ml.mkdir(parents=True)
        self._warn()
        base = self.context.environments.resolve(self.image, self.log.note)
        if base.warning:
            self.log.note(f"WARNING: {base.warning}")
        environments = [self.stage(base, host) for host in self.hosts]
        if self._stopping.is_set():
            return ""
        self._run([HostRun(*pair) for pair in zip(self.hosts, logs, strict=True)], environments)
        failed = self._failed
        stopped = self._stopping.is_set()
        if self._interrupted:
            return INTERRUPTED
        self.keep(succeeded=failed is None or stopped)
        return "" if failed is None or stopped else self._algorithm_error(failed)

    def _warn(self) -> None:
        for path in without_effect(self.record, self.idle_fields):
            self.log.note(f"WARNING: {path} has no effect in the local SageMaker")
        if len(self.hosts) > 1 and not self.context.launcher.isolation.mode:
            self.log.note(f"WARNING: {NAMES_ONLY}")
        for key in filter(leads_elsewhere, self.record.get("Environment", {})):
            self.log.note(f"WARNING: Environment.{key} is not passed on: jobs use the local server only")

    def _command_of(self, host: Host, environment: Environment) -> Command:
        python = lay_over(environment.python, host.folder / "python")
        argv, own = self.command(str(python))
        programs = (python.parent, environment.python.parent)
        base = base_environment(self.context.settings, host.folder / "home", programs)
        env = {**with_requested(base, self.record.get("Environment", {})), **own}
        return Command(host.opt_ml, argv, env, self.workdir, host.name, host.names)

    def _run(self, runs: list[HostRun], environments: list[Environment]) -> None:
        """Every host's process, until all have ended."""
        commands = [self._command_of(*pair) for pair in zip(self.hosts, environments, strict=True)]
        with self._lock:
            if self._stopping.is_set():
                return
            self._runs = runs
            for run, command in zip(runs, commands, strict=True):
                run.process = self.context.launcher.start(command)
            self.record[self.kind.started] = now()
        limit = self.record["StoppingCondition"].get("MaxRuntimeInSeconds")
        timer = threading.Timer(limit, self.stop, ["MaxRuntimeExceeded"]) if limit else None
        if timer is not None:
            timer.daemon = True
            timer.start()
        self.change(self.running_status)
        others = [threading.Thread(target=self._follow, args=(run,), daemon=True) for run in runs[1:]]
        for other in others:
            other.start()
        self._follow(runs[0])
        for other in others:
            other.join()
        if timer is not None:
            timer.cancel()

    def _follow(self, run: HostRun) -> None:
        """The first host that fails ends the others: nobody would wait for their part."""
        if run.follow(self.observe) == 0:
            return
        with self._lock:
            if self._failed is not None or self._stopping.is_set():
                self._failed = self._failed or run
                return
            self._failed = run
        for other in self._runs:
            if other is not run:
                other.kill()

    workdir = "/opt/ml"
    running_status = "Training"

    def _end_process(self) -> None:
        processes = [run.process for run in self._runs if run.process is not None]
        for process in processes:
            process.terminate()
        end = time.monotonic() + self.context.settings.stop_grace
        for process in processes:
            try:
                process.wait(max(0.0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()

    def _algorithm_error(self, failed: HostRun) -> str:
        text = self.failure_text(failed) or failed.last_words()
        ending = f", exit code: {failed.code}"
        return f"AlgorithmError: {text}"[: REASON_LIMIT - len(ending)] + ending
