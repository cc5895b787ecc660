"""The scikit-learn container's default functions.

Sources: sagemaker-scikit-learn-container, src/sagemaker_sklearn_container/serving.py (default_*_fn), and
sagemaker-containers 2.8.6, _encoders.py and _worker.py, which serve single models in that container. Their
quirks are kept, because a script that works here must work there: text is read with csv.reader, squeezed (one
row becomes one-dimensional) and cast to float32; content types must match exactly.
"""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from .content import (
    CSV,
    JSON,
    NPY,
    UTF8_TYPES,
    Answer,
    UnsupportedFormatError,
    numpy,
    to_bytes,
)

NAME = "sklearn"
DEFAULT_MODULE = ""
"""The container has no default script: without SAGEMAKER_PROGRAM it cannot start."""

DECODE_ERRORS = "replace"
"""As Flask's `get_data(as_text=True)` (werkzeug 3)."""


def input_fn(body: Any, content_type: str) -> Any:
    array = decode(body, content_type)
    return array.astype("float32") if content_type in UTF8_TYPES else array


def predict_fn(data: Any, model: Any) -> Any:
    return model.predict(data)


def output_fn(prediction: Any, accept: str) -> Any:
    return encode(prediction, accept), accept


def decode(body: Any, content_type: str) -> Any:
    if content_type == CSV:
        return _read_csv(body)
    if content_type == JSON:
        return numpy().array(json.loads(body))
    if content_type == NPY:
        # Pickled arrays are allowed, as there. Only the service reaches this server, and a client of the
        # service may create endpoints with any code anyway.
        return numpy().load(io.BytesIO(body), allow_pickle=True)
    raise UnsupportedFormatError(content_type)


def _read_csv(text: str) -> Any:
    rows = list(csv.reader(io.StringIO(text), delimiter=",", quotechar='"', doublequote=True, strict=True))
    array = numpy().array(rows).squeeze()
    try:
        return array.astype(None)
    except ValueError:
        return array


def encode(prediction: Any, accept: str) -> Any:
    if accept == JSON:
        return json.dumps(prediction, default=_as_list)
    if accept == CSV:
        array = numpy().array(prediction)
        text = io.StringIO()
        csv.writer(text, lineterminator="\n", strict=True).writerows(
            array.reshape(-1, 1) if array.ndim == 1 else array
        )
        return text.getvalue()
    if accept == NPY:
        buffer = io.BytesIO()
        numpy().save(buffer, prediction)
        return buffer.getvalue()
    raise UnsupportedFormatError(accept)


def _as_list(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    return json.JSONEncoder().default(value)


def answer(result: Any, accept: str) -> Answer:  # noqa: ARG001 -- one signature for all frameworks
    """The response that Flask makes of a view's return value: text is text/html, a dict or a list is JSON."""
    if hasattr(result, "get_data") and hasattr(result, "status_code"):
        return Answer(result.get_data(), str(result.content_type), int(result.status_code))
    if isinstance(result, tuple):
        return Answer(to_bytes(result[0]), with_charset(result[1]))
    if isinstance(result, (dict, list)):
        return Answer((json.dumps(result, separators=(",", ":")) + "\n").encode(), JSON)
    return Answer(to_bytes(result), "text/html; charset=utf-8")


def with_charset(mimetype: str) -> str:
    """As werkzeug's `get_content_type`: text types get a charset."""
    textual = mimetype.startswith("text/") or mimetype == "application/xml" or mimetype.endswith("+xml")
    return f"{mimetype}; charset=utf-8" if textual and "charset" not in mimetype else mimetype


def failure(error: Exception, trace: str) -> Answer:  # noqa: ARG001 -- one signature for all frameworks
    return Answer(f"{type(error).__name__}: {error}".encode(), "text/plain; charset=utf-8", 500)
