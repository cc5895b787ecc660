"""A Step Functions engine that is not ours takes the same path through the machine, with the same data.

It is `sfnx.testing`, unchanged (docs/fidelity.md lists what differs). Both engines run the same cases, each
in a process of its own, and the same code answers the tasks.
"""

from __future__ import annotations

import pytest
from tests.fidelity.alone import cases, errors, machine, states
from tests.fidelity.comparison import INNER, Compared, compared, report

pytestmark = pytest.mark.slow
STATES = states(machine())


@pytest.fixture(scope="module")
def situations(second) -> list[Compared]:
    return compared(second, [each for name, state in STATES.items() for each in cases(name, state)])


def test_both_engines_take_the_same_path_in_every_situation(situations):
    differences = [each for each in situations if not each.agree]
    assert not differences, report(differences)


def test_every_way_out_of_every_state_is_taken_in_some_situation(situations):
    """A comparison proves nothing about a transition that no case takes."""
    agreed = [each.here["states"] for each in situations if each.agree]
    taken = {tuple(name for name in entered if name != INNER)[-2:] for entered in agreed}
    for name, state in STATES.items():
        rules = [*state.get("Choices", ()), *state.get("Catch", ())]
        ways = {state[key] for key in ("Next", "Default") if key in state} | {each["Next"] for each in rules}
        assert {way for way in ways if (name, way) not in taken} == set(), name


def test_both_engines_retry_and_catch_the_same_errors(second, situations):
    tasks = {name for name, state in STATES.items() if state["Type"] == "Task"}
    fitting = {
        each.here["calls"][0][0]: each.run
        for each in situations
        if "result" in each.run["answers"][0] and each.here["calls"] and not each.here["failures"]
    }
    assert tasks <= fitting.keys()
    run = [
        {**fitting[name], "answers": answers}
        for name in sorted(tasks)
        for error in sorted(errors(STATES[name]))
        for answers in failing(name, error, fitting[name]["answers"])
    ]
    differences = [each for each in compared(second, run) if not each.agree]
    assert not differences, report(differences)


def failing(name: str, error: str, answers: list[dict]) -> list[list[dict]]:
    """Every attempt fails; the first fails and the second succeeds."""
    failure = {"state": name, "error": {"Error": error, "Cause": "y"}}
    return [[failure], [{**failure, "times": 1}, *answers]]
