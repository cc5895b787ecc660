"""How the installation fares: alarms, messages that wait, runs that hang, the sweeper."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

from stagewright.cli.common import output
from stagewright.cli.doctor.check import Probe
from stagewright.cli.doctor.installation import Place
from stagewright.errors import NotFoundError
from stagewright.naming import epoch

LATE = 15 * 60
"""Seconds that a message may wait, and that the alarm `late-events` allows."""
SILENCE = 30 * 60
"""Seconds within which the sweeper must have run, as the alarm `silent-sweeper` has it."""
DAY = 24 * 3600
FRESH = 120
"""Seconds that a run's end has to be recorded."""
LIMIT = 1_000


def probes(place: Place) -> Iterator[Probe]:
    yield Probe(
        "dead letters",
        partial(_dead_letters, place),
        "`stagewright dlq` shows them, and why",
        needed=False,
        good="none",
    )
    yield Probe(
        "open runs",
        partial(_open_runs, place),
        "`stagewright show RUN` says where it is, `stagewright stop RUN` ends it",
        needed=False,
        good="none hangs",
    )
    if place.local:
        return
    yield Probe(
        "waiting events", partial(_waiting, place), "the router fails or is throttled: docs/operations.md",
        needed=False, good="none is late",
    )  # fmt: skip
    yield Probe("sweeper", partial(_sweeper, place), "is the rule `sweep` enabled? docs/operations.md")
    yield Probe("alarms", partial(_missing_alarms, place), place.mend, needed=False)
    yield Probe(
        "alarm states",
        partial(_raised, place),
        "docs/operations.md has a section for each",
        needed=False,
        good="none is raised",
    )


def _dead_letters(place: Place) -> Iterator[str]:
    queue = place.wanted["queues"]["events-dead"]["name"]
    count = int(place.gateway.installed.queue(queue)["ApproximateNumberOfMessages"])
    if count:
        yield output.counted(count, "message")


def _waiting(place: Place) -> Iterator[str]:
    queue = {"QueueName": place.wanted["queues"]["events"]["name"]}
    age = place.gateway.installed.figure("AWS/SQS", "ApproximateAgeOfOldestMessage", queue, "Maximum", LATE)
    if age is not None and age >= LATE:
        yield f"the oldest has waited {age:,.0f} s"


def _open_runs(place: Place) -> Iterator[str]:
    now = time.time()
    for header in place.gateway.runs.open_runs(LIMIT):
        age = now - epoch(header.created)
        if age > DAY:
            yield f"{header.run} is open for {age / 3600:,.0f} h"
        elif age > FRESH and not _executes(place, header.execution):
            yield f"{header.run} is open, and its execution is not: the sweeper closes it within five minutes"


def _executes(place: Place, execution: str) -> bool:
    try:
        return bool(execution) and place.gateway.executions.describe(execution).status == "RUNNING"
    except NotFoundError:
        return False


def _sweeper(place: Place) -> Iterator[str]:
    function = {"FunctionName": place.wanted["functions"]["sweeper"]["name"]}
    if not place.gateway.installed.figure("AWS/Lambda", "Invocations", function, "Sum", SILENCE):
        yield "it has not run for half an hour"


def _states(place: Place) -> dict[str, str]:
    names = [alarm["name"] for alarm in place.wanted["alarms"].values()]
    return place.gateway.installed.alarm_states(names)


def _missing_alarms(place: Place) -> Iterator[str]:
    there = _states(place)
    for what, alarm in place.wanted["alarms"].items():
        if alarm["name"] not in there:
            yield f"{what} is missing"


def _raised(place: Place) -> Iterator[str]:
    there = _states(place)
    for what, alarm in place.wanted["alarms"].items():
        if there.get(alarm["name"]) == "ALARM":
            yield f"{what}: {alarm['description']}"
