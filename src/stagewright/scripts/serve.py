"""Serve a trained model: predict rows of CSV or JSON, in the scikit-learn and XGBoost images.

A stage names it as its entry_point:

    register: {kind: register, model: "${stages.train.model}", entry_point: serve.py}

The model is the file in the artifact that joblib, pickle or XGBoost wrote. A model that was trained on named
columns takes them in any order, and rejects a request that lacks one.

    text/csv            rows with or without a header
    application/json    a record, a list of records, a list of rows, or {"instances": one of these}

The response is a list of predictions as JSON, or one prediction a line as text/csv. The file belongs to your
code: change it as you like.
"""

from __future__ import annotations

import io
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

PICKLES = (".joblib", ".pkl", ".pickle")
BOOSTERS = (".ubj", ".bst", ".model", ".json", ".xgb")


def model_fn(model_dir: str) -> Any:
    """Load the model. XGBoost's own files need its image."""
    path = model_file(Path(model_dir))
    if path.suffix in PICKLES:
        return unpickled(path)
    import xgboost

    booster = xgboost.Booster()
    try:
        booster.load_model(path)
    except xgboost.core.XGBoostError:  # AWS's examples pickle the booster to a file xgboost-model
        return unpickled(path)
    return booster


def model_file(folder: Path) -> Path:
    """Return the only file that can be the model. Of several, the one with model in its name."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and is_model(path))
    named = [path for path in files if "model" in path.stem.lower()]
    if len(files) == 1 or len(named) == 1:
        return (named or files)[0]
    names = ", ".join(str(path.relative_to(folder)) for path in sorted(folder.rglob("*")) if path.is_file())
    what = "several models" if files else "no model that serve.py can load"
    raise ValueError(f"{what} in the artifact ({names or 'it is empty'}): change model_file in serve.py")


def is_model(path: Path) -> bool:
    if path.suffix == ".json":
        return path.read_bytes()[:200].lstrip().startswith(b'{"learner"')
    return path.suffix in PICKLES + BOOSTERS or path.name == "xgboost-model"


def unpickled(path: Path) -> Any:
    try:
        import joblib
    except ImportError:
        return pickle.loads(path.read_bytes())  # noqa: S301 -- the model of this pipeline
    return joblib.load(path)


def input_fn(body: Any, content_type: str) -> Any:
    """Return the rows of a request: a DataFrame, or text whose header only the model's columns can tell."""
    text = body.decode() if isinstance(body, (bytes, bytearray)) else body
    kind = content_type.split(";")[0].strip()
    if kind == "text/csv":
        return text
    if kind == "application/json":
        return from_json(json.loads(text))
    raise ValueError(f"{content_type} is neither application/json nor text/csv")


def from_json(value: Any) -> pd.DataFrame:
    if isinstance(value, dict) and "instances" in value:
        value = value["instances"]
    if isinstance(value, dict):
        value = [value]
    if isinstance(value, list) and value and not isinstance(value[0], (dict, list)):
        value = [value]
    if not isinstance(value, list) or not value:
        raise ValueError('send a record, a list of records, a list of rows, or {"instances": [...]}')
    return pd.DataFrame(value)


def from_csv(text: str, names: list[str]) -> pd.DataFrame:
    """Read rows. The first line is a header if it has a column of the model, or no number."""
    if not text.strip():
        raise ValueError("the request has no rows")
    first = next(iter(pd.read_csv(io.StringIO(text), header=None, nrows=1, dtype=str).to_numpy().tolist()))
    has_header = bool(set(first) & set(names)) or (
        len(text.strip().splitlines()) > 1 and not any(map(is_number, first))
    )
    return pd.read_csv(io.StringIO(text), header=0 if has_header else None)


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def predict_fn(rows: Any, model: Any) -> Any:
    """Predict the rows, in the order of the columns of training."""
    names = feature_names(model)
    frame = from_csv(rows, names) if isinstance(rows, str) else rows
    frame = with_columns(frame, names, getattr(model, "n_features_in_", len(names)))
    if type(model).__name__ == "Booster":
        import xgboost

        return model.predict(xgboost.DMatrix(frame, feature_names=names or None))
    return model.predict(frame if names else frame.to_numpy())


def feature_names(model: Any) -> list[str]:
    """The columns that the model was trained on; empty if it does not know them."""
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        names = getattr(model, "feature_names", None)
    return [str(name) for name in names] if names is not None else []


def with_columns(frame: pd.DataFrame, names: list[str], count: int) -> pd.DataFrame:
    if all(isinstance(column, int) for column in frame.columns):
        if count and frame.shape[1] != count:
            expected = f" ({', '.join(names)})" if names else ""
            raise ValueError(f"the rows have {frame.shape[1]} columns, and the model takes {count}{expected}")
        return frame.set_axis(names, axis="columns") if names else frame
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise ValueError(f"the rows have no column {', '.join(missing)}")
    return frame[names] if names else frame


def output_fn(predictions: Any, accept: str) -> tuple[str, str]:
    values = np.asarray(predictions).tolist()
    if accept.split(";")[0].strip() == "text/csv":
        rows = (value if isinstance(value, list) else [value] for value in values)
        return "\n".join(",".join(map(str, row)) for row in rows), "text/csv"
    return json.dumps(values), "application/json"
