"""Data comes from --input, --data or standard input; its type from the extension (.json, .csv, .npy), else
from the data: JSON where it is JSON, CSV otherwise.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stagewright.cli.common import documents, output
from stagewright.cli.common.command_hints import program
from stagewright.cli.common.options import Json, TargetName
from stagewright.cli.common.target import LOCAL, existing_session, target_label
from stagewright.errors import NotFoundError, TargetError

if TYPE_CHECKING:
    from stagewright.cli.common.target import Session

CONTENT_TYPES = {".json": "application/json", ".csv": "text/csv", ".npy": "application/x-npy"}
Place = Annotated[
    str, typer.Argument(metavar="PIPELINE", help="A pipeline, by document, folder or name; or an endpoint.")
]
Input = Annotated[
    Path | None, typer.Option("--input", "-i", help="A file to send.", exists=True, dir_okay=False)
]
Data = Annotated[str | None, typer.Option("--data", "-d", help="The data itself.")]
ContentType = Annotated[
    str | None,
    typer.Option("--content-type", help="Of what is sent, where neither extension nor data say it."),
]
Accept = Annotated[str, typer.Option("--accept", help="The content type wanted back.")]


def command(
    place: Place,
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
        raise typer.BadParameter("nothing to send: give --input FILE, --data TEXT, or data on standard input")
    kind = content_type or kind_of(body, file.suffix if file else "")
    name = documents.name_of(place)
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
        sys.stdout.flush()
        sys.stdout.buffer.write(answer.body.rstrip(b"\n") + b"\n")


def kind_of(body: bytes, extension: str) -> str:
    """By the extension, else by the data: what is no JSON is taken for CSV."""
    if known := CONTENT_TYPES.get(extension.lower()):
        return known
    try:
        json.loads(body)
    except ValueError:
        return CONTENT_TYPES[".csv"]
    return CONTENT_TYPES[".json"]


def remedies_of(deployed_by: str, guessed: str) -> Iterator[str]:
    """Commands that may help. `deployed_by`: run and stage; `guessed`: the content type that nobody gave."""
    if deployed_by:
        yield f"{program()} logs {deployed_by} shows what the model logged"
    if guessed:
        yield f"it was sent as {guessed}; --content-type TYPE sends it as something else"


def endpoint_of(session: Session, name: str) -> tuple[str, str]:
    """The endpoint of the pipeline's newest run that has one, and the run and stage that deployed it; else
    `name`, where that is an endpoint.
    """
    from stagewright.runs.endpoints.deployed import deployed

    for endpoint, made_by in deployed(session.gateway, name).items():
        return endpoint, " ".join(made_by)
    if session.gateway.endpoints.describe(name):
        return name, ""
    raise NotFoundError(
        f"{name} is neither a pipeline that has made an endpoint nor an endpoint in"
        f" {target_label(session.target)}",
        documents.pipeline_hint(session, name) or f"{program()} endpoints lists those that there are",
    )


def decoded(body: bytes, content_type: str) -> Any:
    """JSON as it is, other text as text, and bytes that are no text in Python's notation."""
    try:
        text = body.decode()
        return json.loads(text) if "json" in content_type else text
    except ValueError:
        return repr(body)
