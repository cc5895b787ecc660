"""For SageMaker code without a pipeline. Jobs and endpoints run as processes on this machine. Their data is
in an S3 server of yours, such as moto_server, MinIO or ministack. The service listens only on 127.0.0.1, and
prints the environment variables that boto3, the AWS CLI and the SageMaker SDK need. SageMaker and S3 use the
same key. The command runs until Ctrl-C.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stagewright.api.target import state_folder
from stagewright.cli.common.options import Json
from stagewright.errors import TargetError

FOLDER = "sagemaker-alone"

Port = Annotated[int | None, typer.Option("--port", help="Port to listen on. The default is a free port.")]
Endpoint = Annotated[
    str,
    typer.Option(
        "--endpoint-url",
        metavar="URL",
        envvar=["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"],
        help="URL of S3, and of CloudWatch Logs if it is served there.",
    ),
]
StateFolder = Annotated[
    Path | None,
    typer.Option("--state", metavar="FOLDER", help=f"State folder. The default is .stagewright/{FOLDER}."),
]
AccessKey = Annotated[
    str,
    typer.Option(
        "--access-key",
        envvar="STAGEWRIGHT_ACCESS_KEY",
        help="Access key for SageMaker and S3. The default is a generated key.",
    ),
]
SecretKey = Annotated[
    str,
    typer.Option(
        "--secret-key", envvar="STAGEWRIGHT_SECRET_KEY", show_envvar=True, help="Secret key of --access-key."
    ),
]
Region = Annotated[str, typer.Option("--region", help="Region in ARNs and in the environment of jobs.")]


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
        remedy = "give its URL with --endpoint-url, or use `stagewright up`, which also serves S3"
        raise TargetError("no S3 endpoint is given, and the service stores its data in S3", remedy)
    if bool(access_key) != bool(secret_key):
        raise typer.BadParameter("--access-key and --secret-key must be given together")
    key = (access_key, secret_key) if access_key else None
    folder = state or state_folder() / FOLDER
    options = standalone.Options(endpoint_url, folder, port, key, region, Program("stagewright"))
    with translated():
        cli.serve_until_signal(options, cli.print_json if as_json else cli.print_exports)
