"""Where the walker enters the states of a stage kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stagewright import asl
from stagewright.asl import Rule, State
from stagewright.stages.base import expressions

Permissions = Mapping[str, tuple[str, ...]]
"""Statement of the state machine's role -> IAM actions that a kind's states need there. The statements, with
their reasons, resources and conditions, are in `installation.roles.state_machine`."""


@dataclass(frozen=True)
class Entry:
    """The states that run stages of a kind, beginning with `start`.

    `when`: a JSONata condition on `$states.input.stages[0]`. Empty: it holds for all stages of the kind.
    """

    start: str
    states: Mapping[str, State]
    when: str = ""

    def rule(self, kind: str) -> Rule:
        """The walker's rule that takes the next stage here if it is of `kind` and `when` holds."""
        condition = f"{expressions.KIND} = '{kind}'" + (f" and {self.when}" if self.when else "")
        return Rule(asl.expression(condition), self.start, expressions.TAKE)
