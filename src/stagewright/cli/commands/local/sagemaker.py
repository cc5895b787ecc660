"""For any SageMaker code, without a pipeline: jobs and endpoints run as processes on this machine, and their
data is in an S3 that runs already (moto_server, MinIO, ministack). It listens on 127.0.0.1 only, and prints
what boto3, the AWS CLI and the SageMaker SDK need. One key is used for both, S3 included."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stagewright.cli.common.options import Json
from stagewright.cli.common.target import state_folder
from stagewright.errors import TargetError

FOLDER = "sagemaker-alone"

Port = Annotated[int | None, typer.Option("--port", help="The port to listen on; a free one when left out.")]
Endpoint = Annotated[
    str,
    typer.Option(
        "--endpoint-url",
        metavar="URL",
        envvar=["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"],
        help="Where S3 is, and CloudWatch Logs if it is there too.",
    ),
]
StateFolder = Annotated[
    Path | None,
    typer.Option("--state", metavar="FOLDER", help=f"Keeps its state; .stagewright/{FOLDER} when left out."),
]
AccessKey = Annotated[
    str,
    typer.Option(
        "--access-key",
        envvar="STAGEWRIGHT_ACCESS_KEY",
        help="The key of both; one is made when left out.",
    ),
]
SecretKey = Annotated[
    str,
    typer.Option(
        "--secret-key", envvar="STAGEWRIGHT_SECRET_KEY", show_envvar=True, help="Belongs to --access-key."
    ),
]
Region = Annotated[str, typer.Option("--region", help="In ARNs, and what jobs see as their region.")]


def command(
    endpoint_url: Endpoint = "",
    port: Port = None,
    state: StateFolder = None,
    access_key: AccessKey = "",
    secret_key: SecretKey = "",
    region: Region = "us-east-1",
    as_json: Json = False,
) -> None:
    from sagemaker_local import cli, standalone
    from sagemaker_local.settings import Program
    from stagewright.local.errors import translated

    if not endpoint_url:
        remedy = "give its URL with --endpoint-url; without one, `stagewright up` serves S3 as well"
        raise TargetError("The service keeps its data in an S3 that runs already, and none is named", remedy)
    if bool(access_key) != bool(secret_key):
        raise typer.BadParameter("--access-key and --secret-key go together")
    key = (access_key, secret_key) if access_key else None
    folder = state or state_folder() / FOLDER
    options = standalone.Options(endpoint_url, folder, port, key, region, Program("stagewright"))
    with translated():
        cli.serve_until_signal(options, cli.print_json if as_json else cli.print_exports)
