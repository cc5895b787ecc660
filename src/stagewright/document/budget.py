"""What a run may cost at most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from stagewright.syntax.fields import Model

Amount = Annotated[float, Field(gt=0, strict=True)] | Annotated[int, Field(gt=0, strict=True)]


class Budget(Model):
    """Compared with the most that the plan's stages can use, each attempt until its time limit."""

    instance_hours: Amount | None = None
    """Instances times hours."""
    money: Amount | None = None
    """In the currency of `prices`, which it needs."""
    prices: Mapping[str, Amount] = Field(default_factory=dict)
    """Instance type -> price of an instance-hour. We know of no prices ourselves."""
