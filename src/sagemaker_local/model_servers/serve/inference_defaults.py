"""The default functions of sagemaker-inference 1.10, for custom images.

Sources: sagemaker-inference-toolkit, src/sagemaker_inference/{decoder,encoder,default_inference_handler,
transformer}.py. As there, numpy.genfromtxt(dtype=None) returns a structured array for CSV of mixed types.
"""

from __future__ import annotations

import importlib
import io
import json
from typing import Any

from .content import (
    CSV,
    JSON,
    NPY,
    NPZ,
    Answer,
    UnsupportedFormatError,
    numpy,
    to_bytes,
)

NAME = "inference"
DEFAULT_MODULE = "inference.py"
DECODE_ERRORS = "strict"


def input_fn(body: Any, content_type: str) -> Any:
    if content_type == CSV:
        return numpy().genfromtxt(io.StringIO(body), dtype=None, delimiter=",")
    if content_type == JSON:
        return numpy().array(json.loads(body))
    if content_type == NPY:
        # Pickled arrays are allowed, as there. Only the service reaches this server, and a client of the
        # service may create endpoints with any code anyway.
        return numpy().load(io.BytesIO(body), allow_pickle=True)
    if content_type == NPZ:
        return importlib.import_module("scipy.sparse").load_npz(io.BytesIO(body))
    raise UnsupportedFormatError(content_type)


def predict_fn(data: Any, model: Any) -> Any:
    raise NotImplementedError("Please provide a predict_fn implementation.")


def output_fn(prediction: Any, accept: str) -> Any:
    for content_type in accept.replace(" ", "").split(","):
        if content_type in (JSON, CSV, NPY):
            return encode(prediction, content_type), content_type
    raise UnsupportedFormatError(accept)


def encode(prediction: Any, content_type: str) -> Any:
    if content_type == JSON:
        return json.dumps(prediction, default=_as_list)
    if content_type == CSV:
        text = io.StringIO()
        numpy().savetxt(text, prediction, delimiter=",", fmt="%s")
        return text.getvalue()
    buffer = io.BytesIO()
    numpy().save(buffer, prediction)
    return buffer.getvalue()


def _as_list(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    return json.JSONEncoder().default(value)


def answer(result: Any, accept: str) -> Answer:
    """The response, as the multi-model server sends it: text and bytes unchanged, other values as JSON."""
    body, content_type = result if isinstance(result, tuple) else (result, accept)
    if isinstance(body, (str, bytes, bytearray)):
        return Answer(to_bytes(body), content_type)
    return Answer(json.dumps(body).encode(), content_type)


def failure(error: Exception, trace: str) -> Answer:
    """The response to an exception: message and traceback, with the exception's status
    (transformer.handle_error)."""
    status = getattr(error, "status_code", 500)
    message = getattr(error, "message", None) or str(error)
    return Answer(f"{message}\n{trace}".encode(), "text/plain; charset=utf-8", int(status))
