"""The codecs of sagemaker_containers (_encoders.py), with their quirks.

Text is read with csv.reader, squeezed (one row becomes one-dimensional) and cast if possible; content types
must match exactly.
"""

from __future__ import annotations

import csv
import importlib
import io
import json
from typing import Any

from . import content_types
from .errors import UnsupportedFormatError


def numpy() -> Any:
    """The environment's numpy. A script that uses no default codec does not need it."""
    return importlib.import_module("numpy")


def csv_to_numpy(text: str, dtype: Any = None) -> Any:
    rows = list(csv.reader(io.StringIO(text), delimiter=",", quotechar='"', doublequote=True, strict=True))
    array = numpy().array(rows).squeeze()
    try:
        return array.astype(dtype)
    except ValueError:
        if dtype is not None:
            raise
        return array


def json_to_numpy(text: str, dtype: Any = None) -> Any:
    return numpy().array(json.loads(text), dtype=dtype)


def npy_to_numpy(data: bytes) -> Any:
    """Pickled arrays are allowed, as there.

    Only the service reaches a model server, and a client of the service may create endpoints with any code.
    """
    return numpy().load(io.BytesIO(data), allow_pickle=True)


def array_to_csv(values: Any) -> str:
    array = numpy().array(values)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n", strict=True).writerows(
        array.reshape(-1, 1) if array.ndim == 1 else array
    )
    return text.getvalue()


def array_to_json(values: Any) -> str:
    return json.dumps(values, default=_as_list)


def array_to_npy(values: Any) -> bytes:
    buffer = io.BytesIO()
    numpy().save(buffer, values)
    return buffer.getvalue()


DECODERS = {
    content_types.NPY: npy_to_numpy,
    content_types.CSV: csv_to_numpy,
    content_types.JSON: json_to_numpy,
}
ENCODERS = {
    content_types.NPY: array_to_npy,
    content_types.CSV: array_to_csv,
    content_types.JSON: array_to_json,
}


def decode(obj: Any, content_type: str) -> Any:
    """The array in a request's body. UnsupportedFormatError for other content types."""
    if content_type not in DECODERS:
        raise UnsupportedFormatError(content_type)
    return DECODERS[content_type](obj)


def encode(array_like: Any, content_type: str) -> Any:
    """The body of a response: text, or bytes for NPY. UnsupportedFormatError for other content types."""
    if content_type not in ENCODERS:
        raise UnsupportedFormatError(content_type)
    return ENCODERS[content_type](array_like)


def _as_list(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    return json.JSONEncoder().default(value)
