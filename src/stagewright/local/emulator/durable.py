"""ministack's memory, kept: tables, executions and queues survive kill -9 of the server at any moment.

ministack saves when it is stopped. Here every item, every status of an execution and every message goes to a
journal in the function that changes it, so before anybody is answered; the snapshots that the server takes
now and then have the rest, and keep the journal short. Changed are the few functions that all writes pass.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from sagemaker_local.state_folder import write_private
from stagewright.local.emulator.journal import Journal
from stagewright.local.state import INSTALLATION

ATTEMPTS = 20
"""A snapshot copies dictionaries that other threads may be changing, which Python reports as an error."""
INTERRUPTED = "States.ServiceRestart"
"""Error of an execution that the end of its server cut off, as ministack names it."""
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
    """`folder` holds ministack's files and the journal. Made before anything is restored."""

    def __init__(self, app: Any, modules: dict[str, Any], folder: Path) -> None:
        self._app, self._folder = app, folder
        self._dynamodb, self._sqs = modules["dynamodb"], modules["sqs"]
        self._engine = modules["stepfunctions"]
        self._persistence: Any = import_module("ministack.core.persistence")
        self._journal = Journal(folder)
        self._order = threading.RLock()
        self._saving = threading.Lock()
        app._load_persisted_state = self._then_replay(app._load_persisted_state)
        self._note_items()
        self._note_executions()
        self._note_messages(modules["eventbridge"])

    def save(self) -> None:
        """A snapshot of every service, a file each, atomically. Where one fails the journal stays."""
        with self._saving:
            self._folder.mkdir(parents=True, exist_ok=True)
            # Under the lock: a change is in the table and in the old journal, or in neither.
            with self._order:
                earlier = self._journal.begin()
            services = self._app._build_persistence_save_dict().items()
            failed = [name for name, state in services if not self._save(name, state)]
            if not failed:
                for file in earlier:
                    file.unlink()

    def _save(self, name: str, state: Callable[[], Any]) -> bool:
        try:
            self._write(name, _copied(state))
        except Exception:  # one service must not keep the others from being saved
            log.exception("the state of %s could not be saved", name)
            return False
        return True

    def _write(self, name: str, taken: Any) -> None:
        if taken is None:  # a module that could not be imported: what it saved before stays
            return
        whole = {"__ministack_format__": self._persistence._state_format_version(name), "payload": taken}
        # `dumps`, since `dump` would use Python's own encoder, several times slower.
        text = json.dumps(whole, default=self._persistence._json_default)
        write_private(self._folder / f"{name}.json", text)

    def _then_replay(self, load: Callable[[], None]) -> Callable[[], None]:
        def load_and_replay() -> None:
            load()
            for kind, arn, *rest in self._journal.changes():
                getattr(self, f"_replay_{kind}")(arn, *rest)
            self._interrupt()
            self._show_messages()
            self._folder.mkdir(parents=True, exist_ok=True)
            self._journal.begin()

        return load_and_replay

    def _note_items(self) -> None:
        module = self._dynamodb
        put, remove, replaced = module._set_item, module._remove_item, module._items_replaced

        def set_item(table: dict[str, Any], key: str, sort: str, item: dict[str, Any]) -> Any:
            with self._order:
                old = put(table, key, sort, item)
                self._journal.write("item", table["TableArn"], key, sort, item)
            return old

        def remove_item(table: dict[str, Any], key: str, sort: str) -> Any:
            with self._order:
                old = remove(table, key, sort)
                self._journal.write("item", table["TableArn"], key, sort, None)
            return old

        def items_replaced(table: dict[str, Any]) -> None:
            with self._order:
                replaced(table)
                self._journal.write("items", table["TableArn"], table["items"])

        module._set_item, module._remove_item = set_item, remove_item
        module._items_replaced = items_replaced
        self._put_item, self._remove_item = put, remove

    def _replay_item(self, arn: str, key: str, sort: str, item: dict[str, Any] | None) -> None:
        table = self._dynamodb._tables.get_scoped(*_scope(arn), arn.partition(":table/")[2])
        if table is None:
            return
        if item is None:
            self._remove_item(table, key, sort)
        else:
            self._put_item(table, key, sort, item)

    def _replay_items(self, arn: str, items: dict[str, dict[str, Any]]) -> None:
        table = self._dynamodb._tables.get_scoped(*_scope(arn), arn.partition(":table/")[2])
        for key, sort in _keys(table["items"]) if table else ():
            self._remove_item(table, key, sort)
        for key, sort in _keys(items):
            self._replay_item(arn, key, sort, items[key][sort])

    def _note_executions(self) -> None:
        """Every change of a status sends an event, so all of them pass here."""
        emit = self._engine._emit_execution_status_event

        def emit_status(execution: dict[str, Any]) -> None:
            self._journal.write("execution", execution["executionArn"], execution)
            emit(execution)

        self._engine._emit_execution_status_event = emit_status

    def _replay_execution(self, arn: str, execution: dict[str, Any]) -> None:
        """The snapshot's own, where it has seen more of it, stands."""
        known = self._engine._executions.get_scoped(*_scope(arn), arn)
        if known is None or execution["status"] != "RUNNING":
            self._engine._executions.set_scoped(*_scope(arn), arn, execution)

    def _interrupt(self) -> None:
        """Nobody goes on with what ran when the server died. ministack has failed those of its snapshot, with
        a sentence of its own."""
        for execution in self._engine._executions.all_values():
            if execution["status"] == "RUNNING":
                ended = {"status": "FAILED", "stopDate": self._engine.now_iso()}
                execution.update(ended, error=INTERRUPTED)
            if execution.get("error") == INTERRUPTED:
                execution["cause"] = _cut_off(execution)

    def _note_messages(self, eventbridge: Any) -> None:
        """Sent by a client or by a rule; taken away by a client or for a function."""
        sqs = self._sqs
        for name in MESSAGE_OPERATIONS:
            sqs._HANDLERS[name] = self._noting_client(sqs._HANDLERS[name])
        dispatch, delete = eventbridge._dispatch_to_sqs, sqs._delete_messages_for_esm

        def to_queue(spec: Any, *rest: Any) -> None:
            self._noted(sqs._queue_by_arn(str(spec)), lambda: dispatch(spec, *rest))

        def delete_for_function(url: str, handles: set[str]) -> None:
            self._noted(sqs._queues.get(url), lambda: delete(url, handles))

        eventbridge._dispatch_to_sqs, sqs._delete_messages_for_esm = to_queue, delete_for_function

    def _noting_client(self, handle: Callable[..., Any]) -> Callable[..., Any]:
        def handler(data: dict[str, Any], url: str) -> Any:
            queue = self._sqs._get_q(data.get("QueueUrl", url))
            return self._noted(queue, lambda: handle(data, url))

        return handler

    def _noted(self, queue: dict[str, Any] | None, act: Callable[[], T]) -> T:
        if queue is None:
            return act()
        with self._order:
            before = {message["id"] for message in queue["messages"]}
            answer = act()
            arn = queue["attributes"]["QueueArn"]
            for message in queue["messages"][len(before) :]:
                self._journal.write("message", arn, message)
            if len(queue["messages"]) < len(before):
                left = before - {message["id"] for message in queue["messages"]}
                self._journal.write("taken", arn, sorted(left))
        return answer

    def _replay_message(self, arn: str, message: dict[str, Any]) -> None:
        queue = self._sqs._queue_by_arn(arn)
        if queue is not None and message["id"] not in {known["id"] for known in queue["messages"]}:
            queue["messages"].append(message)

    def _replay_taken(self, arn: str, taken: list[str]) -> None:
        queue = self._sqs._queue_by_arn(arn)
        if queue is not None:
            queue["messages"] = [message for message in queue["messages"] if message["id"] not in taken]

    def _show_messages(self) -> None:
        """A message that was being worked on is to be seen at once: nobody works on it any more."""
        now = time.time()
        for queue in self._sqs._queues.all_values():
            for message in queue["messages"]:
                if message["receive_count"]:
                    message["visible_at"] = min(message["visible_at"], now)


def _copied(state: Callable[[], Any]) -> Any:
    for _ in range(ATTEMPTS):
        try:
            return state()
        except RuntimeError:
            time.sleep(0.001)
    return state()


def _cut_off(execution: Mapping[str, Any]) -> str:
    """The remedy is for runs; a machine of somebody's own has none."""
    said, machine = "the local server ended while it ran", INSTALLATION.state_machine_arn
    is_run = execution["stateMachineArn"].startswith(machine)
    return f"{said} (stagewright resume {execution['name']})" if is_run else said


def _scope(arn: str) -> tuple[str, str]:
    """Account and region."""
    _, _, _, region, account, _ = arn.split(":", 5)
    return account, region


def _keys(items: dict[str, dict[str, Any]]) -> list[tuple[str, str]]:
    return [(key, sort) for key, found in items.items() for sort in found]
