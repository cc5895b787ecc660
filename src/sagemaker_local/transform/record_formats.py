"""The record formats that a transform job can filter and join: rows of CSV, and JSON values."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from typing import Any, Protocol

JOINED = "SageMakerOutput"
JOINED_INPUT = "SageMakerInput"


class RecordError(Exception):
    """A record or a response that does not match its content type."""


class RecordFormat(Protocol):
    """Reads and writes records. Values are lists for CSV and any JSON value for JSON."""

    def read(self, record: bytes) -> Any: ...

    def write(self, value: Any) -> bytes: ...

    def join(self, record: Any, response: Any) -> Any: ...


class _Line:
    def write(self, text: str) -> str:
        return text


@dataclass(frozen=True)
class Csv:
    """A row is a list of texts. Fields are quoted only if CSV requires it."""

    def read(self, record: bytes) -> list[str]:
        try:
            rows = list(csv.reader([record.decode()], strict=True))
        except (csv.Error, UnicodeDecodeError) as error:
            raise RecordError(f"Failed to parse as CSV: {error}") from error
        return rows[0] if rows else []

    def write(self, value: Any) -> bytes:
        row = value if isinstance(value, list) else [value]
        # writerow returns what write() returns. It quotes fields that contain a character of the line end.
        line: str = csv.writer(_Line(), lineterminator="\r\n").writerow(row)
        return line.removesuffix("\r\n").encode()

    def join(self, record: Any, response: Any) -> Any:
        return [*record, *response]


@dataclass(frozen=True)
class Json:
    def read(self, record: bytes) -> Any:
        try:
            return json.loads(record)
        except (ValueError, RecursionError) as error:
            raise RecordError(f"Failed to parse as JSON: {error}") from error

    def write(self, value: Any) -> bytes:
        try:
            text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        except RecursionError as error:
            raise RecordError(f"Failed to write as JSON: {error}") from error
        return text.encode("utf-8", "backslashreplace")  # half of a surrogate pair, as JSON's own escape

    def join(self, record: Any, response: Any) -> Any:
        """The joined record, always an object (developer guide, batch-transform-data-processing)."""
        base = record if isinstance(record, dict) else {JOINED_INPUT: record}
        return {**base, JOINED: response}


FORMATS: dict[str, RecordFormat] = {
    "text/csv": Csv(),
    "application/json": Json(),
    "application/jsonlines": Json(),
}


def media_type(content_type: str) -> str:
    """The content type in lower case without parameters: text/csv for `text/csv; charset=utf-8`."""
    return content_type.partition(";")[0].strip().lower()
