"""Gate: no AWS request, but the comparisons that the state machine makes."""

from __future__ import annotations

from typing import Any

from stagewright.plan.requests.kind import Kind
from stagewright.plan.requests.setting import Requests, Setting
from stagewright.spec.condition import Operand, conditions
from stagewright.spec.kinds import Gate
from stagewright.spec.references import Reference, render

TIMEOUT = 60


def requests(stage: Gate, setting: Setting) -> Requests:
    """`text` is for people: what is known is filled in, results of stages are named."""

    def shown(reference: Reference) -> Any:
        return ".".join(reference.path[1:]) if reference.stage else setting.find(reference)

    def value(operand: Operand) -> Any:
        return setting.find(operand) if isinstance(operand, Reference) else operand

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


KIND = Kind(requests, lambda _stage, _requests: TIMEOUT, points=True)
