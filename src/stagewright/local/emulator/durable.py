"""Patches that make ministack's state durable: tables, executions and queues survive kill -9 of the server.

ministack saves its state only when it stops. These patches write each item, each status of an execution and
each message to a journal before the response is sent. Regular snapshots save everything else and keep the
journal short. Only the few functions that every write passes through are patched.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from sagemaker_local.state_folder import write_private
from stagewright.errors import TargetError
from stagewright.local.emulator import executions, service_file
from stagewright.local.emulator.items import Items
from stagewright.local.emulator.journal import Journal
from stagewright.local.emulator.patches import replace
from stagewright.local.emulator.previous import Previous
from stagewright.local.state import INSTALLATION

ATTEMPTS = 20
"""To copy a dictionary. Python raises an error if another thread changes it meanwhile."""
LONGEST_DELAY = 900
"""Seconds that a message can be delayed (Amazon SQS quotas)."""
PROGRESS_CHANGES = 5_000
INTERRUPTED = "States.ServiceRestart"
"""ministack's error of an execution that was interrupted by the end of its server."""
MESSAGE_OPERATIONS = (
    "SendMessage",
    "SendMessageBatch",
    "DeleteMessage",
    "DeleteMessageBatch",
    "PurgeQueue",
)

T = TypeVar("T")

log = logging.getLogger(__name__)


