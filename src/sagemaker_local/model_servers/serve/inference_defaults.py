"""The default functions of sagemaker-inference 1.10, for custom images.

Sources: sagemaker-inference-toolkit, src/sagemaker_inference/{decoder,encoder,default_inference_handler,
transformer}.py.
"""

from __future__ import annotations

import json
from typing import Any

from _sagemaker_toolkit.content_types import CSV, JSON, NPY
from _sagemaker_toolkit.errors import UnsupportedFormatError
from _sagemaker_toolkit.inference_codecs import decode as input_fn
from _sagemaker_toolkit.inference_codecs import encode

from .content import Answer, to_bytes

__all__ = ["answer", "failure", "input_fn", "output_fn", "predict_fn"]

NAME = "inference"
DEFAULT_MODULE = "inference.py"
DECODE_ERRORS = "strict"


def predict_fn(data: Any, model: Any) -> Any:
    raise NotImplementedError("Please provide a predict_fn implementation.")


def output_fn(prediction: Any, accept: str) -> Any:
    for content_type in accept.replace(" ", "").split(","):
        if content_type in (JSON, CSV, NPY):
            return encode(prediction, content_type), content_type
    raise UnsupportedFormatError(accept)


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
