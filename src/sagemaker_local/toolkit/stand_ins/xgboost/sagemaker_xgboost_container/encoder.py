"""Requests as DMatrix (sagemaker_xgboost_container/encoder.py)."""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
from email.message import Message
from typing import Any

import numpy
import xgboost
from _sagemaker_toolkit.content_types import CSV
from _sagemaker_toolkit.errors import UnsupportedFormatError

from sagemaker_xgboost_container.constants.xgb_content_types import LIBSVM, X_LIBSVM, X_RECORDIO_PROTOBUF


def parse_header(value: str) -> tuple[str, dict[str, str]]:
    """A content type and its parameters, as `cgi.parse_header`, which Python 3.13 lacks."""
    message = Message()
    message["content-type"] = value
    return value.split(";")[0].strip(), dict((message.get_params() or [])[1:])


def csv_to_dmatrix(input: str | bytes, dtype: Any = None) -> xgboost.DMatrix:  # noqa: A002 -- AWS's name
    """The rows of a CSV text without a line break at its end. An empty cell is a missing value."""
    text = input.decode() if isinstance(input, bytes) else input
    sniffed = csv.Sniffer().sniff(text.split("\n")[0][:512]).delimiter
    delimiter = "," if sniffed.isalnum() else sniffed
    rows = [["nan" if cell == "" else cell for cell in line.split(delimiter)] for line in text.split("\n")]
    return xgboost.DMatrix(numpy.array(rows).astype(dtype))


def libsvm_to_dmatrix(string_like: bytes) -> xgboost.DMatrix:
    """The rows of a LIBSVM text."""
    handle, path = tempfile.mkstemp()
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(string_like)
        return read_libsvm(path)
    finally:
        os.remove(path)


def read_libsvm(path: str) -> xgboost.DMatrix:
    """Files in LIBSVM format. XGBoost 2 and later need the format in the path."""
    old = int(xgboost.__version__.split(".")[0]) < 2
    return xgboost.DMatrix(path if old else f"{path}?format=libsvm")


def recordio_protobuf_to_dmatrix(string_like: bytes) -> xgboost.DMatrix:
    raise NotImplementedError("RecordIO needs ML-IO, which is in no package index: send CSV or LIBSVM")


_dmatrix_decoders_map = {
    CSV: csv_to_dmatrix,
    LIBSVM: libsvm_to_dmatrix,
    X_LIBSVM: libsvm_to_dmatrix,
    X_RECORDIO_PROTOBUF: recordio_protobuf_to_dmatrix,
}


def decode(obj: Any, content_type: str) -> xgboost.DMatrix:
    """The DMatrix in a request's body. UnsupportedFormatError for other content types."""
    name = parse_header(content_type)[0]
    if name not in _dmatrix_decoders_map:
        raise UnsupportedFormatError(name)
    return _dmatrix_decoders_map[name](obj)


def json_to_jsonlines(json_data: Any) -> bytes:
    """The entries of a JSON object's only list, one per line."""
    loaded = json_data if isinstance(json_data, dict) else json.loads(json_data)
    if len(loaded) != 1:
        raise ValueError("JSON response is not compatible for conversion to jsonlines.")
    text = io.StringIO()
    for entries in loaded.values():
        for entry in entries:
            text.write(json.dumps(entry) + "\n")
    return text.getvalue().encode()
