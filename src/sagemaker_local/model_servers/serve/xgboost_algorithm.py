"""The XGBoost container without a script: it serves the boosters of the model folder.

Source: sagemaker-xgboost-container, src/sagemaker_xgboost_container/algorithm_mode/{serve,serve_utils}.py.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import pickle
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from _sagemaker_toolkit.codecs import encode

from .content import Answer, to_bytes
from .sklearn_defaults import with_charset

JSON, JSON_LINES, CSV = "application/json", "application/jsonlines", "text/csv"
ACCEPTED = (JSON, JSON_LINES, "application/x-recordio-protobuf", CSV)
SELECTED = "SAGEMAKER_INFERENCE_OUTPUT"
"""The container's variable with the names of what a response has, separated by commas."""
SCORES = ("predicted_label", "labels", "raw_score", "raw_scores")
PROBABILITIES = ("probability", "probabilities")
VALID = {
    **dict.fromkeys(
        ("reg:squarederror", "reg:logistic", "reg:gamma", "reg:absoluteerror", "reg:tweedie"),
        ("predicted_score",),
    ),
    **dict.fromkeys(("binary:logistic", "multi:softprob"), SCORES + PROBABILITIES),
    **dict.fromkeys(("binary:logitraw", "binary:hinge", "multi:softmax"), SCORES),
}
"""What can be selected for each objective."""


class RefusedError(Exception):
    """A response other than a prediction."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.answer = Answer(text.encode(), "text/html; charset=utf-8", status)


class Algorithm:
    """Serves every booster of a folder. Several are an ensemble: their mean, or their vote on a class."""

    def __init__(self, folder: Path) -> None:
        ensemble = os.environ.get("SAGEMAKER_INFERENCE_ENSEMBLE", "true") == "true"
        files = sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))
        if not files:
            raise ValueError(f"the model folder has no file: {folder}")
        self._boosters = [load(file) for file in (files if ensemble else files[:1])]
        learner = json.loads(self._boosters[0].save_config())["learner"]
        self._objective = learner["objective"]["name"]
        self._classes = learner["learner_model_param"].get("num_class", "")

    def invoke(self, body: bytes, content_type: str, accept: str) -> Answer:
        """Handle a request. Never raises: a mistake becomes a response and a traceback in the log."""
        if not body:
            return Answer(b"", "text/html; charset=utf-8", 204)
        try:
            return self._answer(body, content_type or None, accept)
        except RefusedError as error:
            traceback.print_exc(file=sys.stderr)
            return error.answer
        except Exception:
            traceback.print_exc(file=sys.stderr)
            return Answer(b"Internal Server Error", "text/html; charset=utf-8", 500)

    def _answer(self, body: bytes, content_type: str | None, accept: str) -> Answer:
        rows = _checked(415, "", lambda: parse(body, content_type))
        problem = "Unable to evaluate payload provided: "
        scores = _checked(400, problem, lambda: self._predict(rows))
        wanted = _checked(406, "", lambda: accepted(accept))
        if SELECTED in os.environ:
            selected = _checked(500, "", lambda: self._selected(scores, wanted))
            return Answer(to_bytes(selected), with_charset(wanted))
        return Answer(to_bytes(_encoded(scores.tolist(), wanted)), with_charset(wanted))

    def _predict(self, rows: Any) -> Any:
        numpy = importlib.import_module("numpy")
        scores = [booster.predict(rows, validate_features=False) for booster in self._boosters]
        if len(scores) == 1:
            return scores[0]
        if self._objective in ("multi:softmax", "binary:hinge"):
            return importlib.import_module("scipy.stats").mode(scores, keepdims=False).mode
        return numpy.mean(scores, axis=0)

    def _selected(self, scores: Any, accept: str) -> Any:
        """The response with the selected parts; a part that the objective does not have is NaN."""
        if self._objective not in VALID:
            raise ValueError(
                f"Objective `{self._objective}` unsupported for selectable inference predictions."
            )
        keys = os.environ[SELECTED].replace(" ", "").lower().split(",")
        valid = VALID[self._objective]
        parts = [self._parts(score) for score in scores]
        chosen = [{key: part[key] if key in valid else math.nan for key in keys} for part in parts]
        if accept == JSON:
            return json.dumps({"predictions": chosen})
        if accept == JSON_LINES:
            return "".join(json.dumps(entry) + "\n" for entry in chosen)
        if accept == CSV:
            lines = [",".join(_cell(entry[key]) for key in keys) for entry in chosen]
            return "\n".join(lines) + ("\n" if os.environ.get("SAGEMAKER_BATCH") else "")
        raise ValueError(f"Cannot encode selected predictions into accept type '{accept}'.")

    def _parts(self, score: Any) -> dict[str, Any]:
        """Everything that can be selected of one prediction: a number, or an array of one per class."""
        if getattr(score, "ndim", 0):
            values = score.tolist()
            label, best, every = values.index(max(values)), max(values), values
        else:
            best = score.item()
            label, every = _label(self._objective, best), [1.0 - best, best]
        labels = [0, 1] if "binary:" in self._objective else list(range(int(self._classes or 0)))
        raw = {"raw_score": best, "raw_scores": every, "probability": best, "probabilities": every}
        return {"predicted_label": label, "labels": labels, "predicted_score": best, **raw}


def _label(objective: str, score: float) -> float:
    thresholds = {"binary:logistic": 0.5, "binary:logitraw": 0.0}
    return int(score > thresholds[objective]) if objective in thresholds else score


def _cell(value: Any) -> str:
    return f'"{value}"' if isinstance(value, list) else str(value)


def load(file: Path) -> Any:
    """A booster from a pickle or from XGBoost's own format. RuntimeError with both reasons."""
    try:
        with file.open("rb") as opened:
            booster = pickle.load(opened)  # noqa: S301 -- AWS's container does so as well
    except Exception as not_pickled:
        booster = importlib.import_module("xgboost").Booster()
        try:
            booster.load_model(str(file))
        except Exception as not_saved:
            raise RuntimeError(
                f"Model {file} cannot be loaded:\nPickle load error={not_pickled}"
                f"\nXGB load model error={not_saved}"
            ) from not_saved
    booster.set_param("nthread", 1)
    return booster


