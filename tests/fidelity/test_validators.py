"""The machine in the eyes of AWS's own language service and of asl-validator."""

from __future__ import annotations

import json

import pytest

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
