"""Picks the three data sets from the sales of examples/house-price. Every row is a real sale.

baseline/  what the model knows: every third sale before 2010, with its price
alike/     all sales of 2010, without their prices
drifted/   of these, only the houses built in 1995 or later, as if the agency now sold for developers
"""

import csv
from pathlib import Path

HERE = Path(__file__).parent
SALES = HERE.parents[1] / "house-price" / "data" / "ames_house_sales.csv"
TARGET = "sale_price"


def write(name, sales, left_out=()):
    names = [column for column in sales[0] if column not in left_out]
    with (HERE / name / "sales.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, names, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(sales)


if __name__ == "__main__":
    with SALES.open(newline="") as file:
        sales = list(csv.DictReader(file))
    new = [sale for sale in sales if sale["year_sold"] == "2010"]
    write("baseline", [sale for sale in sales if sale["year_sold"] < "2010"][::3])
    write("alike", new, [TARGET])
    write("drifted", [sale for sale in new if int(sale["year_built"]) >= 1995], [TARGET])
