"""Gate: no AWS request, but the steps by which the state machine judges, in postfix order.

| step | does |
|---|---|
| `{"op": "value", "value": 0.88}` | puts a number, a text or a token on the stack |
| `{"op": "-", "text": ...}` | takes two numbers, puts what they give |
| `{"op": ">=", "text": ...}` | takes two values, puts whether it holds, or why not |
| `{"op": "holds"}` | puts what holds: a comparison with a champion where there is none yet |
| `{"op": "and"}`, `{"op": "or"}` | takes two of these, puts one |

`text` is for people: what is known is filled in, results of stages and the champion's are named.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from stagewright.stages.base.request import BuildContext, Lookup, Requests
from stagewright.stages.base.stage_request import StageRequest
from stagewright.stages.gate.schema import Gate
from stagewright.syntax.condition import Comparison, Condition, Term, Value, condition, operands
from stagewright.syntax.references import Reference, render

TIMEOUT = 60
Step = dict[str, Any]


@dataclass(frozen=True)
class _Steps:
    find: Lookup

    def of(self, condition: Condition) -> Iterator[Step]:
        if isinstance(condition, Comparison):
            yield from self.comparison(condition)
        else:
            yield from self.of(condition.left)
            yield from self.of(condition.right)
            yield {"op": condition.op}

    def comparison(self, comparison: Comparison) -> Iterator[Step]:
        values = (*operands(comparison.left), *operands(comparison.right))
        if any(isinstance(each, Reference) and self.find(each) is None for each in values):
            yield {"op": "holds"}
        else:
            yield from self.term(comparison.left)
            yield from self.term(comparison.right)
            yield {"op": comparison.op, "text": self.said(comparison.text)}

    def term(self, term: Term) -> Iterator[Step]:
        if isinstance(term, Value):
            given = term.operand
            yield {"op": "value", "value": self.find(given) if isinstance(given, Reference) else given}
        else:
            yield from self.term(term.left)
            yield from self.term(term.right)
            yield {"op": term.op, "text": self.said(term.text)}

    def said(self, text: str) -> Any:
        def shown(reference: Reference) -> Any:
            if reference.stage:
                return ".".join(reference.path[1:])
            return ".".join(reference.path) if reference.of_champion else self.find(reference)

        return render(f" {text}", shown)[1:]  # a blank: what is one reference and nothing else is no text


def build(stage: Gate, context: BuildContext) -> Requests:
    """What the machine judges."""
    return {"Gate": list(_Steps(context.find).of(condition(stage.require)))}


REQUEST = StageRequest(
    build,
    lambda _stage, _requests: TIMEOUT,
    history_events=13,
    machine_inputs=("Gate",),
    is_pointer=True,
    field_names=((r"Gate\.\d+", "require"),),
)
