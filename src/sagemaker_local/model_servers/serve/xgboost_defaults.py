"""The XGBoost container's default functions for a script.

Source: sagemaker-xgboost-container, src/sagemaker_xgboost_container/serving.py (default_*_fn). As in the
scikit-learn container, sagemaker-containers serves a single model there.
"""

from __future__ import annotations

import importlib
from typing import Any

from .sklearn_defaults import DECODE_ERRORS, answer, failure, output_fn

__all__ = ["DECODE_ERRORS", "answer", "failure", "input_fn", "output_fn", "predict_fn"]

NAME = "xgboost"
DEFAULT_MODULE = ""


def input_fn(body: Any, content_type: str) -> Any:
    """The request as a DMatrix: text/csv, text/libsvm, text/x-libsvm."""
    return importlib.import_module("sagemaker_xgboost_container.encoder").decode(body, content_type)


def predict_fn(data: Any, model: Any) -> Any:
    return model.predict(data, validate_features=False)
