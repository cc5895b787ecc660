"""Fields of gate stages."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from stagewright.stages.base.schema import ElseAction, Stage
from stagewright.syntax.fields import Text


class Gate(Stage):
    """Continues the run only if a condition on metrics holds. The state machine evaluates the condition, so a
    gate has no cost."""

    judges: ClassVar[bool] = True

    kind: Literal["gate"]
    """Always `gate`."""
    require: Text | Annotated[tuple[Text, ...], Field(min_length=1, max_length=100)]
    """A condition, such as `${stages.evaluate.metrics.r2} >= 0.88`, or several that must all hold. See
    *Conditions of a gate*."""
    otherwise: ElseAction = Field("fail", alias="else")
    """What happens if the condition does not hold. `fail`: the run fails. `stop`: the run succeeds and starts
    no more stages. `skip`: the run continues without the stages that depend on the gate."""

    @property
    def condition(self) -> str | tuple[str, ...]:
        return self.require

    @property
    def else_action(self) -> ElseAction:
        return self.otherwise
