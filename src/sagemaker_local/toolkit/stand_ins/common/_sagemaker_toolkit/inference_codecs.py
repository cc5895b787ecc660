"""The codecs of sagemaker_inference (decoder.py, encoder.py).

As there, numpy.genfromtxt(dtype=None) returns a structured array for CSV of mixed types.
"""

from __future__ import annotations

import importlib
import io
from typing import Any

from .codecs import array_to_json, array_to_npy, json_to_numpy, npy_to_numpy, numpy
from .content_types import CSV, JSON, NPY, NPZ
from .errors import UnsupportedFormatError


def decode(obj: Any, content_type: str) -> Any:
    """The array in a request's body. UnsupportedFormatError for other content types."""
    if content_type == CSV:
        return numpy().genfromtxt(io.StringIO(obj), dtype=None, delimiter=",")
    if content_type == JSON:
        return json_to_numpy(obj)
    if content_type == NPY:
        return npy_to_numpy(obj)
    if content_type == NPZ:
        return importlib.import_module("scipy.sparse").load_npz(io.BytesIO(obj))
    raise UnsupportedFormatError(content_type)


def encode(array_like: Any, content_type: str) -> Any:
    """The body of a response: text, or bytes for NPY. UnsupportedFormatError for other content types."""
    if content_type == JSON:
        return array_to_json(array_like)
    if content_type == CSV:
        text = io.StringIO()
        numpy().savetxt(text, array_like, delimiter=",", fmt="%s")
        return text.getvalue()
    if content_type == NPY:
        return array_to_npy(array_like)
    raise UnsupportedFormatError(content_type)
