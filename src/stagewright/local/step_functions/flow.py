"""The states that call nothing: Pass, Choice, Wait, Succeed, Fail."""

from __future__ import annotations

import re
from datetime import datetime

from stagewright.local.step_functions.errors import NO_CHOICE, StateError
from stagewright.local.step_functions.values import encode
from stagewright.local.step_functions.visit import Exit, Visit

LONGEST_WAIT = 99_999_999
"""Seconds of a Wait state (Step Functions guide, "Wait workflow state")."""
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def run_pass(visit: Visit) -> Exit:
    return visit.exit(visit.input)


def run_succeed(visit: Visit) -> Exit:
    return visit.exit(visit.input)


def run_choice(visit: Visit) -> Exit:
    for index, rule in enumerate(visit.state["Choices"]):
        at = f"Choices[{index}]/"
        if visit.checked(rule["Condition"], f"{at}Condition", "boolean"):
            return visit.exit(visit.input, part=rule, at=at)
    if "Default" not in visit.state:
        words = "Failed to transition out of the state. The state does not point to a next state."
        raise StateError(NO_CHOICE, f"{visit.prefix} {words}")
    return visit.exit(visit.input)._replace(next=visit.state["Default"])


def run_wait(visit: Visit) -> Exit:
    scope = visit.branch.scope
    if "Seconds" in visit.state:
        scope.pause(_seconds(visit))
    else:
        scope.pause(scope.clock.seconds_until(_timestamp(visit)))
    return visit.exit(visit.input)


def _seconds(visit: Visit) -> float:
    seconds = float(visit.typed("Seconds", "number"))
    if not seconds.is_integer():
        raise visit.evaluation_error(
            f"The Seconds field cannot be parsed as an integer: {encode(seconds)}", "Seconds"
        )
    if seconds < 0:
        raise visit.evaluation_error(f"Seconds cannot be negative but was: {encode(seconds)}", "Seconds")
    return min(seconds, LONGEST_WAIT)


def _timestamp(visit: Visit) -> datetime:
    text: str = visit.typed("Timestamp", "string")
    try:
        if TIMESTAMP.fullmatch(text):
            return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
    except ValueError:
        pass
    format_name = "an ISO-8601 extended offset date-time format string"
    raise visit.evaluation_error(
        f"The Timestamp field cannot be parsed as {format_name}: {text}", "Timestamp"
    )


def run_fail(visit: Visit) -> Exit:
    """Raise the error of the state."""
    error, cause = (visit.typed(name, "string") if name in visit.state else "" for name in ("Error", "Cause"))
    raise StateError(error, cause)