def parse(body: bytes, content_type: str | None) -> Any:
    """The request as a DMatrix. Without a content type it is LIBSVM, as there."""
    kind = importlib.import_module("sagemaker_xgboost_container.data_utils").get_content_type(content_type)
    encoder = importlib.import_module("sagemaker_xgboost_container.encoder")
    if kind == "csv":
        return _loaded("csv", lambda: encoder.csv_to_dmatrix(body.strip().decode(), dtype=float))
    if kind == "libsvm":
        return _loaded("libsvm", lambda: _sparse(body.strip().decode()))
    raise RuntimeError(f"Content-type {content_type} is not supported.")


def _loaded(kind: str, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except Exception as error:
        raise RuntimeError(
            f"Loading {kind} data failed with Exception, please ensure data is in {kind} format:\n"
            f" {type(error)}\n {error}"
        ) from error


def _sparse(text: str) -> Any:
    """The rows of a LIBSVM text. A cell that is not there is missing."""
    cells = list(_cells(text))
    columns = [[cell[part] for cell in cells] for part in range(3)]
    matrix = importlib.import_module("scipy.sparse").csr_matrix((columns[2], (columns[0], columns[1])))
    return importlib.import_module("xgboost").DMatrix(matrix)


def _cells(text: str) -> Iterator[tuple[int, int, float]]:
    for row, line in enumerate(text.split("\n")):
        for item in line.split(" "):
            if ":" in item:
                column, value = item.split(":")[:2]
                yield row, int(column), float(value)


def accepted(accept: str) -> str:
    """The response's type: text/csv unless the request, or the container's variable, names another."""
    name = accept.split(";")[0].strip()
    if not name or name == "*/*":
        return os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", CSV)
    if name.lower() not in ACCEPTED:
        raise ValueError(
            f"Accept type {name} is not supported. Please use supported accept types: {list(ACCEPTED)}."
        )
    return name.lower()


def _encoded(scores: list[Any], accept: str) -> Any:
    if os.environ.get("SAGEMAKER_BATCH"):
        return "\n".join(map(str, scores)) + "\n"
    if accept == JSON:
        return json.dumps({"predictions": [{"score": score} for score in scores]})
    return encode(scores, accept)


def _checked(status: int, problem: str, step: Callable[[], Any]) -> Any:
    """The result of a step. RefusedError, with this status, if it raises."""
    try:
        return step()
    except Exception as error:
        raise RefusedError(status, f"{problem}{error}") from error
