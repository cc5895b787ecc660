"""Parallel and inline Map states: branches that run at the same time."""

from __future__ import annotations

import contextvars
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from stagewright.local.step_functions.clock import Scope
from stagewright.local.step_functions.errors import AbortedError, StateError
from stagewright.local.step_functions.values import encode
from stagewright.local.step_functions.visit import Branch, Exit, Visit

ABORTABLE = ("Task", "Wait", "Map", "Parallel")
"""Types of states that have an event <type>StateAborted (API reference, HistoryEvent)."""
Walk = Callable[[Branch, Mapping[str, Any], Any], Any]
"""Runs the states of a branch from its StartAt and returns its output."""


@dataclass
class Job:
    """A branch of a Parallel state, or an iteration of the Map state `name`."""

    index: int
    machine: Mapping[str, Any]
    input: Any
    branch: Branch
    name: str = ""
    is_started: bool = False
    output: list[Any] = field(default_factory=list)
    """The output, once there is one."""

    def add(self, kind: str, previous: int) -> None:
        if self.name:
            details = {"name": self.name, "index": self.index}
            self.branch.previous = self.branch.history.add(f"MapIteration{kind}", previous, **details)


def run_parallel(visit: Visit, walk: Walk) -> Exit:
    def attempt() -> Exit:
        value = visit.evaluate(visit.state.get("Arguments", visit.input), "Arguments")
        visit.branch.add("ParallelStateStarted")
        group = _Group(visit, walk)
        branches: list[Any] = visit.state["Branches"]
        return group.run([group.job(index, branch, value) for index, branch in enumerate(branches)])

    return visit.try_again(attempt, lambda: visit.branch.add("ParallelStateFailed"))


def run_map(visit: Visit, walk: Walk) -> Exit:
    def attempt() -> Exit:
        inputs = [_selected(visit, index, item) for index, item in enumerate(_items(visit))]
        most = int(visit.number("MaxConcurrency", 0)) or len(inputs)
        visit.branch.add("MapStateStarted", length=len(inputs))
        group = _Group(visit, walk)
        processor = visit.state["ItemProcessor"]
        jobs = [group.job(index, processor, value, visit.name) for index, value in enumerate(inputs)]
        return group.run(jobs, most)

    return visit.try_again(attempt, lambda: visit.branch.add("MapStateFailed"))


def _items(visit: Visit) -> list[Any]:
    if "Items" in visit.state:
        return list(visit.typed("Items", "array"))
    if not isinstance(visit.input, list):
        raise visit.evaluation_error(f"Map state input must be an array but was: {encode(visit.input)}")
    return visit.input


def _selected(visit: Visit, index: int, item: Any) -> Any:
    if "ItemSelector" not in visit.state:
        return item
    context = {**visit.context, "Map": {"Item": {"Index": index, "Value": item}}}
    return visit.evaluate(visit.state["ItemSelector"], "ItemSelector", context=context)


class _Group:
    """The branches of one attempt. The first that fails ends the others."""

    def __init__(self, visit: Visit, walk: Walk) -> None:
        self._visit = visit
        self._walk = walk
        self._scope = Scope(visit.branch.scope.clock, visit.branch.scope.is_over)
        self._lock = threading.Lock()
        self._waiting: deque[Job] = deque()
        self._failure: tuple[Job, BaseException] | None = None

    def job(self, index: int, machine: Mapping[str, Any], value: Any, name: str = "") -> Job:
        return Job(index, machine, value, self._visit.branch.inner(self._scope), name)

    def run(self, jobs: Sequence[Job], most: int | None = None) -> Exit:
        """Run all jobs, at most `most` at the same time. Raise the error of the first that fails."""
        self._waiting.extend(jobs)
        previous = self._visit.branch.previous
        first = [self._start(previous) for _ in jobs[:most]]
        workers = [job for job in first if job]
        if len(workers) == 1:
            self._work(workers[0])
        else:
            _together(self._work, workers)
        if self._failure:
            self._add_failure(jobs, *self._failure)
            raise self._failure[1]
        return self._ended(jobs)

    def _start(self, previous: int) -> Job | None:
        """Start the next job, whose first event follows `previous`. None: there is none, or one failed."""
        with self._lock:
            if not self._waiting or self._failure:
                return None
            job = self._waiting.popleft()
            job.is_started = True
        try:
            job.add("Started", previous)
        except Exception as error:  # the history is full, or the execution has ended
            self._fail(job, error)
            return None
        return job

    def _work(self, job: Job) -> None:
        following: Job | None = job
        while following:
            try:
                previous = self._finish(following)
            except Exception as error:  # raised again by the state
                self._fail(following, error)
                return
            following = self._start(previous)

    def _finish(self, job: Job) -> int:
        """Run a job to its end. Return the id of its last event but for that of its success.

        The next iteration follows that event (recorded).
        """
        output = self._walk(job.branch, job.machine, job.input)
        previous = job.branch.previous
        job.add("Succeeded", previous)
        job.output.append(output)
        return previous

    def _fail(self, job: Job, error: BaseException) -> None:
        with self._lock:
            self._failure = self._failure or (job, error)
        self._scope.abort()

    def _ended(self, jobs: Sequence[Job]) -> Exit:
        branch = self._visit.branch
        branch.previous = max((job.branch.previous for job in jobs), default=branch.previous)
        # The exit does not follow this event but the one before it (recorded).
        branch.history.add(f"{self._visit.kind}StateSucceeded", branch.previous)
        outputs = [output for job in jobs for output in job.output]
        return self._visit.exit(outputs, result=outputs)

    def _add_failure(self, jobs: Sequence[Job], failed: Job, error: BaseException) -> None:
        """Add the events of the job that failed, and of those that its failure has ended."""
        cause = self._visit.branch.previous = failed.branch.previous
        aborted = [job for job in jobs if job.is_started and not job.output and job is not failed]
        with suppress(StateError, AbortedError):
            for job in (failed, *aborted):
                is_failed = job is failed and not isinstance(error, AbortedError)
                job.add("Failed" if is_failed else "Aborted", cause)
                if job.branch.open in ABORTABLE:
                    job.branch.history.add(f"{job.branch.open}StateAborted", cause)


def _together(work: Callable[[Job], None], jobs: Sequence[Job]) -> None:
    threads = [
        threading.Thread(target=contextvars.copy_context().run, args=(work, job), daemon=True) for job in jobs
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
