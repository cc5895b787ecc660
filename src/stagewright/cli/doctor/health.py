"""Checks of alarms, late messages, hanging runs and the sweeper."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

from stagewright.cli.common import output
from stagewright.cli.doctor.check import Probe
from stagewright.cli.doctor.target import CheckedTarget
from stagewright.errors import NotFoundError
from stagewright.naming import epoch

LATE = 15 * 60
"""Seconds that a message may wait, as in the alarm `late-events`."""
SILENCE = 30 * 60
"""Seconds within which the sweeper must run, as in the alarm `silent-sweeper`."""
DAY = 24 * 3600
FRESH = 120
"""Seconds within which the end of a run must be recorded."""
LIMIT = 1_000


def probes(target: CheckedTarget) -> Iterator[Probe]:
    yield Probe(
        "dead letters",
        partial(_dead_letters, target),
        "`stagewright dlq` lists them with the reasons",
        needed=False,
        good="none",
    )
    yield Probe(
        "open runs",
        partial(_open_runs, target),
        "`stagewright show RUN` shows its stages, `stagewright stop RUN` ends it",
        needed=False,
        good="none hangs",
    )
    if target.is_local:
        return
    yield Probe(
        "waiting events", partial(_waiting, target), "the router fails or is throttled (docs/operations.md)",
        needed=False, good="none is late",
    )  # fmt: skip
    yield Probe("sweeper", partial(_sweeper, target), "enable the rule `sweep` (docs/operations.md)")
    yield Probe("alarms", partial(_missing_alarms, target), target.fix, needed=False)
    yield Probe(
        "alarm states",
        partial(_raised, target),
        "docs/operations.md has a section for each",
        needed=False,
        good="none is raised",
    )


def _dead_letters(target: CheckedTarget) -> Iterator[str]:
    queue = target.expected["queues"]["events-dead"]["name"]
    count = int(target.gateway.installed.queue(queue)["ApproximateNumberOfMessages"])
    if count:
        yield output.counted(count, "message")


def _waiting(target: CheckedTarget) -> Iterator[str]:
    queue = {"QueueName": target.expected["queues"]["events"]["name"]}
    age = target.gateway.installed.figure("AWS/SQS", "ApproximateAgeOfOldestMessage", queue, "Maximum", LATE)
    if age is not None and age >= LATE:
        yield f"the oldest has waited {age:,.0f} s"


def _open_runs(target: CheckedTarget) -> Iterator[str]:
    now = time.time()
    for header in target.gateway.runs.open_runs(LIMIT):
        age = now - epoch(header.created)
        if age > DAY:
            yield f"{header.run} has been open for {age / 3600:,.0f} h"
        elif age > FRESH and not _executes(target, header.execution):
            yield f"{header.run} is open but its execution ended; the sweeper closes it within five minutes"


def _executes(target: CheckedTarget, execution: str) -> bool:
    try:
        return bool(execution) and target.gateway.executions.describe(execution).status == "RUNNING"
    except NotFoundError:
        return False


def _sweeper(target: CheckedTarget) -> Iterator[str]:
    function = {"FunctionName": target.expected["functions"]["sweeper"]["name"]}
    if not target.gateway.installed.figure("AWS/Lambda", "Invocations", function, "Sum", SILENCE):
        yield "it has not run for half an hour"


def _states(target: CheckedTarget) -> dict[str, str]:
    names = [alarm["name"] for alarm in target.expected["alarms"].values()]
    return target.gateway.installed.alarm_states(names)


def _missing_alarms(target: CheckedTarget) -> Iterator[str]:
    there = _states(target)
    for what, alarm in target.expected["alarms"].items():
        if alarm["name"] not in there:
            yield f"{what} is missing"


def _raised(target: CheckedTarget) -> Iterator[str]:
    there = _states(target)
    for what, alarm in target.expected["alarms"].items():
        if there.get(alarm["name"]) == "ALARM":
            yield f"{what}: {alarm['description']}"
