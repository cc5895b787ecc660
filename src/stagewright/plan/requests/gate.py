"""Gate: no AWS request, but the comparisons that the state machine makes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stagewright.plan.requests.setting import Requests
from stagewright.spec.condition import Operand, conditions
from stagewright.spec.kinds import Gate
from stagewright.spec.references import Reference, render


def requests(stage: Gate, lookup: Callable[[Reference], Any]) -> Requests:
    """`text` is for people: what is known is filled in, results of stages are named."""

    def shown(reference: Reference) -> Any:
        return ".".join(reference.path[1:]) if reference.stage else lookup(reference)

    def value(operand: Operand) -> Any:
        return lookup(operand) if isinstance(operand, Reference) else operand

    comparisons = [
        {
            "text": render(each.text, shown),
            "left": value(each.left),
            "op": each.op,
            "right": value(each.right),
        }
        for each in conditions(stage.require)
    ]
    return {"Gate": comparisons}
