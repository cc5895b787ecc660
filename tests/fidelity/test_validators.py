"""The machine in the eyes of AWS's own language service and of asl-validator."""

from __future__ import annotations

import json

import pytest
from tests.local.step_functions.test_diagnostics import RIGHT, WRONG

from stagewright.local.step_functions.diagnostics import diagnose
from stagewright.state_machine.builder import build

pytestmark = [pytest.mark.node, pytest.mark.slow]


def validate(node, machine) -> dict:
    text = json.dumps(machine, indent=1).replace("${partition}", "aws").replace("${runs_table}", "runs")
    return json.loads(node.run("validate.mjs", text))


def test_both_validators_accept_the_state_machine(node):
    assert validate(node, build()) == {"service": [], "validator": []}


def test_both_validators_reject_a_wrong_state_machine(node):
    machine = build()
    machine["States"]["Load plan"]["Next"] = "Nowhere"
    del machine["States"]["Wave"]["ItemProcessor"]["States"]["Load page"]["Resource"]
    found = validate(node, machine)
    assert any("must be the name of an existing state" in problem for problem in found["service"])
    assert found["validator"]


def test_local_diagnostics_find_what_the_language_service_finds(node):
    """The local server has no Node, so it has checks of its own. AWS's API finds more than the service."""
    wrong = [definition for definition, _ in WRONG]
    found = {text: validate(node, json.loads(text))["service"] for text in (*wrong, *RIGHT)}
    assert [text for text, problems in found.items() if bool(diagnose(text)) < bool(problems)] == []
    assert sum(bool(found[text]) for text in wrong) >= 7
    assert [text for text in RIGHT if found[text] or diagnose(text)] == []
