"""Prices of one region: a file of the user's repository, which `stagewright prices update` writes.

Stagewright itself has no prices. Everything works without the file; then no cost is shown.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stagewright.errors import DocumentError, Problem

OLD = 90
"""Days after which prices are reported as old."""
MONTH_HOURS = 720
"""Hours of the month that AWS's GB-months are divided by. The shortest usual month gives the most."""
REMEDY = "stagewright prices update"
DPUS = {
    "glue.pythonshell-small": Decimal("0.0625"),
    "glue.pythonshell": Decimal(1),
    "glue.G.025X": Decimal("0.25"),
    "glue.G.1X": Decimal(1),
    "glue.G.2X": Decimal(2),
    "glue.G.4X": Decimal(4),
    "glue.G.8X": Decimal(8),
}
"""Data processing units of a Glue worker (Glue API reference, JobRun, WorkerType and MaxCapacity)."""
DPU_HOUR = "glue DPU-hour"

Price = Annotated[Decimal, Field(gt=0, allow_inf_nan=False)]


class Prices(BaseModel):
    """On-demand prices, in `currency`.

    date        the day on which AWS had these prices
    lists       service code -> version of the price list
    instances   instance type -> purpose, as `Use.purpose` names it -> price of an instance-hour
    volumes     purpose -> price of a GB-month of the job's or endpoint's volume
    units       other units (`price_lists.UNITS`) -> price
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    region: str
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    date: datetime.date
    lists: Mapping[str, str] = {}
    instances: Mapping[str, Mapping[str, Price]] = {}
    volumes: Mapping[str, Price] = {}
    units: Mapping[str, Price] = {}

    def hourly(self, purpose: str, instance_type: str, volume_gb: int = 0) -> Decimal | None:
        """Return the price of an hour of one instance with its volume. None: the file has no price for it.

        Spot instances cost at most the on-demand price.
        """
        if instance_type in DPUS:
            unit = self.units.get(DPU_HOUR)
            return None if unit is None else unit * DPUS[instance_type]
        purpose = purpose.removeprefix("spot ")
        price = self.instances.get(instance_type, {}).get(purpose)
        if price is None:
            return None
        return price + self.volumes.get(purpose, Decimal(0)) * volume_gb / MONTH_HOURS

    def age(self, today: datetime.date) -> int:
        """Return the days since the prices were read."""
        return (today - self.date).days

    def to_text(self) -> str:
        """Return the file's content. The same prices always give the same text."""
        return json.dumps(self.model_dump(mode="json"), indent=2, sort_keys=True) + "\n"


def parse(text: str | bytes, file: str) -> Prices:
    """Return the prices of a file. DocumentError: `file` is no such file."""
    try:
        return Prices.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(map(str, first["loc"]))
        raise DocumentError((Problem(path, first["msg"], REMEDY, file),)) from None
