"""Hyperparameters of the built-in algorithm: names, types and ranges ("XGBoost hyperparameters", developer
guide). The messages are those of the container."""

from __future__ import annotations

import re
from typing import Any

from sagemaker_algorithm_toolkit import exceptions as exc

from sagemaker_xgboost_container.algorithm_mode import metrics

ALIASES = {
    "learning_rate": "eta",
    "min_split_loss": "gamma",
    "reg_lambda": "lambda",
    "reg_alpha": "alpha",
}
INTEGERS = {
    "num_round": "[1, inf)",
    "csv_weights": "[0, 1]",
    "early_stopping_rounds": "[1, inf)",
    "verbosity": "[0, 3]",
    "nthread": "[1, inf)",
    "max_depth": "[0, inf)",
    "refresh_leaf": "[0, 1]",
    "max_leaves": "[0, inf)",
    "max_bin": "[0, inf)",
    "one_drop": "[0, 1]",
    "num_class": "[2, inf)",
    "seed": "(-2147483648, 2147483647)",
    "num_parallel_tree": "[1, inf)",
    "prob_buffer_row": "(1.0, inf)",
}
NUMBERS = {
    "eta": "[0, 1]",
    "gamma": "[0, inf)",
    "min_child_weight": "[0, inf)",
    "max_delta_step": "[0, inf)",
    "subsample": "(0, 1]",
    "colsample_bytree": "(0, 1]",
    "colsample_bylevel": "(0, 1]",
    "colsample_bynode": "(0, 1]",
    "lambda": "[0, inf)",
    "alpha": "[0, inf)",
    "sketch_eps": "(0, 1)",
    "scale_pos_weight": "(0, inf)",
    "rate_drop": "[0, 1]",
    "skip_drop": "[0, 1]",
    "lambda_bias": "[0, 1]",
    "tweedie_variance_power": "(1, 2)",
    "base_score": "[0, inf)",
    "aft_loss_distribution_scale": "[0, inf)",
}
YES_OR_NO = ("true", "false")
CHOICES = {
    "booster": ("gbtree", "gblinear", "dart"),
    "tree_method": ("auto", "exact", "approx", "hist", "gpu_hist"),
    "dsplit": ("row", "col"),
    "process_type": ("default", "update"),
    "grow_policy": ("depthwise", "lossguide"),
    "predictor": ("auto", "cpu_predictor", "gpu_predictor"),
    "sample_type": ("uniform", "weighted"),
    "normalize_type": ("tree", "forest"),
    "objective": (
        *("binary:logistic", "binary:logitraw", "binary:hinge", "count:poisson", "multi:softmax"),
        *("multi:softprob", "rank:pairwise", "rank:ndcg", "rank:map", "reg:linear", "reg:squarederror"),
        *("reg:logistic", "reg:gamma", "reg:pseudohubererror", "reg:squaredlogerror"),
        *("reg:absoluteerror", "reg:tweedie", "survival:aft", "survival:cox", "aft_loss_distribution"),
    ),
    "_tuning_objective_metric": tuple(f"validation:{name}" for name in metrics.NAMES),
    "save_model_on_termination": YES_OR_NO,
    "aft_loss_distribution": ("normal", "logistic", "extreme"),
    "deterministic_histogram": YES_OR_NO,
    "sampling_method": ("uniform", "gradient_based"),
    "use_dask_gpu_training": YES_OR_NO,
}
TEXTS = ("monotone_constraints", "interaction_constraints", "updater")
"""XGBoost itself checks these."""
EVAL_METRIC = "eval_metric"
WITH_THRESHOLD = ("error", "ndcg", "map")
"""`error@0.3`: metrics with a number of the user's."""
BOUND = re.compile(r"([\[(])(\S+), (\S+)([\])])")


def validated(texts: dict[str, str]) -> dict[str, Any]:
    """The hyperparameters with their types. UserError: one is missing, unknown or out of its range."""
    named = {ALIASES.get(name, name): text for name, text in texts.items()}
    if "num_round" not in named:
        raise exc.UserError("Missing required hyperparameter: num_round")
    values = {name: _value(name, text) for name, text in named.items()}
    objective = values.get("objective", "")
    if objective.startswith("multi:") and "num_class" not in values:
        raise exc.UserError("Require input for parameter 'num_class' for multi-classification")
    if "auc" in values.get(EVAL_METRIC, ()) and not objective.startswith(("binary:", "rank:")):
        raise exc.UserError("Metric 'auc' can only be applied for classification and ranking problems.")
    return values


def _value(name: str, text: str) -> Any:
    if name in INTEGERS:
        return _within(name, _parsed(name, text, int), INTEGERS[name])
    if name in NUMBERS:
        return _within(name, _parsed(name, text, float), NUMBERS[name])
    if name in CHOICES:
        if text not in CHOICES[name]:
            raise exc.UserError(f"Hyperparameter {name}: {text} is not in {list(CHOICES[name])}")
        return text
    if name == EVAL_METRIC:
        return _metrics(text)
    if name in TEXTS:
        return text
    raise exc.UserError(f"Extraneous hyperparameter found: {name}")


def _parsed(name: str, text: str, parse: Any) -> Any:
    try:
        return parse(text)
    except ValueError as error:
        raise exc.UserError(f"Hyperparameter {name}: could not parse value", caused_by=error) from error


def _within(name: str, value: float, interval: str) -> float:
    opening, low, high, closing = BOUND.match(interval).groups()  # type: ignore[union-attr]
    above = value >= float(low) if opening == "[" else value > float(low)
    below = value <= float(high) if closing == "]" else value < float(high)
    if not (above and below):
        raise exc.UserError(f"Hyperparameter {name}: {value} is not in {interval}")
    return value


def _metrics(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    for name in names:
        base, _, threshold = name.partition("@")
        if threshold and base in WITH_THRESHOLD:
            _parsed(EVAL_METRIC, threshold, float)
        elif name not in metrics.NAMES:
            raise exc.UserError(f"Hyperparameter {EVAL_METRIC}: value {names} not in range {metrics.NAMES}")
    return names
