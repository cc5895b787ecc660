"""One row of the table of kinds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stagewright import asl
from stagewright.asl import Rule, State
from stagewright.stages.base import expressions


@dataclass(frozen=True)
class Kind:
    """Stages of `name` (and for which `when` holds, a JSONata condition on `$states.input.stages[0]`)."""

    name: str
    start: str
    states: Mapping[str, State]
    when: str = ""

    def rule(self) -> Rule:
        condition = f"{expressions.KIND} = '{self.name}'" + (f" and {self.when}" if self.when else "")
        return Rule(asl.expression(condition), self.start, expressions.TAKE)
