"""Limits on what a run may use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from stagewright.syntax.fields import Model

Amount = Annotated[float, Field(gt=0, strict=True)] | Annotated[int, Field(gt=0, strict=True)]


class Budget(Model):
    """The limit that the plan of a run must not exceed. The plan assumes that each attempt of each stage
    lasts until its time limit."""

    instance_hours: Amount | None = None
    """`12.5`: the maximum of instances times hours."""
    money: Amount | None = None
    """`40`: the maximum cost, in the currency of the repository's prices (`stagewright prices update`).
    Requires a price for every instance type."""
    prices: Mapping[str, Amount] = Field(default_factory=dict)
    """`{ml.m5.xlarge: 0.27}`: your own price of an instance-hour, by instance type. It replaces the price of
    the repository's prices."""
