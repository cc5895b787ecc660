"""What goes on in ministack without a request: executions, and the functions that events call.

ministack starts a thread for each and forgets it, so that a server that stopped would cut off the functions
that write down how a run ended. Here they are known, and can be waited for.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from stagewright.local.emulator.durable import INTERRUPTED

PAUSE_SECONDS = 0.002
SCHEDULED = "Scheduled Event"
"""detail-type of a rule's schedule (EventBridge user guide, "Creating a rule that runs on a schedule")."""
IDLE = "Stagewright.StartsNothing"
"""None that a client tries again by itself."""

log = logging.getLogger(__name__)


class Work:
    """Made before anything runs: it takes the place of those functions of ministack that start threads."""

    def __init__(self, step_functions: Any, eventbridge: Any, functions: Any) -> None:
        self._engine = step_functions
        self._functions = functions
        self._lock = threading.Lock()
        self._walked: set[str] = set()
        self._called = 0
        self._calls = 0
        self.may_start: Callable[[], bool] = lambda: True
        """Whether executions may start now. While not, what waits is left where it is."""
        functions._poll_sqs = self._unless_idle(functions._poll_sqs)
        step_functions._start_execution = self._refusing(step_functions._start_execution)
        self._engine._run_execution = self._knowing(self._engine._run_execution)
        eventbridge._dispatch_to_lambda = self._dispatch

    def finish(self, cause: str, seconds: float) -> bool:
        """Stops every execution, and waits for the functions that write down their end.

        None starts any more, and no further message is taken from a queue: there it is safe until the next
        start. False where something still went on after `seconds`.
        """
        self.may_start = lambda: False
        deadline = time.monotonic() + seconds
        while not self._is_quiet(cause):
            if time.monotonic() > deadline:
                return False
            time.sleep(PAUSE_SECONDS)
        return True

    def announce_interrupted(self) -> None:
        """Sends the status event of executions that the last end of this server cut off, each once.

        ministack marks them as failed when it restores its state, and tells nobody.
        """
        for execution in self._engine._executions.all_values():
            if execution.get("error") == INTERRUPTED and not execution.get("announced"):
                execution["announced"] = True
                self._engine._emit_execution_status_event(execution)

    def activity(self) -> int:
        """Grows with every step of every execution: with the requests it tells whether there is news."""
        executions = list(self._engine._executions._data.values())
        return sum(len(execution["events"]) for execution in executions)

    def call(self, function: str, event: Mapping[str, Any]) -> bool:
        """Calls a function as EventBridge does, and waits for it; false where it failed or is not there."""
        found, config, _ = self._functions._get_func_record_for_ref(function)
        if not found or not config:
            log.warning("the function %s is not there", function)
            return False
        record = self._functions._execution_record_for_config(found, config)
        answer = self._functions._execute_function_with_config_scope(record, dict(event))
        if answer.get("error"):
            log.warning("the function %s failed: %s", function, answer.get("body"))
        return not answer.get("error")

    def _is_quiet(self, cause: str) -> bool:
        """An execution sends its last event before it is forgotten, and a function may start an execution: so
        executions are looked at before and after the functions, between which none may have been called."""
        calls = self._calls
        return (
            not self._executions_at_work(cause)
            and not self._called
            and not self._functions._esm_inflight
            and not self._executions_at_work(cause)
            and calls == self._calls
        )

    def _executions_at_work(self, cause: str) -> bool:
        """Whether one may still send an event, as one that is stopped here does at once."""
        for execution in self._engine._executions.all_values():
            if execution["status"] == "RUNNING":
                stop = {"executionArn": execution["executionArn"], "error": "Stagewright.ServerStopped"}
                self._engine._stop_execution(stop | {"cause": cause})
        known = self._engine._executions
        with self._lock:
            return any(known.get(arn, {}).get("status") != "ABORTED" for arn in self._walked)

    def _knowing(self, run: Callable[[str], None]) -> Callable[[str], None]:
        def run_execution(arn: str) -> None:
            with self._lock:
                self._walked.add(arn)
            try:
                run(arn)
            finally:
                with self._lock:
                    self._walked.discard(arn)

        return run_execution

    def _unless_idle(self, poll: Callable[[], bool]) -> Callable[[], bool]:
        return lambda: self.may_start() and poll()

    def _refusing(self, start: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
        """For a function that was at work already: it fails, and its message is delivered again."""

        def start_execution(request: dict[str, Any]) -> Any:
            if self.may_start():
                return start(request)
            return self._engine.error_response_json(IDLE, "this server starts no run now", 400)

        return start_execution

    def _dispatch(self, function: str, payload: str) -> None:
        """EventBridge's call of a function: it waits for nothing. Schedules wait while nothing may start."""
        try:
            event = json.loads(payload)
        except ValueError:  # the text that an input transformer made
            event = {"body": payload}
        if event.get("detail-type") == SCHEDULED and not self.may_start():
            return
        with self._lock:
            self._called += 1
            self._calls += 1
        threading.Thread(target=self._deliver, args=(function, event), daemon=True).start()

    def _deliver(self, function: str, event: Mapping[str, Any]) -> None:
        try:
            self.call(function, event)
        except Exception:
            log.exception("the function %s could not be called", function)
        finally:
            with self._lock:
                self._called -= 1
