"""What is sent to an endpoint: rows, records, files and bytes, with their content type."""

from __future__ import annotations

import csv
import io
import json
import mimetypes
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from stagewright.errors import DocumentError, Problem

CSV, JSON, JSON_LINES, NPY = "text/csv", "application/json", "application/jsonlines", "application/x-npy"
BYTES = "application/octet-stream"
CONTENT_TYPES = {
    ".json": JSON,
    ".jsonl": JSON_LINES,
    ".csv": CSV,
    ".npy": NPY,
    ".npz": "application/x-npz",
    ".libsvm": "text/libsvm",
    ".parquet": "application/x-parquet",
    ".recordio": "application/x-recordio-protobuf",
}
"""Extension -> content type, as SageMaker's containers name them ("Common Data Formats for Inference" in the
SageMaker developer guide; application/x-npy: sagemaker-inference-toolkit, content_types.py)."""


class Payload(NamedTuple):
    """A request's body. `guessed`: the content type was derived from the data."""

    body: bytes
    content_type: str
    guessed: bool = True


def of_file(path: Path, content_type: str | None = None) -> Payload:
    """The content of a file. The extension sets the content type, else the content does."""
    return of_bytes(path.read_bytes(), content_type, path.suffix)


def of_bytes(body: bytes, content_type: str | None = None, extension: str = "") -> Payload:
    """Bytes as they are."""
    if content_type:
        return Payload(body, content_type, guessed=False)
    return Payload(body, _type_of(body, extension.lower()))


def of_texts(texts: Sequence[str], content_type: str | None = None) -> Payload:
    """Texts, each with one or more CSV rows or JSON records. Several JSON values become one array.

    With JSON Lines as the content type, each JSON value is a line.
    """
    values = [_parsed(text) for text in texts]
    is_json = content_type in (None, JSON) and all(value is not None for value in values)
    if len(texts) > 1 and is_json:
        joined = json.dumps([record for value in values for record in _records(value)])
    else:
        joined = "\n".join(text.rstrip("\n") for text in texts) if len(texts) > 1 else "".join(texts)
    return of_bytes(joined.encode(), content_type)


def of_value(data: Any, content_type: str | None = None) -> Payload:
    """A value of Python.

    bytes           as they are
    Path            the content of the file
    str             CSV rows or JSON
    dict            a JSON record
    list of dict    JSON records
    list of lists   CSV rows; a list of plain values is one row
    DataFrame       CSV rows without a header, or JSON records if `content_type` is application/json
    NumPy array     .npy, or CSV rows if `content_type` is text/csv

    DocumentError: the value is none of these.
    """
    if isinstance(data, bytes | bytearray):
        return of_bytes(bytes(data), content_type)
    if isinstance(data, Path):
        return of_file(data, content_type)
    if isinstance(data, str):
        return of_texts([data], content_type)
    if hasattr(data, "to_csv"):
        return _of_frame(data, content_type)
    if hasattr(data, "tobytes") and hasattr(data, "tolist"):
        return _of_array(data, content_type)
    if isinstance(data, Mapping | list | tuple):
        return _of_collection(data, content_type)
    message = f"data of type {type(data).__name__} cannot be sent"
    raise DocumentError((Problem("data", message, "pass bytes, text, a Path, rows, records or a DataFrame"),))


def _of_frame(frame: Any, content_type: str | None) -> Payload:
    if content_type == JSON:
        return Payload(frame.to_json(orient="records").encode(), JSON, guessed=False)
    body = frame.to_csv(index=False, header=False).encode()
    return Payload(body, content_type or CSV, guessed=not content_type)


def _of_array(array: Any, content_type: str | None) -> Payload:
    if content_type not in (None, NPY):
        rows = array.tolist() if array.ndim else [array.item()]
        return _of_collection(rows, content_type)
    buffer = io.BytesIO()
    from importlib import import_module

    import_module("numpy").save(buffer, array, allow_pickle=False)
    return Payload(buffer.getvalue(), NPY, guessed=not content_type)


def _of_collection(data: Any, content_type: str | None) -> Payload:
    rows = data if isinstance(data, Mapping) or any(isinstance(row, Mapping) for row in data) else None
    if content_type == JSON_LINES:
        text = "".join(f"{json.dumps(record)}\n" for record in _records(data))
    elif rows is not None or content_type not in (None, CSV):
        text = json.dumps(data)
    else:
        text = _csv(data)
    guess = CSV if rows is None else JSON
    return Payload(text.encode(), content_type or guess, guessed=not content_type)


def _csv(rows: Sequence[Any]) -> str:
    """CSV of rows. A list of plain values is one row."""
    nested = all(isinstance(row, list | tuple) for row in rows)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows if nested else [rows])
    return text.getvalue()


def _records(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else [value]


def _parsed(text: str) -> Any:
    """The JSON object or array in a text. None: it is no such JSON, or a single value."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None


def _type_of(body: bytes, extension: str) -> str:
    """The content type by the extension, else by the content: JSON, other text as CSV, else bytes."""
    if extension in CONTENT_TYPES:
        return CONTENT_TYPES[extension]
    known = mimetypes.types_map.get(extension, "")
    if known.startswith(("image/", "audio/", "video/")):
        return known
    try:
        text = body.decode()
        json.loads(text)
    except UnicodeDecodeError:
        return BYTES
    except (ValueError, RecursionError):
        return CSV
    return JSON
