"""Fits boosted trees to house sales, and serves them: the lower half is what the endpoint calls.

The logarithm of the price is what is fitted, so that an error of ten per cent weighs the same for every house.
"""

import argparse
import io
import json
import os
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

TARGET = "sale_price"


def build(options: argparse.Namespace) -> Pipeline:
    encode = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=10)
    trees = GradientBoostingRegressor(
        n_estimators=options.n_estimators,
        learning_rate=options.learning_rate,
        max_depth=options.max_depth,
        min_samples_leaf=options.min_samples_leaf,
        subsample=options.subsample,
        max_features=options.max_features,
        random_state=options.seed,
    )
    words = make_column_selector(dtype_exclude="number")
    columns = ColumnTransformer([("words", encode, words)], remainder="passthrough")
    prices = TransformedTargetRegressor(trees, func=np.log, inverse_func=np.exp)
    return Pipeline([("columns", columns), ("prices", prices)])


def fit(options: argparse.Namespace, sales: pd.DataFrame) -> Pipeline:
    return build(options).fit(sales.drop(columns=TARGET), sales[TARGET])


def validate(options: argparse.Namespace, sales: pd.DataFrame) -> None:
    """Prints what a model of the earlier years says about the last one. The model that is kept sees all years."""
    last = sales.year_sold == sales.year_sold.max()
    predicted = fit(options, sales[~last]).predict(sales[last].drop(columns=TARGET))
    print(f"validation on {last.sum()} sales of {sales.year_sold.max()}")
    print(f"MAE: {mean_absolute_error(sales[last][TARGET], predicted):.1f}")
    print(f"R2: {r2_score(sales[last][TARGET], predicted):.4f}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--n-estimators", type=int, default=100)
    parser.add_argument("--learning-rate", type=float, default=0.1)
    parser.add_argument("--max-depth", type=int, default=3)
    parser.add_argument("--min-samples-leaf", type=int, default=1)
    parser.add_argument("--subsample", type=float, default=1.0)
    parser.add_argument("--max-features", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--train", default=os.environ.get("SM_CHANNEL_TRAIN", "/opt/ml/input/data/train"))
    parser.add_argument("--model-dir", default=os.environ.get("SM_MODEL_DIR", "/opt/ml/model"))
    return parser.parse_args()


def main() -> None:
    options = arguments()
    sales = pd.read_csv(Path(options.train) / "sales.csv")
    validate(options, sales)
    model = fit(options, sales)
    fitted = model["prices"].regressor_.get_params()
    Path(options.model_dir, "hyperparameters.json").write_text(json.dumps(fitted))
    joblib.dump(model, Path(options.model_dir) / "model.joblib")


# What the endpoint calls.


def model_fn(model_dir: str) -> Pipeline:
    return joblib.load(Path(model_dir) / "model.joblib")


def input_fn(body, content_type: str) -> pd.DataFrame:
    """A house, or a list of houses, as JSON; or CSV, with a header or with the columns in the order of training."""
    text = body.decode() if isinstance(body, bytes) else body
    kind = content_type.split(";")[0].strip()
    if kind == "application/json":
        houses = json.loads(text)
        return pd.DataFrame([houses] if isinstance(houses, dict) else houses)
    if kind == "text/csv":
        header = 0 if "year_sold" in text.splitlines()[0] else None
        return pd.read_csv(io.StringIO(text), header=header)
    raise ValueError(f"{content_type} is neither application/json nor text/csv")


def predict_fn(houses: pd.DataFrame, model: Pipeline) -> np.ndarray:
    columns = list(model.feature_names_in_)
    if all(isinstance(column, int) for column in houses):  # CSV without a header
        if houses.shape[1] != len(columns):
            raise ValueError(f"{houses.shape[1]} columns, {len(columns)} expected: {', '.join(columns)}")
        houses = houses.set_axis(columns, axis="columns")
    missing = [column for column in columns if column not in houses]
    if missing:
        raise ValueError(f"the house has no {', '.join(missing)}")
    return model.predict(houses[columns])


def output_fn(prices: np.ndarray, accept: str):
    rounded = [round(float(price), 2) for price in prices]
    if accept == "text/csv":
        return "\n".join(map(str, rounded)), accept
    return json.dumps({"sale_price": rounded}), "application/json"


if __name__ == "__main__":
    main()
