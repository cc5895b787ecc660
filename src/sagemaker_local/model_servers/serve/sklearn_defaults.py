"""The scikit-learn container's default functions.

Sources: sagemaker-scikit-learn-container, src/sagemaker_sklearn_container/serving.py (default_*_fn), and
sagemaker-containers 2.8.6, _encoders.py and _worker.py, which serve single models in that container. Their
quirks are kept, because a script that works here must work there: text is cast to float32.
"""

from __future__ import annotations

import json
from typing import Any

from _sagemaker_toolkit.codecs import decode, encode
from _sagemaker_toolkit.content_types import JSON, UTF8_TYPES

from .content import Answer, to_bytes

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
