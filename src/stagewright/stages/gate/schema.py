"""A stage that ends the run, or a branch of it, unless what it requires holds."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from stagewright.stages.base.schema import ElseAction, Stage
from stagewright.syntax.fields import Text


class Gate(Stage):
    """Compares metrics with parameters, numbers or the champion's metrics. Costs nothing: the state machine
    itself decides."""

    judges: ClassVar[bool] = True

    kind: Literal["gate"]
    """Always `gate`."""
    require: Text | Annotated[tuple[Text, ...], Field(min_length=1)]
    """A condition, such as `${stages.evaluate.metrics.r2} >= 0.88`; of several, all must hold. See *What a
    gate requires*."""
    otherwise: ElseAction = Field("fail", alias="else")
    """What becomes of the run when it does not hold: it fails; or it ends well, here (`stop`: no stage starts
    any more); or it goes on without the stages that depend on the gate (`skip`)."""

    @property
    def condition(self) -> str | tuple[str, ...]:
        return self.require

    @property
    def else_action(self) -> ElseAction:
        return self.otherwise
