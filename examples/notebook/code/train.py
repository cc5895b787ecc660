"""Fits boosted trees to house sales before 2010, judges them on those of 2010, and serves them."""

import argparse
import json
import os
from pathlib import Path

import joblib
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import mean_absolute_error, r2_score

COLUMNS = ["year_built", "overall_area", "lot_area", "garage_cars", "full_bath", "fireplaces"]


def features(houses):
    return houses.assign(overall_area=houses.gr_liv_area + houses.total_bsmt_sf)[COLUMNS]


def model_fn(folder):
    return joblib.load(Path(folder, "model.joblib"))


def input_fn(body, content_type):
    return pd.DataFrame(json.loads(body))


def predict_fn(houses, model):
    return model.predict(features(houses))


def output_fn(prices, accept):
    return json.dumps([round(price) for price in prices]), "application/json"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--depth", type=int)
    parser.add_argument("--rate", type=float)
    options = parser.parse_args()
    (file,) = Path(os.environ["SM_CHANNEL_SALES"]).glob("*.csv")
    sales = pd.read_csv(file)
    before, last = sales[sales.year_sold < 2010], sales[sales.year_sold == 2010]
    model = HistGradientBoostingRegressor(max_depth=options.depth, learning_rate=options.rate, random_state=0)
    model.fit(features(before), before.sale_price)
    predicted = model.predict(features(last))
    print(f"MAE: {mean_absolute_error(last.sale_price, predicted):.1f}")
    print(f"R2: {r2_score(last.sale_price, predicted):.4f}")
    joblib.dump(model, Path(os.environ["SM_MODEL_DIR"], "model.joblib"))
