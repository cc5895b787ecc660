"""Serve the local SageMaker in this process, next to an S3 that already runs.

    with serve(Options("http://127.0.0.1:9000", Path(".sagemaker-local"))) as standalone:
        print(standalone.environment)

One key signs the requests to both, because an AWS client has one key. The service publishes no EventBridge
events, and writes to CloudWatch Logs if the endpoint has it.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import logging
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hypercorn.asyncio import serve as serve_http
from hypercorn.config import Config

from sagemaker_local import credentials, store
from sagemaker_local.api import protocol
from sagemaker_local.errors import ServiceError
from sagemaker_local.http.gate import Access, Gate, Message, Receive, RejectedError, Scope, Send
from sagemaker_local.http.listen import listen
from sagemaker_local.jobs.job_environment import service_endpoints
from sagemaker_local.service import SageMaker
from sagemaker_local.settings import Program, Settings
from sagemaker_local.state_folder import ACCOUNT, REGION, Server, StateFolder

ANSWER_SECONDS = 5.0
"""How long to wait for the S3 endpoint's first answer."""
GRACE_SECONDS = 0.3
"""How long requests in progress may take after the service is stopped."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Options:
    """What to serve, and where.

    `port`: None is the port of the last start if it is free, otherwise any. `key`: access key and secret key;
    None is a key that belongs to the state folder.
    """

    endpoint_url: str
    state: Path
    port: int | None = None
    key: tuple[str, str] | None = None
    region: str = REGION
    program: Program = field(default_factory=Program)


@dataclass(frozen=True)
class Standalone:
    """A running service. It answers at `settings.service_url`; S3 is at `settings.url`."""

    settings: Settings
    state: Path

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables for clients. With these, no client reaches a real AWS account."""
        settings = self.settings
        server = Server(settings.url, settings.access_key, settings.secret_key, os.getpid(), self.state)
        return {**credentials.for_user(server, settings.region), **service_endpoints(settings)}


@contextmanager
def serve(options: Options) -> Iterator[Standalone]:
    """Serve for the length of the block, then end every job and endpoint. ServiceError if it cannot start."""
    folder = StateFolder(options.state.absolute(), options.program)
    folder.create()
    require_answer(options.endpoint_url)
    with _held(folder):
        last_port = folder.identity().port
        listener = listen(options.port, last_port)
        port: int = listener.getsockname()[1]
        folder.remember_port(port)
        settings = _settings(options, folder, port)
        store.require_intact(settings.root / "sagemaker.sqlite")
        with _serving(listener, port, settings):
            yield Standalone(settings, folder.root)


def require_answer(url: str) -> None:
    """Check that an HTTP server answers at the URL, with any status. ServiceError if none does."""
    parts = urlsplit(url)
    connections: dict[str, type[http.client.HTTPConnection]] = {
        "http": http.client.HTTPConnection,
        "https": http.client.HTTPSConnection,
    }
    try:
        connection = connections[parts.scheme](parts.hostname or "", parts.port, timeout=ANSWER_SECONDS)
    except (KeyError, ValueError):
        raise ServiceError(f"{url!r} is not a URL", "use one such as http://127.0.0.1:9000") from None
    with contextlib.closing(connection):
        try:
            connection.request("GET", "/")
            connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            message = f"No S3 answers at {url}: {error}"
            raise ServiceError(message, "start it first, or name its URL with --endpoint-url") from error


@contextmanager
def _held(folder: StateFolder) -> Iterator[None]:
    try:
        lock = folder.hold()
    except OSError as error:
        raise folder.unusable(error) from error
    try:
        yield
    finally:
        os.close(lock)


def _settings(options: Options, folder: StateFolder, port: int) -> Settings:
    identity = folder.identity()
    if options.key:
        identity = replace(identity, access_key=options.key[0], secret_key=options.key[1])
    return Settings(
        folder.root / "sagemaker",
        options.endpoint_url,
        identity.access_key,
        identity.secret_key,
        options.region,
        ACCOUNT,
        service_url=f"http://127.0.0.1:{port}",
        program=options.program,
    )


@contextmanager
def _serving(listener: socket.socket, port: int, settings: Settings) -> Iterator[None]:
    try:
        service = SageMaker(settings, _discard_event)
    except ServiceError:
        listener.close()
        raise
    access = Access(port, settings.access_key, settings.secret_key, settings.program)
    gate = Gate(
        partial(_other_services, settings.url), {"sagemaker": partial(protocol.handle, service)}, access
    )
    stop = threading.Event()
    server = threading.Thread(target=_run_server, args=(gate, listener, stop), name="http", daemon=True)
    try:
        service.start()
        server.start()
        yield
    finally:
        service.close()
        stop.set()
        if server.ident is not None:
            server.join()
        else:
            listener.close()


def _run_server(gate: Gate, listener: socket.socket, stop: threading.Event) -> None:
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = GRACE_SECONDS
    config.accesslog = None
    config.errorlog = None
    stopped = partial(asyncio.to_thread, stop.wait)
    asyncio.run(serve_http(gate, config, shutdown_trigger=stopped))  # type: ignore[arg-type]


def _discard_event(detail_type: str, _detail: Mapping[str, Any]) -> None:
    log.debug("no EventBridge to publish %r to", detail_type)


async def _other_services(endpoint_url: str, scope: Scope, receive: Receive, send: Send) -> None:
    """ASGI application that rejects requests for other services. Startup and shutdown need no work."""
    if scope["type"] == "http":
        message = f"This server is SageMaker alone; other services are at {endpoint_url} (AWS_ENDPOINT_URL)"
        raise RejectedError("UnknownOperationException", message, 400)
    event: Message = {"type": ""}
    while event["type"] != "lifespan.shutdown":
        event = await receive()
        await send({"type": f"{event['type']}.complete"})
