"""The life of one job: its thread, its log, its record, and how it ended."""

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
from sagemaker_local.errors import JobEnvironmentError, JobFailure
from sagemaker_local.events import public
from sagemaker_local.jobs.hosts import LOG
from sagemaker_local.jobs.job_environment import leads_elsewhere
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
from sagemaker_local.logs import LogStream
from sagemaker_local.resource import Context, event_detail, now
from sagemaker_local.store import Record

INTERRUPTED = "InternalServerError: the local server stopped while the job ran"
REASON_LIMIT = 1024
"""FailureReason and ExitMessage: at most 1,024 characters (API reference)."""

log = logging.getLogger(__name__)


class JobRun(ABC):
    """Everything here runs in the job's own thread but `stop` and `interrupt`."""

    kind: ClassVar[JobKind]
    host: ClassVar[str] = "algo-1"
    """In the name of the log's stream."""
    idle_fields: ClassVar[tuple[str, ...]]
    """Members of the request that are accepted and that nothing here acts on; the log says so."""

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
    def carry_out(self) -> str:
        """Does the job's work; empty, or why it failed. JobFailure and JobEnvironmentError say so too."""

    @abstractmethod
    def end_gently(self) -> None:
        """Ends what runs, and makes it after the grace."""

    @abstractmethod
    def end_now(self) -> None:
        """Ends what runs."""

    def start(self, done: Callable[[], None]) -> None:
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
        threading.Thread(target=self.end_gently, name=f"stop-{self.name}", daemon=True).start()
        return True

    def interrupt(self) -> None:
        """The server stops: the job ends at once, and is reported Failed."""
        with self._lock:
            self._interrupted = True
            self._stopping.set()
        self.end_now()

    def fail(self, reason: str) -> None:
        with self._lock:
            self.record["FailureReason"] = reason[:REASON_LIMIT]
            self.change(FAILED)

    def discard(self) -> None:
        """Leaves nothing of the job's folder but its log, as a container leaves nothing."""
        for entry in self.folder.iterdir() if self.folder.is_dir() else ():
            if entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)
            elif not entry.name.startswith(LOG):
                entry.unlink(missing_ok=True)

    def change(self, secondary: str) -> None:
        """Moves the record on, writes it and publishes it. A job that is stopping does not go back.

        All its times are one moment: the LastModifiedTime of an ended job is that of its end.
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
                self.account()
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
            self.context.publish(self.kind.event, {**event_detail(public(self.detail())), "Tags": tags})
        except Exception:
            # An event that nobody takes must not change how the job ends.
            log.exception("%s: the event %r could not be published", self.name, self.kind.event)

    def detail(self) -> Record:
        """What an event says of the job."""
        return self.record

    def _live(self, done: Callable[[], None]) -> None:
        try:
            self._end(self._outcome())
            self.discard()
        finally:
            done()

    def _outcome(self) -> str:
        """Empty, or why the job failed."""
        try:
            stream = f"{self.name}/{self.host}-{int(time.time())}"
            self.log = self.context.logs.open(self.kind.log_group, stream, self.folder / LOG)
            with closing(self.log):
                return self.carry_out()
        except JobFailure as failure:
            return str(failure)
        except JobEnvironmentError as error:
            return f"ClientError: {error.message}"
        except Exception as error:
            log.exception("%s failed", self.name)
            return f"InternalServerError: {type(error).__name__}: {error}"

    def _end(self, reason: str) -> None:
        with self._lock:
            if self._interrupted:
                self.fail(INTERRUPTED)
            elif self._stopping.is_set():
                self.change(self.stopped_as)
            elif reason:
                self.fail(reason)
            else:
                self.change(COMPLETED)

    def account(self) -> None:  # noqa: B027 -- a hook that not every kind needs
        """Adds what is known only at the end: seconds, the exit message."""

    def warn(self) -> None:
        for path in without_effect(self.record, self.idle_fields):
            self.log.note(f"WARNING: {path} has no effect in the local SageMaker")
        for key in filter(leads_elsewhere, self.record.get("Environment", {})):
            self.log.note(f"WARNING: Environment.{key} is not passed on: jobs use the local server only")
