"""Fields of callback stages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from stagewright.stages.base.schema import Stage
from stagewright.syntax.fields import Accepts, Duration, PlanText


class Callback(Stage):
    """Sends a message with a token to an Amazon SQS queue, and waits until a program returns the token with
    SendTaskSuccess or SendTaskFailure. Waiting has no cost."""

    values: ClassVar[tuple[str, ...]] = ("metrics", "answer")

    kind: Literal["callback"]
    """Always `callback`."""
    queue: PlanText
    """Name or URL of a standard queue. Its tag `stagewright:installation` must be the name of the
    installation, which allows the message."""
    payload: Annotated[Mapping[str, Any], Accepts()] = Field(default_factory=dict)
    """What the program needs to know: the field `arguments` of the message."""
    timeout: Duration = "1d"
    """Time limit. The stage fails if the token is not returned by then."""

    def value_names(self, word: str) -> tuple[str, ...] | None:
        return None if word in self.values else ()
