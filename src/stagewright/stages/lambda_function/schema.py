"""A stage that calls a Lambda function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from stagewright.stages.base.schema import Stage
from stagewright.syntax.fields import Accepts, PlanText, Whole


class Function(Stage):
    """Calls a Lambda function that is there, and waits for its answer, a JSON object."""

    values: ClassVar[tuple[str, ...]] = ("metrics", "answer")

    kind: Literal["lambda"]
    """Always `lambda`."""
    function: PlanText
    """Its name or ARN. It carries the tag `stagewright:installation` with the installation's name, which
    is what allows the call."""
    payload: Annotated[Mapping[str, Any], Accepts()] = Field(default_factory=dict)
    """What it gets."""
    max_runtime_seconds: Annotated[Whole, Field(ge=1, le=900)] = 300
    """The stage fails after this many seconds."""

    def value_names(self, word: str) -> tuple[str, ...] | None:
        return None if word in self.values else ()
