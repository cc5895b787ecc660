"""Splits the sales by year: what is sold in or after the test year is kept away from training."""

import argparse
from pathlib import Path

import pandas as pd

INPUT = Path("/opt/ml/processing/input/sales")
OUTPUT = Path("/opt/ml/processing/output")
TARGET = "sale_price"


def read(folder: Path) -> pd.DataFrame:
    files = sorted(folder.glob("*.csv"))
    if not files:
        raise SystemExit(f"no CSV file in {folder}")
    sales = pd.concat([pd.read_csv(file) for file in files], ignore_index=True)
    missing = {"year_sold", TARGET} - set(sales)
    if missing:
        raise SystemExit(f"the sales have no column {', '.join(sorted(missing))}")
    if not (sales[TARGET] > 0).all():
        raise SystemExit(f"{(~(sales[TARGET] > 0)).sum()} sales have no positive {TARGET}")
    return sales


def write(sales: pd.DataFrame, name: str) -> None:
    if sales.empty:
        raise SystemExit(f"no sales for {name}: is the test year right?")
    folder = OUTPUT / name
    folder.mkdir(parents=True, exist_ok=True)
    sales.to_csv(folder / "sales.csv", index=False)
    print(f"{name}: {len(sales)} sales, {sales.year_sold.min()} to {sales.year_sold.max()}")


def write_houses(sales: pd.DataFrame) -> None:
    """Without their prices and without a header: every line is a house, as a batch transform cuts a file."""
    folder = OUTPUT / "houses"
    folder.mkdir(parents=True, exist_ok=True)
    sales.drop(columns=TARGET).to_csv(folder / "houses.csv", index=False, header=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--test-year", type=int, default=2010)
    test_year = parser.parse_args().test_year
    sales = read(INPUT)
    write(sales[sales.year_sold < test_year], "train")
    write(sales[sales.year_sold >= test_year], "test")
    write_houses(sales[sales.year_sold >= test_year])
