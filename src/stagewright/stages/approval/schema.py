"""A stage that waits for a person."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from stagewright.stages.base.schema import Stage
from stagewright.syntax.fields import Accepts, Duration, Text


class Approval(Stage):
    """The run waits, without cost, until somebody approves or rejects: by `stagewright approve`, or by the
    status of the model package in the registry. Who and why is recorded."""

    asks_a_person: ClassVar[bool] = True

    kind: Literal["approval"]
    """Always `approval`."""
    package: Annotated[str, Accepts(("package", "text"))] | None = None
    """A model package (${stages.register.package}): its status in the registry then decides as well, and is
    set by the decision."""
    message: Text = ""
    """What the person is asked."""
    timeout: Duration = "7d"
    """The stage fails when nobody has decided after this time."""