class Durable:
    """Journal and snapshots in `folder`. Create it before ministack restores its state."""

    def __init__(self, app: Any, modules: dict[str, Any], folder: Path) -> None:
        self._app, self._folder = app, folder
        self._sqs, self._engine = modules["sqs"], modules["stepfunctions"]
        self._persistence: Any = import_module("ministack.core.persistence")
        self._journal = Journal(folder)
        self._previous = Previous(folder)
        self._digests: dict[str, str] = {}
        self.failure: Exception | None = TargetError("The state is not restored yet")
        """Why nothing is saved now."""
        self.progress: Callable[[str], None] = lambda _: None
        """Called with what the restore does now."""
        self.on_save: Callable[[], None] = lambda: None
        """Called before each snapshot is written."""
        self.is_running: Callable[[str], bool] = lambda _: False
        """Return whether the thread of an execution (ARN) still runs."""
        self._order = threading.RLock()
        self._saving = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        replace(self._engine, "_executions", executions.archived(self._engine._executions, folder))
        replace(app, "_load_persisted_state", self._load_and_replay)
        self._items = Items(modules["dynamodb"], self._journal, self._order, folder)
        self._replay_item, self._replay_items = self._items.replay_item, self._items.replay_items
        self._journal_executions()
        self._journal_messages(modules["eventbridge"])

    def save(self) -> bool:
        """Save a snapshot: one file per changed service, each written atomically.

        The last snapshot and its journal stay in the folder `previous`, for a repair. Returns False if a
        file could not be written; its earlier content and the journal are then kept.
        """
        if self.failure:  # nothing may replace what could not be restored
            return False
        with self._saving:
            try:
                return self._save_all()
            except (OSError, sqlite3.Error):
                log.exception("the state could not be saved")
                return False

    def checkpoint(self) -> None:
        """Write everything into the main files, so that the folder can be copied."""
        self._items.checkpoint()

    def _save_all(self) -> bool:
        # The lock keeps a change and its journal line on the same side of the snapshot.
        with self._order:
            earlier, changes = self._journal.begin(), self._items.take_changes()
        self.on_save()
        self._engine._executions.archive(self._has_ended)
        self._items.save(changes)
        services = self._app._build_persistence_save_dict().items()
        failed = [name for name, state in services if not self._save(name, state)]
        if not failed:
            self._previous.keep_journal(earlier)
        return not failed

    def _has_ended(self, execution: Mapping[str, Any]) -> bool:
        """Return whether nothing changes the execution any more. See `announce_interrupted`."""
        is_announced = execution.get("error") != INTERRUPTED or bool(execution.get("announced"))
        is_over = execution["status"] != "RUNNING" and not self.is_running(execution["executionArn"])
        return is_over and is_announced

    def _save(self, name: str, state: Callable[[], Any]) -> bool:
        try:
            self._write(name, _copied(state))
        except Exception:  # save the other services
            log.exception("the state of %s could not be saved", name)
            return False
        return True

    def _write(self, name: str, payload: Any) -> None:
        if payload is None:  # the module could not be imported: keep its earlier file
            return
        # `dump` would use the encoder in Python, which is several times slower than `dumps`.
        encoded = json.dumps(payload, default=self._persistence._json_default)
        digest, text = service_file.encode(self._persistence._state_format_version(name), encoded)
        file = self._folder / f"{name}.json"
        self._previous.keep(file, is_changed=digest != self._digests.get(name))
        if digest != self._digests.get(name):
            write_private(file, text)
            self._digests[name] = digest

    def _load(self) -> None:
        """Restore each service. ministack would continue with an empty one if that fails."""
        for name, module in self._app._state_map.items():
            file = self._folder / f"{name}.json"
            if not file.exists():
                continue
            self.progress(f"restores the state of {name}")
            data = self._persistence.load_state(name)
            if data is None:
                raise TargetError(
                    f"{file} cannot be read", "install the version of Stagewright that wrote it"
                )
            if data:
                self._app._get_module(module).load_persisted_state(data)
            self._digests[name] = service_file.digest(file)

    def _load_and_replay(self) -> None:
        """Restore everything. The ASGI server would serve an empty state after an error, so it is kept."""
        try:
            self._restore()
        except Exception as error:
            self.failure = error
            raise
        self.failure = None

    def _restore(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._load()
        self.progress("reads the items of the tables")
        self._items.load()
        for number, (kind, arn, *rest) in enumerate(self._journal.changes()):
            if number % PROGRESS_CHANGES == 0:
                self.progress(f"replays the journal, change {number:,}")
            getattr(self, f"_replay_{kind}")(arn, *rest)
        self._interrupt()
        self._make_messages_visible()
        self._journal.begin()

    def _journal_executions(self) -> None:
        """Journal each status event: every change of a status sends one."""
        emit = self._engine._emit_execution_status_event

        def emit_status(execution: dict[str, Any]) -> None:
            try:
                self._journal.write("execution", execution["executionArn"], execution)
            except OSError:  # an execution that ends cannot be refused; the next snapshot saves it
                log.exception("the status of %s could not be saved", execution["executionArn"])
            emit(execution)

        replace(self._engine, "_emit_execution_status_event", emit_status)

    def _replay_execution(self, arn: str, execution: dict[str, Any]) -> None:
        """Restore the execution, unless the snapshot has a later state of it."""
        known = self._engine._executions.get_scoped(*_scope(arn), arn)
        if known is None or execution["status"] != "RUNNING":
            self._engine._executions.set_scoped(*_scope(arn), arn, execution)

    def _interrupt(self) -> None:
        """Fail the executions that were running when the server ended, and set their cause.

        ministack fails those of the snapshot itself, with its own cause.
        """
        for execution in self._engine._executions.all_values():
            if execution["status"] == "RUNNING":
                ended = {"status": "FAILED", "stopDate": self._engine.now_iso()}
                execution.update(ended, error=INTERRUPTED)
            if execution.get("error") == INTERRUPTED:
                execution["cause"] = _cause(execution)

    def _journal_messages(self, eventbridge: Any) -> None:
        """Journal messages that clients and rules send, and that clients and functions delete."""
        sqs = self._sqs
        for name in MESSAGE_OPERATIONS:
            sqs._HANDLERS[name] = self._journaled_operation(sqs._HANDLERS[name])
        dispatch, delete = eventbridge._dispatch_to_sqs, sqs._delete_messages_for_esm

        def to_queue(spec: Any, *rest: Any) -> None:
            self._journaled(sqs._queue_by_arn(str(spec)), lambda: dispatch(spec, *rest))

        def delete_for_function(url: str, handles: set[str]) -> None:
            self._journaled(sqs._queues.get(url), lambda: delete(url, handles))

        replace(eventbridge, "_dispatch_to_sqs", to_queue)
        replace(sqs, "_delete_messages_for_esm", delete_for_function)

    def _journaled_operation(self, handle: Callable[..., Any]) -> Callable[..., Any]:
        def handler(data: dict[str, Any], url: str) -> Any:
            queue = self._sqs._get_q(data.get("QueueUrl", url))
            return self._journaled(queue, lambda: handle(data, url))

        return handler

    def _journaled(self, queue: dict[str, Any] | None, act: Callable[[], T]) -> T:
        if queue is None:
            return act()
        with self._order:
            before = {message["id"] for message in queue["messages"]}
            answer = act()
            arn = queue["attributes"]["QueueArn"]
            try:
                for message in queue["messages"][len(before) :]:
                    self._journal.write("message", arn, message)
            except OSError:
                del queue["messages"][len(before) :]
                raise
            if len(queue["messages"]) < len(before):
                deleted = before - {message["id"] for message in queue["messages"]}
                self._journal.write("deleted", arn, sorted(deleted))
        return answer

    def _replay_message(self, arn: str, message: dict[str, Any]) -> None:
        queue = self._sqs._queue_by_arn(arn)
        if queue is not None and message["id"] not in {known["id"] for known in queue["messages"]}:
            queue["messages"].append(message)

    def _replay_deleted(self, arn: str, deleted: list[str]) -> None:
        queue = self._sqs._queue_by_arn(arn)
        if queue is not None:
            queue["messages"] = [message for message in queue["messages"] if message["id"] not in deleted]

    def _make_messages_visible(self) -> None:
        """Make the messages visible that functions were processing when the server ended.

        No message waits longer than its longest delay, also if the clock was set back.
        """
        now = time.time()
        for queue in self._sqs._queues.all_values():
            for message in queue["messages"]:
                latest = now if message["receive_count"] else now + LONGEST_DELAY
                message["visible_at"] = min(message["visible_at"], latest)


def _copied(state: Callable[[], Any]) -> Any:
    for _ in range(ATTEMPTS):
        try:
            return state()
        except RuntimeError:
            time.sleep(0.001)
    return state()


def _cause(execution: Mapping[str, Any]) -> str:
    """Return the cause, for an execution of a run with the command that resumes it."""
    message, machine = "the local server ended while it ran", INSTALLATION.state_machine_arn
    is_run = execution["stateMachineArn"].startswith(machine)
    return f"{message} (stagewright resume {execution['name']})" if is_run else message


def _scope(arn: str) -> tuple[str, str]:
    """Return the account and the region of an ARN."""
    _, _, _, region, account, _ = arn.split(":", 5)
    return account, region
