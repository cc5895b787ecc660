"""Train a booster from the channels of a job (sagemaker-xgboost-container, algorithm_mode/train.py)."""

from __future__ import annotations

import inspect
import logging
import os
from typing import Any

import xgboost
from _sagemaker_toolkit import folders
from sagemaker_algorithm_toolkit import exceptions as exc

from sagemaker_xgboost_container import data_utils
from sagemaker_xgboost_container.algorithm_mode import callbacks, hyperparameters, metrics

CHANNELS = ("train", "validation", "code")
OBJECTIVE_METRIC = "_tuning_objective_metric"


def train(texts: dict[str, str], channels: dict[str, Any], checkpoints: str) -> None:
    """Train and save the model. UserError: a mistake of the job's author.

    `checkpoints`: the folder of checkpoints; empty if the job has none.
    """
    values = hyperparameters.validated(texts)
    values.pop("use_dask_gpu_training", None)
    matrices = _matrices(channels, values.pop("csv_weights", 0))
    logging.info("Single node training.")
    for name, matrix in matrices.items():
        logging.info("%s matrix has %d rows and %d columns", name, matrix.num_row(), matrix.num_col())
    try:
        booster = _trained(values, matrices, checkpoints)
    except xgboost.core.XGBoostError as error:
        raise exc.AlgorithmError(f"XGB train call failed with exception:\n {error}") from error
    callbacks.save(booster, os.path.join(folders.model_dir, callbacks.MODEL))


def _matrices(channels: dict[str, Any], csv_weights: int) -> dict[str, xgboost.DMatrix]:
    if "train" not in channels:
        raise exc.UserError("Missing required channel: train")
    for name in channels:
        if name not in CHANNELS:
            raise exc.UserError(f"Extraneous channel found: {name}")
    content_type = data_utils.get_content_type(channels["train"].get("ContentType"))
    matrices = {}
    for name in CHANNELS[:2]:
        if name in channels:
            matrices[name] = _matrix(folders.channel_path(name), name, content_type, csv_weights)
    return matrices


def _matrix(path: str, name: str, content_type: str, csv_weights: int) -> xgboost.DMatrix:
    if data_utils.get_size(path) > 0:
        data_utils.validate_data_file_path(path, content_type)
        matrix = data_utils.get_dmatrix(path, content_type, csv_weights=csv_weights)
        if matrix is not None:
            return matrix
    raise exc.UserError(f"No data in {'training' if name == 'train' else name} channel path {path}")


def _trained(values: dict[str, Any], matrices: dict[str, xgboost.DMatrix], checkpoints: str) -> Any:
    rounds = values.pop("num_round")
    model, first = callbacks.last_checkpoint(checkpoints) if checkpoints else (None, 0)
    if model:
        logging.info("Checkpoint loaded from %s: resuming from iteration %d", model, first)
    after = [callbacks.Printer(), *_early_stopping(values, "validation" in matrices)]
    if checkpoints:
        after.append(callbacks.Checkpoints(checkpoints, first))
    if values.pop("save_model_on_termination", "false") == "true":
        after.append(callbacks.LastModel(folders.model_dir))
    return xgboost.train(
        params=values,
        dtrain=matrices["train"],
        num_boost_round=rounds - first,
        evals=[(matrix, name) for name, matrix in matrices.items()],
        callbacks=after,
        xgb_model=model,
        verbose_eval=False,
        **_evaluation(values),
    )


def _early_stopping(values: dict[str, Any], has_validation: bool) -> list[Any]:
    """Stop by the last metric, on the validation data, if there is both."""
    rounds = values.pop("early_stopping_rounds", None)
    names = _objective_metric(values) or values.get("eval_metric")
    if not (rounds and names and has_validation):
        return []
    name = names[-1]
    stop = xgboost.callback.EarlyStopping(
        rounds=rounds,
        data_name="validation",
        metric_name=name,
        maximize=name in metrics.MAXIMIZE,
        save_best=True,
    )
    return [stop]


def _evaluation(values: dict[str, Any]) -> dict[str, Any]:
    """Arguments of `xgboost.train` for the container's own metrics. XGBoost's stay in `values`."""
    names = sorted({*_objective_metric(values), *values.pop("eval_metric", [])})
    values.pop(OBJECTIVE_METRIC, None)
    native, own = metrics.split(names)
    if native:
        values["eval_metric"] = native
    if not own:
        return {}
    evaluate = metrics.evaluation(own, values.get("objective", ""))
    new = "custom_metric" in inspect.signature(xgboost.train).parameters
    return {"custom_metric" if new else "feval": evaluate}


def _objective_metric(values: dict[str, Any]) -> list[str]:
    """The metric of a tuning job, without `validation:`."""
    named = values.get(OBJECTIVE_METRIC)
    return [named.split(":", 1)[1]] if named else []
