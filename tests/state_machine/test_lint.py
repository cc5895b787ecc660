"""Every lint rule, on a state machine that violates it, and the real state machine, which violates none."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from stagewright.state_machine.builder import CONCURRENCY, build
from stagewright.state_machine.lint import PLACEHOLDERS, expressions, lint


def machine(**state) -> dict:
    return {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True, **state}}}


def test_state_machine_has_no_problems():
    assert lint(build()) == ()


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("{% $a ?? 1 %}", "?? is not in JSONata 2.0.6"),
        ("{% $a ?: 1 %}", "?: is not in JSONata 2.0.6"),
        ("{% $eval('1') %}", "$eval is not in JSONata 2.0.6"),
        ("{% $toUpper('a') %}", "$toUpper is not a function"),
        ("{% 1 +\n 2 %}", "a line break"),
        ("${role_arn}", "unknown placeholder ${role_arn}"),
        ("100%{ if }", "templatefile"),
    ],
)
def test_forbidden_expressions_are_reported(expression, told):
    problems = lint(machine(Output={"deep": [expression]}))
    assert len(problems) == 1
    assert problems[0].startswith("/States/A/Output/deep/0: ")
    assert told in problems[0]


@pytest.mark.parametrize(
    "expression",
    [
        "{% '?? and ?: in a text, $eval(1)' %}",
        "{% $a ? 1 : 2 %}",
        "{% ($f := function($x) { $x }; $f(1)) %}",
        "{% $reduce([], function($at, $key) { $key }, 1) %}",
        "${runs_table} ${partition}",
    ],
)
def test_allowed_expressions_are_not_reported(expression):
    assert lint(machine(Output=expression)) == ()


def test_assignment_of_an_outer_variable_is_reported():
    inner = machine(Assign={"count": 1})
    outer = machine(Assign={"count": 0})
    outer["States"]["M"] = {"Type": "Map", "ItemProcessor": inner, "Catch": [], "End": True}
    assert lint(outer) == ("/M/A: assigns $count of an outer scope, which AWS rejects",)
    inner["States"]["A"]["Assign"] = {"own": 1}
    assert lint(outer) == ()


@pytest.mark.parametrize("field", ["Retry", "Catch", "TimeoutSeconds"])
def test_task_without_retry_catch_or_timeout_is_reported(field):
    fields = {"Type": "Task", "Retry": [], "Catch": [], "TimeoutSeconds": 1}
    del fields[field]
    assert lint(machine(**fields)) == (f"/A: has no {field}",)


def test_expressions_are_not_recursive():
    """Support for recursion in Step Functions is not confirmed, so a function must not call itself."""
    for _, text in expressions(build()):
        for defined in text.split(":=")[:-1]:
            name = defined.rsplit("$", 1)[1].strip()
            body = text.split(f"${name} :=", 1)[1]
            if body.lstrip().startswith("function"):
                assert f"${name}(" not in body.split(";", 1)[0]


def test_placeholders_are_only_in_arns_and_table_names():
    text = json.dumps(build())
    function = "${prefix}-${environment}-smoke-test"
    assert text.count("${") == sum(
        (text.count("${partition}"), text.count("${runs_table}"), 2 * text.count(function))
    )
    assert {"partition", "runs_table", "prefix", "environment"} <= PLACEHOLDERS


def states(machine) -> dict:
    found = {}
    for name, state in machine["States"].items():
        assert name not in found, f"{name} twice: AWS wants names unique in the whole machine"
        found[name] = state
        inner = states(state["ItemProcessor"]) if "ItemProcessor" in state else {}
        assert not inner.keys() & found.keys()
        found |= inner
    return found


def test_names_are_unique_and_short_and_maps_are_inline():
    found = states(build())
    assert max(map(len, found)) <= 80
    maps = [state for state in found.values() if state["Type"] == "Map"]
    assert {state["MaxConcurrency"] for state in maps} == {CONCURRENCY}
    assert CONCURRENCY <= 40


def test_jobs_are_not_retried_after_they_ran():
    for state in states(build()).values():
        for retry in state.get("Retry", ()):
            assert not {"States.TaskFailed", "States.Timeout", "States.ALL"} & set(retry["ErrorEquals"])


def test_definition_is_far_below_the_limit():
    """Step Functions limits a definition to 1 MB."""
    assert len(json.dumps(build())) < 200_000


def test_command_prints_the_state_machine():
    printed = subprocess.run(
        [sys.executable, "-m", "stagewright.state_machine"], capture_output=True, text=True, check=True
    )
    assert json.loads(printed.stdout) == build()
