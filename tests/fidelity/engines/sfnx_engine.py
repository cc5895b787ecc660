"""The engine of sfnx, unchanged. It runs the items of a Map one after another, and does not wait."""

from __future__ import annotations

import functools
from typing import Any

from jsonata.parser import Parser
from protocol import MILLIS, NOW, Refused, Trace, serve
from sfnx import testing

CLOCK = {"now": lambda: NOW, "millis": lambda: MILLIS}


def run(machine: dict[str, Any], given: Any, trace: Trace) -> None:
    def answer(call: testing.Call) -> Any:
        try:
            return trace.answer(call.state, call.resource, call.arguments)
        except Refused as refused:
            raise testing.Failure(refused.error, refused.cause) from refused

    execution = testing.run(machine, given, answer, functions=CLOCK, start_time=NOW)
    trace.states.extend(execution.states)
    trace.end = (
        {"error": execution.error, "cause": execution.cause}
        if execution.error is not None
        else {"output": execution.output}
    )


parse = Parser.parse
Parser.parse = functools.cache(lambda _, text, *engine: parse(Parser(), text, *engine))
testing.states_fields = functools.cache(testing.states_fields)
"""Parsing and checking are most of the work, and give the same each time."""
serve(run)
