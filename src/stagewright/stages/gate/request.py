"""The steps with which the state machine evaluates a gate's condition, in postfix order.

| step | does |
|---|---|
| `{"op": "value", "value": 0.88}` | pushes a number, a text or a token |
| `{"op": "-", "text": ...}` | pops two numbers, pushes the result |
| `{"op": ">=", "text": ...}` | pops two values, pushes why the comparison does not hold, or an empty text |
| `{"op": "holds"}` | pushes an empty text: a comparison with a champion that does not exist yet |
| `{"op": "and"}`, `{"op": "or"}` | pops two of these, pushes one |

`text` is for error messages. Known values are filled in; results of stages and of the champion are named.
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
        if any(isinstance(value, Reference) and self.find(value) is None for value in values):
            yield {"op": "holds"}
        else:
            yield from self.term(comparison.left)
            yield from self.term(comparison.right)
            yield {"op": comparison.op, "text": self.message(comparison.text)}

    def term(self, term: Term) -> Iterator[Step]:
        if isinstance(term, Value):
            operand = term.operand
            yield {"op": "value", "value": self.find(operand) if isinstance(operand, Reference) else operand}
        else:
            yield from self.term(term.left)
            yield from self.term(term.right)
            yield {"op": term.op, "text": self.message(term.text)}

    def message(self, text: str) -> Any:
        def name_or_value(reference: Reference) -> Any:
            if reference.stage:
                return ".".join(reference.path[1:])
            return ".".join(reference.path) if reference.of_champion else self.find(reference)

        return render(f" {text}", name_or_value)[1:]  # with the blank, one reference is a text too


def build(stage: Gate, context: BuildContext) -> Requests:
    """Return the steps of the condition. Several conditions must all hold.

    If overrides or the run changed parameters that the condition reads, it must also hold with the values of
    the pushed document. So a changed parameter can make a gate stricter, but never open it.
    """
    required = condition(stage.require)
    steps, reviewed = (list(_Steps(find).of(required)) for find in (context.find, context.find_reviewed))
    return {"Gate": steps if steps == reviewed else [*steps, *reviewed, {"op": "and"}]}


REQUEST = StageRequest(
    build,
    lambda _stage, _requests: TIMEOUT,
    history_events=13,
    machine_inputs=("Gate",),
    is_pointer=True,
    field_names=((r"Gate\.\d+", "require"),),
)
