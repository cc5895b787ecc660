"""The background tasks of ministack: executions, and the functions that events invoke.

ministack starts a thread per task and keeps no reference to it. A stopping server would interrupt the
functions that record the end of a run. These patches track the tasks, so that the server can wait for them.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from stagewright.local.emulator.durable import INTERRUPTED
from stagewright.local.emulator.patches import replace

PAUSE_SECONDS = 0.002
SCHEDULED = "Scheduled Event"
"""detail-type of a rule's schedule (EventBridge user guide, "Creating a rule that runs on a schedule")."""
IDLE = "Stagewright.StartsNothing"
"""Error code of StartExecution while the server starts no runs. SDKs do not retry it."""

log = logging.getLogger(__name__)


class BackgroundTasks:
    """Tracks background tasks.

    Create it before anything runs: it patches the functions that start threads.
    """

    def __init__(self, step_functions: Any, eventbridge: Any, functions: Any) -> None:
        self._engine = step_functions
        self._functions = functions
        self._lock = threading.Lock()
        self._running: set[str] = set()
        self._invoked = 0
        self._invocations = 0
        self.may_start: Callable[[], bool] = lambda: True
        """Return whether executions may start now. Otherwise messages stay in their queues."""
        replace(functions, "_poll_sqs", self._unless_idle(functions._poll_sqs))
        replace(step_functions, "_start_execution", self._guarded(step_functions._start_execution))
        replace(step_functions, "_run_execution", self._tracked(step_functions._run_execution))
        replace(eventbridge, "_dispatch_to_lambda", self._dispatch)

    def finish(self, cause: str, seconds: float) -> bool:
        """Stop every execution and wait for the functions that record its end.

        From now on, no execution starts and no message leaves its queue. Returns False if a task is still
        running after `seconds`.
        """
        self.may_start = lambda: False
        deadline = time.monotonic() + seconds
        while not self._is_quiet(cause):
            if time.monotonic() > deadline:
                return False
            time.sleep(PAUSE_SECONDS)
        return True

    def announce_interrupted(self) -> None:
        """Send the status event of each execution that the last end of the server interrupted, once.

        ministack marks such executions as failed when it restores its state, but sends no event.
        """
        for execution in self._engine._executions.all_values():
            if execution.get("error") == INTERRUPTED and not execution.get("announced"):
                execution["announced"] = True
                self._engine._emit_execution_status_event(execution)

    def activity(self) -> int:
        """Return a number that grows with every history event of every execution."""
        executions = self._engine._executions
        events: int = executions.archived_events
        events += sum(len(execution["events"]) for execution in executions.all_values())
        return events

    def is_running(self, arn: str) -> bool:
        """Return whether the thread of an execution runs, which may still change the execution."""
        with self._lock:
            return arn in self._running

    def invoke(self, function: str, event: Mapping[str, Any]) -> bool:
        """Invoke a function as EventBridge does and wait for it.

        Return False if it fails or does not exist.
        """
        known, config, _ = self._functions._get_func_record_for_ref(function)
        if not known or not config:
            log.warning("the function %s does not exist", function)
            return False
        record = self._functions._execution_record_for_config(known, config)
        answer = self._functions._execute_function_with_config_scope(record, dict(event))
        if answer.get("error"):
            log.warning("the function %s failed: %s", function, answer.get("body"))
        return not answer.get("error")

    def _is_quiet(self, cause: str) -> bool:
        """Return whether no execution and no function is running.

        An execution sends its last event before it ends, and a function can start an execution. So executions
        are checked before and after the functions, and no function may be invoked in between.
        """
        invocations = self._invocations
        return (
            not self._stop_executions(cause)
            and not self._invoked
            and not self._functions._esm_inflight
            and not self._stop_executions(cause)
            and invocations == self._invocations
        )

    def _stop_executions(self, cause: str) -> bool:
        """Stop every running execution. Return whether one may still send an event."""
        for execution in self._engine._executions.all_values():
            if execution["status"] == "RUNNING":
                stop = {"executionArn": execution["executionArn"], "error": "Stagewright.ServerStopped"}
                self._engine._stop_execution(stop | {"cause": cause})
        known = self._engine._executions
        with self._lock:
            return any(known.get(arn, {}).get("status") != "ABORTED" for arn in self._running)

    def _tracked(self, run: Callable[[str], None]) -> Callable[[str], None]:
        def run_execution(arn: str) -> None:
            with self._lock:
                self._running.add(arn)
            try:
                run(arn)
            finally:
                with self._lock:
                    self._running.discard(arn)

        return run_execution

    def _unless_idle(self, poll: Callable[[], bool]) -> Callable[[], bool]:
        return lambda: self.may_start() and poll()

    def _guarded(self, start: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
        """Reject executions that a running function starts. The function's message is delivered again."""

        def start_execution(request: dict[str, Any]) -> Any:
            if self.may_start():
                return start(request)
            return self._engine.error_response_json(IDLE, "this server starts no runs now", 400)

        return start_execution

    def _dispatch(self, function: str, payload: str) -> None:
        """Invoke a function for EventBridge without waiting. Drop schedule events while no run may start."""
        try:
            event = json.loads(payload)
        except ValueError:  # the output of an input transformer
            event = {"body": payload}
        if event.get("detail-type") == SCHEDULED and not self.may_start():
            return
        with self._lock:
            self._invoked += 1
            self._invocations += 1
        threading.Thread(target=self._deliver, args=(function, event), daemon=True).start()

    def _deliver(self, function: str, event: Mapping[str, Any]) -> None:
        try:
            self.invoke(function, event)
        except Exception:
            log.exception("the function %s could not be invoked", function)
        finally:
            with self._lock:
                self._invoked -= 1
