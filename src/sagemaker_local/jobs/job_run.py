"""The life of one job: its thread, log, record and outcome."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import ClassVar

from sagemaker_local.api.fields import without_effect
from sagemaker_local.events import public
from sagemaker_local.jobs import failure_reason
from sagemaker_local.jobs.hosts import LOG
from sagemaker_local.jobs.job_environment import is_aws_variable
from sagemaker_local.jobs.job_files import CONTAINER
from sagemaker_local.jobs.kinds import JobKind
from sagemaker_local.jobs.transitions import (
    COMPLETED,
    ENDED,
    FAILED,
    STATUS_OF,
    STOPPED,
    STOPPING,
    add_transition,
    may_become,
)
from sagemaker_local.logs.log_stream import LogStream
from sagemaker_local.resource import Context, event_detail, now
from sagemaker_local.store import Record

INTERRUPTED = "InternalServerError: the local server stopped while the job ran"
REASON_LIMIT = 1024
"""The maximum length of FailureReason and ExitMessage (API reference)."""

log = logging.getLogger(__name__)


class JobRun(ABC):
    """One job. All methods run in the job's thread, except `stop` and `interrupt`."""

    kind: ClassVar[JobKind]
    host: ClassVar[str] = "algo-1"
    """Part of the log stream's name."""
    idle_fields: ClassVar[tuple[str, ...]]
    """Request members that are accepted without effect. The log names them."""

    def __init__(self, context: Context, record: Record) -> None:
        self.context = context
        self.record = record
        self.name: str = record[self.kind.name]
        self.folder: Path = context.settings.root / "jobs" / self.kind.noun.lower() / self.name
        self.log: LogStream
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self.stopped_as = STOPPED
        self._interrupted = False
        self._thread: threading.Thread | None = None

    @abstractmethod
    def execute(self) -> str:
        """Do the job's work. Returns the failure reason, or an empty string.

        JobFailure and JobEnvironmentError are failures too.
        """

    @abstractmethod
    def terminate(self) -> None:
        """Ask the job's processes to end, and kill them after the grace period."""

    @abstractmethod
    def kill(self) -> None:
        """Kill the job's processes."""

    def start(self, done: Callable[[], None]) -> None:
        self._thread = threading.Thread(target=self._thread_main, args=(done,), name=self.name, daemon=True)
        self._thread.start()

    def join(self, timeout: float) -> None:
        if self._thread is not None:
            self._thread.join(timeout)

    def stop(self, ended_as: str = STOPPED) -> bool:
        """Ask the job to end. False if it has ended or is ending."""
        with self._lock:
            if not may_become(self.record[self.kind.status], STOPPING):
                return False
            self.stopped_as = ended_as
            self.set_status(STOPPING)
            self._stopping.set()
        threading.Thread(target=self.terminate, name=f"stop-{self.name}", daemon=True).start()
        return True

    def interrupt(self) -> None:
        """End the job because the server stops. The job is reported as Failed."""
        with self._lock:
            self._interrupted = True
            self._stopping.set()
        self.kill()

    def fail(self, reason: str) -> None:
        with self._lock:
            self.record["FailureReason"] = reason[:REASON_LIMIT]
            self.set_status(FAILED)

    def clean_up(self) -> None:
        """Delete the job's folder, except for its logs."""
        for entry in self.folder.iterdir() if self.folder.is_dir() else ():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            elif not entry.name.startswith(LOG):
                entry.unlink(missing_ok=True)

    def set_status(self, secondary: str) -> None:
        """Set the status, write the record and publish an event. A stopping job does not become running
        again.

        One time is used throughout: the LastModifiedTime of an ended job is its end time.
        """
        with self._lock:
            status = STATUS_OF[secondary]
            if not may_become(self.record[self.kind.status], status):
                return
            time_now = now()
            self.record[self.kind.status] = status
            self.record["LastModifiedTime"] = time_now
            if status in ENDED:
                self.record[self.kind.ended] = time_now
                self.add_final_fields()
            if self.kind.has_transitions:
                add_transition(self.record, secondary, time_now)
            self._write()

    def _write(self) -> None:
        try:
            self.context.store.put(self.kind.path, self.name, self.record)
        except sqlite3.OperationalError:
            if self.record[self.kind.status] not in ENDED:
                raise
            self.clean_up()  # makes room for the record of a job that filled the disk
            self.context.store.put(self.kind.path, self.name, self.record)
        tags = {tag["Key"]: tag["Value"] for tag in self.context.tags.of(self.record[self.kind.arn])}
        try:
            self.context.publish(self.kind.event, {**event_detail(public(self.event_record())), "Tags": tags})
        except Exception:
            # A failing event must not change the job's outcome.
            log.exception("%s: the event %r could not be published", self.name, self.kind.event)

    def event_record(self) -> Record:
        """The record that the job's events contain."""
        return self.record

    def _thread_main(self, done: Callable[[], None]) -> None:
        try:
            self._end(self._outcome())
            self.clean_up()
        finally:
            done()

    def _outcome(self) -> str:
        """Why the job failed; empty if it did not."""
        try:
            stream = f"{self.name}/{self.host}-{int(time.time())}"
            self.log = self.context.logs.open(self.kind.log_group, stream, self.folder / LOG)
            with closing(self.log):
                return self.execute()
        except Exception as error:
            reason = self.reason_of(error)
            if reason.startswith(failure_reason.INTERNAL):
                log.exception("%s failed", self.name)
            return reason

    def reason_of(self, error: Exception) -> str:
        """The FailureReason of an error."""
        return failure_reason.reason_of(error, self.shown_folders())

    def shown_folders(self) -> dict[Path, str]:
        """Folders of this machine, and what the job calls them."""
        return {self.folder / "ml": CONTAINER, self.folder: "the job's folder"}

    def _end(self, reason: str) -> None:
        with self._lock:
            if self._interrupted:
                self.fail(INTERRUPTED)
            elif self._stopping.is_set():
                self.set_status(self.stopped_as)
            elif reason:
                self.fail(reason)
            else:
                self.set_status(COMPLETED)

    def add_final_fields(self) -> None:  # noqa: B027 -- a hook that not every kind needs
        """Add the fields that are known at the end of the job. Does nothing by default."""

    def warn(self) -> None:
        for path in without_effect(self.record, self.idle_fields):
            self.log.note(f"WARNING: {path} has no effect in the local SageMaker")
        for key in filter(is_aws_variable, self.record.get("Environment", {})):
            self.log.note(f"WARNING: Environment.{key} is not passed on; jobs use only the local server")
