"""The `sagemaker-local` command: serve SageMaker next to an S3 that already runs, until Ctrl-C."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from sagemaker_local.errors import SageMakerLocalError, ServiceError

if TYPE_CHECKING:
    from sagemaker_local.standalone import Options, Standalone

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
ACCESS_KEY, SECRET_KEY = "SAGEMAKER_LOCAL_ACCESS_KEY", "SAGEMAKER_LOCAL_SECRET_KEY"
FAILED = 4
"""The exit code if the service cannot start."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command. Exit code 2 for wrong options, 4 if the service cannot start."""
    options = _parser().parse_args(arguments)
    try:
        serve_until_signal(_options(options), print_json if options.json else print_exports)
    except SageMakerLocalError as error:
        print(f"error: {error.message}", file=sys.stderr)  # noqa: T201
        print(f"  try: {error.remedy}", file=sys.stderr)  # noqa: T201
        sys.exit(FAILED)


def serve_until_signal(options: Options, announce: Callable[[Standalone], None]) -> None:
    """Serve until SIGINT, SIGTERM or SIGHUP. `announce` is called when the service is ready."""
    from sagemaker_local import standalone

    stop = threading.Event()

    def handle(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in STOP_SIGNALS:
        signal.signal(number, handle)
    with standalone.serve(options) as service:
        announce(service)
        stop.wait()


def summary(service: Standalone) -> dict[str, Any]:
    """What `--json` prints: `url` is SageMaker's, `endpoint_url` is S3's."""
    return {
        "url": service.settings.service_url,
        "endpoint_url": service.settings.url,
        "state": str(service.state),
        "environment": service.environment,
    }


def print_json(service: Standalone) -> None:
    print(json.dumps(summary(service), indent=2), flush=True)  # noqa: T201


def print_exports(service: Standalone) -> None:
    """Print shell commands on stdout, and where the service runs on stderr."""
    for name, value in service.environment.items():
        print(f"export {name}={shlex.quote(value)}")  # noqa: T201
    sys.stdout.flush()
    settings = service.settings
    text = f"SageMaker: {settings.service_url} (S3: {settings.url}, state {service.state}); Ctrl-C ends it"
    print(text, file=sys.stderr, flush=True)  # noqa: T201


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sagemaker-local",
        description="Serves SageMaker on 127.0.0.1 until Ctrl-C. Jobs and endpoints run as processes on this "
        "machine; their data is in an S3 that already runs. Prints the environment variables for clients.",
    )
    endpoint_url = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
    parser.add_argument(
        "--endpoint-url",
        metavar="URL",
        default=endpoint_url,
        help="S3, and CloudWatch Logs if it is there (default: AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL)",
    )
    parser.add_argument("--port", type=int, help="the port (default: that of the last start, or a free one)")
    parser.add_argument(
        "--state",
        type=Path,
        metavar="FOLDER",
        default=Path(".sagemaker-local"),
        help="the folder for jobs, models and the key (default: %(default)s)",
    )
    parser.add_argument(
        "--access-key",
        default=os.environ.get(ACCESS_KEY, ""),
        help=f"the key for S3 and SageMaker (default: {ACCESS_KEY}, or the key of the state folder)",
    )
    parser.add_argument(
        "--secret-key",
        default=os.environ.get(SECRET_KEY, ""),
        help=f"the secret key of --access-key (default: {SECRET_KEY})",
    )
    parser.add_argument(
        "--region", default="us-east-1", help="the region in ARNs and for jobs (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of shell commands")
    return parser


def _options(arguments: argparse.Namespace) -> Options:
    from sagemaker_local.standalone import Options

    if not arguments.endpoint_url:
        raise ServiceError("No S3 is named", "name its URL with --endpoint-url")
    if bool(arguments.access_key) != bool(arguments.secret_key):
        _parser().error("--access-key and --secret-key go together")
    key = (arguments.access_key, arguments.secret_key) if arguments.access_key else None
    return Options(arguments.endpoint_url, arguments.state, arguments.port, key, arguments.region)
