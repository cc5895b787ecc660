"""Sends rows, the data of --file or --data, or standard input. Several JSON records are sent as one array.
The extension of the file (.json, .jsonl, .csv, .npy, ...) sets the content type. Otherwise, valid JSON is
sent as JSON, other text as CSV, and other data as bytes. Write -- before a row that starts with a minus sign.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stagewright.api import documents
from stagewright.api.target import LOCAL, existing_session
from stagewright.cli.common import output
from stagewright.cli.common.options import Json, TargetName

if TYPE_CHECKING:
    from stagewright.api.payloads import Payload
    from stagewright.api.prediction import Prediction

STDIN = "-"
"""The name of standard input as a file."""
PipelineOrEndpoint = Annotated[
    str, typer.Argument(metavar="PIPELINE", help="A pipeline (document, folder or name) or an endpoint.")
]
Rows = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ROW]...", help="CSV rows (3,1200) or JSON records to send."),
]
File = Annotated[
    Path | None,
    typer.Option("--file", "-f", "--input", "-i", help="A file to send. - is standard input."),
]
Data = Annotated[str | None, typer.Option("--data", "-d", help="The data to send.")]
ContentType = Annotated[
    str | None,
    typer.Option("--content-type", help="Content type of the data."),
]
Accept = Annotated[str, typer.Option("--accept", help="Content type of the response.")]


def command(
    pipeline: PipelineOrEndpoint,
    rows: Rows = None,
    file: File = None,
    data: Data = None,
    content_type: ContentType = None,
    accept: Accept = "application/json",
    target: TargetName = LOCAL,
    as_json: Json = False,
) -> None:
    from stagewright.api import prediction

    payload = read_payload(rows or [], file, data, content_type)
    name = documents.name_of(pipeline)
    with existing_session(target) as connected:
        answer = prediction.predict(connected, name, payload, accept)
    if as_json:
        output.print_json(
            {"endpoint": answer.endpoint, "content_type": answer.content_type, "prediction": shown(answer)}
        )
    else:
        print_answer(answer.body.rstrip(b"\n"))


def read_payload(rows: Sequence[str], file: Path | None, data: str | None, kind: str | None) -> Payload:
    """The data of the one source that is named, else of standard input."""
    from stagewright.api import payloads

    if sum((bool(rows), file is not None, data is not None)) > 1:
        raise typer.BadParameter("give rows, --file or --data, not several of them")
    if rows:
        payload = payloads.of_texts(rows, kind)
    elif data is not None:
        payload = payloads.of_bytes(data.encode(), kind)
    elif file and str(file) != STDIN:
        payload = read_file(file, kind)
    else:
        payload = payloads.of_bytes(sys.stdin.buffer.read(), kind)
    if not payload.body:
        raise typer.BadParameter("no data: give rows, --file FILE, --data TEXT, or data on standard input")
    return payload


def read_file(file: Path, kind: str | None) -> Payload:
    from stagewright.api import payloads

    try:
        return payloads.of_file(file, kind)
    except OSError as error:
        raise typer.BadParameter(f"{file}: {error.strerror}") from None


def shown(answer: Prediction) -> Any:
    """The response for --json: bytes in Python's notation."""
    value = answer.value
    return repr(value) if isinstance(value, bytes) else value


def print_answer(body: bytes) -> None:
    """Print a response: its bytes as they are, but safe text on a terminal."""
    if sys.stdout.isatty():
        output.print_line(body.decode("utf-8", "replace"))
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(body + b"\n")
