"""Sends the data of --input, --data or standard input. The extension of the file (.json, .csv, .npy) sets the
content type. Otherwise, valid JSON is sent as JSON and other data as CSV.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stagewright.api import documents
from stagewright.api.target import LOCAL, existing_session, target_label
from stagewright.cli.common import output
from stagewright.cli.common.command_hints import program
from stagewright.cli.common.options import Json, TargetName
from stagewright.errors import NotFoundError, TargetError

if TYPE_CHECKING:
    from stagewright.api.target import Session

CONTENT_TYPES = {".json": "application/json", ".csv": "text/csv", ".npy": "application/x-npy"}
PipelineOrEndpoint = Annotated[
    str, typer.Argument(metavar="PIPELINE", help="A pipeline (document, folder or name) or an endpoint.")
]
Input = Annotated[
    Path | None, typer.Option("--input", "-i", help="A file to send.", exists=True, dir_okay=False)
]
Data = Annotated[str | None, typer.Option("--data", "-d", help="The data to send.")]
ContentType = Annotated[
    str | None,
    typer.Option("--content-type", help="Content type of the data."),
]
Accept = Annotated[str, typer.Option("--accept", help="Content type of the response.")]


def command(
    pipeline: PipelineOrEndpoint,
    file: Input = None,
    data: Data = None,
    content_type: ContentType = None,
    accept: Accept = "application/json",
    target: TargetName = LOCAL,
    as_json: Json = False,
) -> None:
    if file and data is not None:
        raise typer.BadParameter("give --input or --data, not both")
    body = file.read_bytes() if file else data.encode() if data is not None else sys.stdin.buffer.read()
    if not body:
        raise typer.BadParameter("no data: give --input FILE, --data TEXT, or data on standard input")
    kind = content_type or kind_of(body, file.suffix if file else "")
    name = documents.name_of(pipeline)
    with existing_session(target) as connected:
        endpoint, deployed_by = endpoint_of(connected, name)
        try:
            answer = connected.gateway.endpoints.invoke(endpoint, body, kind, accept)
        except TargetError as error:
            remedies = (error.remedy, *remedies_of(deployed_by, "" if content_type else kind))
            raise type(error)(error.message, "; ".join(filter(None, remedies))) from error
    if as_json:
        prediction = decoded(answer.body, answer.content_type)
        output.print_json(
            {"endpoint": endpoint, "content_type": answer.content_type, "prediction": prediction}
        )
    else:
        print_answer(answer.body.rstrip(b"\n"))


def print_answer(body: bytes) -> None:
    """Print a response: its bytes as they are, but safe text on a terminal."""
    if sys.stdout.isatty():
        output.print_line(body.decode("utf-8", "replace"))
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(body + b"\n")


def kind_of(body: bytes, extension: str) -> str:
    """Content type by the extension. Without a known one, JSON if the data is valid JSON, else CSV."""
    if known := CONTENT_TYPES.get(extension.lower()):
        return known
    try:
        json.loads(body)
    except ValueError:
        return CONTENT_TYPES[".csv"]
    return CONTENT_TYPES[".json"]


def remedies_of(deployed_by: str, guessed: str) -> Iterator[str]:
    """Remedies for a failed request. `deployed_by`: run and stage. `guessed`: the guessed content type."""
    if deployed_by:
        yield f"{program()} logs {deployed_by} shows the log of the model"
    if guessed:
        yield f"the data was sent as {guessed}; set another type with --content-type TYPE"


def endpoint_of(session: Session, name: str) -> tuple[str, str]:
    """Endpoint of the pipeline `name`, with the run and stage that deployed it, or the endpoint `name`.

    NotFoundError: there is no such pipeline with an endpoint, and no such endpoint.
    """
    from stagewright.runs.history.run_history import deployed_endpoints

    for endpoint, made_by in deployed_endpoints(session.gateway, name).items():
        return endpoint, " ".join(made_by)
    if session.gateway.endpoints.describe(name):
        return name, ""
    raise NotFoundError(
        f"{name} is neither a pipeline with an endpoint nor an endpoint in {target_label(session.target)}",
        documents.pipeline_hint(session, name) or f"{program()} endpoints lists the endpoints",
    )


def decoded(body: bytes, content_type: str) -> Any:
    """The response for --json: parsed JSON, other text as a string, bytes in Python's notation."""
    try:
        text = body.decode()
        return json.loads(text) if "json" in content_type else text
    except ValueError:
        return repr(body)
