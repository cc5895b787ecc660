"""A gate: no service is asked, the machine compares."""

from __future__ import annotations

from stagewright.workflow import jsonata, record
from stagewright.workflow.kinds.kind import Kind
from stagewright.workflow.states import Choice, Pass, Rule

KIND = Kind(
    "gate",
    "Check gate",
    {
        "Check gate": Pass(jsonata.GATE, "Gate closed?"),
        "Gate closed?": Choice(
            (Rule(jsonata.GATE_LETS_LIVE, record.CLOSED), Rule(jsonata.GATE_CLOSED, record.FAILED)),
            default=record.DONE,
        ),
    },
)
