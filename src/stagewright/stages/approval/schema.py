"""Fields of approval stages."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from stagewright.stages.base.schema import Stage
from stagewright.syntax.fields import Accepts, Duration, Text


class Approval(Stage):
    """Waits until a person approves or rejects, with `stagewright approve` or by setting the model package's
    status in the registry. Waiting has no cost. The run records who decided, and why."""

    asks_a_person: ClassVar[bool] = True

    kind: Literal["approval"]
    """Always `approval`."""
    package: Annotated[str, Accepts(("package", "text"))] | None = None
    """A model package, such as ${stages.register.package}. Its status in the registry also decides the stage,
    and a decision sets that status."""
    message: Text = ""
    """The question for the person."""
    timeout: Duration = "7d"
    """Time limit. The stage fails if there is no decision by then."""
