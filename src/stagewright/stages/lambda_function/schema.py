"""Fields of lambda stages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from stagewright.stages.base.schema import Stage
from stagewright.syntax.fields import Accepts, PlanText, Whole


class Function(Stage):
    """Calls an existing Lambda function and waits for its response, a JSON object."""

    values: ClassVar[tuple[str, ...]] = ("metrics", "answer")

    kind: Literal["lambda"]
    """Always `lambda`."""
    function: PlanText
    """Name or ARN of the function. Its tag `stagewright:installation` must be the name of the installation,
    which allows the call."""
    payload: Annotated[Mapping[str, Any], Accepts()] = Field(default_factory=dict)
    """The event for the function."""
    max_runtime_seconds: Annotated[Whole, Field(ge=1, le=900)] = 300
    """Time limit in seconds. When it is reached, the stage fails."""

    def value_names(self, word: str) -> tuple[str, ...] | None:
        return None if word in self.values else ()
