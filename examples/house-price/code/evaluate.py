"""Judges the model on sales that it has not seen, and writes the figures that the gate reads."""

import json
import tarfile
from pathlib import Path

import joblib
import pandas as pd
from sklearn.metrics import mean_absolute_error, mean_absolute_percentage_error, r2_score

INPUT = Path("/opt/ml/processing/input")
OUTPUT = Path("/opt/ml/processing/output/report")
TARGET = "sale_price"


def load(archive: Path):
    with tarfile.open(archive) as files:
        member = next(file for file in files if Path(file.name).name == "model.joblib")
        return joblib.load(files.extractfile(member))


if __name__ == "__main__":
    sales = pd.read_csv(INPUT / "test" / "sales.csv")
    predicted = load(INPUT / "model" / "model.tar.gz").predict(sales.drop(columns=TARGET))
    metrics = {
        "r2": round(r2_score(sales[TARGET], predicted), 4),
        "mae": round(mean_absolute_error(sales[TARGET], predicted), 1),
        "mape": round(mean_absolute_percentage_error(sales[TARGET], predicted), 4),
        "sales": len(sales),
    }
    OUTPUT.mkdir(parents=True, exist_ok=True)
    (OUTPUT / "metrics.json").write_text(json.dumps(metrics))
    print(f"R2 {metrics['r2']} and MAE {metrics['mae']} on {metrics['sales']} sales")
