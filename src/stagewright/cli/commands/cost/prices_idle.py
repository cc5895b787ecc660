"""Computed from the resources that an installation of this version has, and from the prices of this
repository. AWS's free tier and storage are not part of it (docs/cost.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stagewright.api import formatting, price_file
from stagewright.cli.common import output
from stagewright.cli.common.options import Json
from stagewright.errors import NotFoundError

if TYPE_CHECKING:
    from stagewright.catalog.prices import Prices
    from stagewright.installation.idle_cost import Item

Region = Annotated[
    str, typer.Option("--region", metavar="REGION", help="The region. The default is that of the targets.")
]


def command(region: Region = "", as_json: Json = False) -> None:
    from stagewright.installation.idle_cost import idle_cost
    from stagewright.installation.resources import resources

    prices = read(region or price_file.region_of_targets())
    items = idle_cost(resources(), prices)
    total = sum((item.cost for item in items if item.cost is not None), Decimal(0))
    if as_json:
        basis = {"currency": prices.currency, "prices_of": str(prices.date), "region": prices.region}
        output.print_json({"monthly": str(total), **basis, "items": items})
    else:
        print_items(items, prices, total)


def read(region: str) -> Prices:
    """NotFoundError: the repository has no prices of the region."""
    from stagewright.catalog.prices import REMEDY, parse

    path = price_file.path_of(Path.cwd(), region)
    if not path.is_file():
        raise NotFoundError(f"{path} does not exist", f"{REMEDY} --region {region}")
    return parse(path.read_bytes(), str(path))


def print_items(items: Sequence[Item], prices: Prices, total: Decimal) -> None:
    rows = [(item.what, f"{item.quantity:,.2f}", item.unit,
             "no price" if item.cost is None else formatting.format_money(item.cost, prices.currency))
            for item in items]  # fmt: skip
    output.table(("what", "a month", "unit", "cost"), rows)
    money = formatting.format_money(total, prices.currency)
    output.print_line(f"idle: {money} a month in {prices.region} (prices of {prices.date})")
