"""Metrics of the built-in algorithm: those of XGBoost, and those that the container computes itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import xgboost
from sklearn import metrics

_NAMES = json.loads((Path(__file__).parents[4] / "xgboost_metrics.json").read_text())
MAXIMIZE: list[str] = _NAMES["maximize"]
NAMES: list[str] = MAXIMIZE + _NAMES["minimize"]


def _averaged(score: Callable[..., float], average: str) -> Callable[[Any, Any], float]:
    return lambda labels, predicted: score(labels, predicted, average=average)


OF_CLASSES: dict[str, Callable[[Any, Any], float]] = {
    "accuracy": metrics.accuracy_score,
    "balanced_accuracy": metrics.balanced_accuracy_score,
    "f1": _averaged(metrics.f1_score, "macro"),
    "f1_binary": _averaged(metrics.f1_score, "binary"),
    "f1_macro": _averaged(metrics.f1_score, "macro"),
    "precision": _averaged(metrics.precision_score, "binary"),
    "precision_macro": _averaged(metrics.precision_score, "macro"),
    "precision_micro": _averaged(metrics.precision_score, "micro"),
    "recall": _averaged(metrics.recall_score, "binary"),
    "recall_macro": _averaged(metrics.recall_score, "macro"),
    "recall_micro": _averaged(metrics.recall_score, "micro"),
}
OF_NUMBERS: dict[str, Callable[[Any, Any], float]] = {
    "mse": metrics.mean_squared_error,
    "r2": metrics.r2_score,
}
OWN = {**OF_CLASSES, **OF_NUMBERS}


def split(names: list[str]) -> tuple[list[str], list[str]]:
    """The names of XGBoost's metrics, and those that this module computes."""
    return [name for name in names if name not in OWN], [name for name in names if name in OWN]


def evaluation(names: list[str], objective: str) -> Callable[[Any, xgboost.DMatrix], list[tuple[str, float]]]:
    """A function for `xgboost.train` that computes these metrics."""

    def evaluate(predictions: Any, matrix: xgboost.DMatrix) -> list[tuple[str, float]]:
        labels = matrix.get_label()
        classes = _classes(numpy.asarray(predictions), objective)
        return [
            (name, float(OWN[name](labels, classes if name in OF_CLASSES else predictions))) for name in names
        ]

    return evaluate


def _classes(predictions: Any, objective: str) -> Any:
    if predictions.ndim > 1:
        return predictions.argmax(axis=-1)
    if objective == "binary:logistic":
        return (predictions > 0.5).astype(int)
    return (predictions > 0).astype(int) if objective.startswith("binary:") else predictions
