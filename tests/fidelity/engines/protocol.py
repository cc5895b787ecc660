"""What both engines are run with: a machine, an input and the answers of its tasks; and what they report.

A program reads `{"cases": [...]}` and writes one trace a case. Both programs import this file, so a task
is answered by the same code.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

NOW = "2026-01-02T03:04:05.678Z"
MILLIS = 1767323045678
TOKEN = "token"
EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:machine:execution"


class Refused(Exception):  # noqa: N818 -- the name of what happens to the task
    """The answer of a task that fails."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(error)
        self.error, self.cause = error, cause


@dataclass
class Trace:
    """The states entered, the requests of all attempts of tasks, and the end of one execution.

    Only the local engine reports `failures`, the causes of failing expressions.
    """

    answers: list[dict[str, Any]]
    states: list[str] = field(default_factory=list)
    calls: list[list[Any]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    end: dict[str, Any] = field(default_factory=dict)

    def answer(self, state: str, resource: str, arguments: Any) -> Any:
        """The first rule for the state whose `holds` is in the arguments' text and that has `times` left."""
        self.calls.append([state, resource, arguments])
        text = json.dumps(arguments, ensure_ascii=False)
        for rule in self.answers:
            if rule["state"] == state and rule.get("holds", "") in text and rule.get("times", 1):
                rule["times"] = rule.get("times", -1) - 1
                return self._answer(rule)
        raise Refused("Test.NoAnswer", f"{state} has no answer")

    @staticmethod
    def _answer(rule: Mapping[str, Any]) -> Any:
        if error := rule.get("error"):
            raise Refused(error["Error"], error.get("Cause", ""))
        return json.loads(json.dumps(rule["result"]))


def serve(run: Callable[[dict[str, Any], Any, Trace], None]) -> None:
    """Run every case of the standard input. `run` fills the trace."""
    for line in sys.stdin:
        case = json.loads(line)
        trace = Trace(case["answers"])
        run(case["machine"], case["input"], trace)
        report = {"states": trace.states, "calls": trace.calls, "failures": trace.failures, "end": trace.end}
        sys.stdout.write(json.dumps(report) + "\n")
