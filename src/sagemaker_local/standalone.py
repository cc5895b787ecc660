"""The SageMaker service on its own, beside any endpoint that answers S3, and CloudWatch Logs if it can.

One key serves both, since an AWS client has one. Events go nowhere: there is no EventBridge to take them.
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
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hypercorn.asyncio import serve
from hypercorn.config import Config

from sagemaker_local import credentials
from sagemaker_local.http.gate import Message, Receive, RefusedError, Scope, Send, Wrapper
from sagemaker_local.http.listen import listen
from sagemaker_local.jobs.job_environment import service_endpoints
from sagemaker_local.service import SageMaker
from sagemaker_local.settings import Settings
from sagemaker_local.state_folder import ACCOUNT, REGION, Identity, Server, unusable
from stagewright.errors import TargetError
from stagewright.local.state import State

ANSWER_SECONDS = 5.0
GRACE_SECONDS = 0.3
"""For requests that are under way at the end."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Standalone:
    """A service that answers at `settings.service_url`; S3 is at `settings.url`."""

    settings: Settings
    state: Path

    @property
    def environment(self) -> dict[str, str]:
        """Variables for whoever uses it; they reach no real AWS account."""
        settings = self.settings
        server = Server(settings.url, settings.access_key, settings.secret_key, os.getpid(), self.state)
        region = {"AWS_REGION": settings.region, "AWS_DEFAULT_REGION": settings.region}
        return {**credentials.for_user(server), **region, **service_endpoints(settings)}


class Door(Wrapper):
    """The local server's door with SageMaker alone behind it."""

    key_hint = "it is the one that was printed, or given, when the service was started"

    def __init__(self, sagemaker: SageMaker, port: int, settings: Settings) -> None:
        super().__init__(_lifespan, sagemaker, port, settings.access_key, settings.secret_key)
        self._others = settings.url

    def check_service(self, service: str) -> None:
        if service != "sagemaker":
            message = f"This is SageMaker alone; {service} is at {self._others} (AWS_ENDPOINT_URL)"
            raise RefusedError("UnknownOperationException", message, 400)


@contextmanager
def beside(
    endpoint_url: str,
    state: Path,
    port: int | None = None,
    key: tuple[str, str] | None = None,
    region: str = REGION,
) -> Iterator[Standalone]:
    """A service for the length of the block; then every job and endpoint of it is ended.

    `port`: None is the port of last time where that is free, otherwise any. `key`: access key and secret key;
    None is one that belongs to the state directory. TargetError when it cannot start.
    """
    place = State(state.absolute())
    place.create()
    require_answer(endpoint_url)
    with _held(place):
        identity = _identity(place, key)
        opened = listen(port, identity.port)
        number: int = opened.getsockname()[1]
        place.remember_port(number)
        settings = Settings(
            place.root / "sagemaker",
            endpoint_url,
            identity.access_key,
            identity.secret_key,
            region,
            ACCOUNT,
            service_url=f"http://127.0.0.1:{number}",
        )
        with _served(opened, number, settings):
            yield Standalone(settings, place.root)


def require_answer(url: str) -> None:
    """TargetError where nothing speaks HTTP at an address. Any answer will do, also a refusal."""
    parts = urlsplit(url)
    kinds: dict[str, type[http.client.HTTPConnection]] = {
        "http": http.client.HTTPConnection,
        "https": http.client.HTTPSConnection,
    }
    try:
        connection = kinds[parts.scheme](parts.hostname or "", parts.port, timeout=ANSWER_SECONDS)
    except (KeyError, ValueError):
        raise TargetError(f"{url!r} is no URL", "give one such as http://127.0.0.1:9000") from None
    with contextlib.closing(connection):
        try:
            connection.request("GET", "/")
            connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            message = f"No S3 answers at {url}: {error}"
            raise TargetError(message, "start it first, or give its URL with --endpoint-url") from error


@contextmanager
def _held(place: State) -> Iterator[None]:
    try:
        lock = place.hold()
    except TargetError as error:
        raise TargetError(error.message, "end that one, or choose another folder with --state") from error
    except OSError as error:
        raise unusable(place.root, error) from error
    try:
        yield
    finally:
        os.close(lock)


def _identity(place: State, key: tuple[str, str] | None) -> Identity:
    own = place.identity()
    return replace(own, access_key=key[0], secret_key=key[1]) if key else own


@contextmanager
def _served(opened: socket.socket, port: int, settings: Settings) -> Iterator[None]:
    try:
        service = SageMaker(settings, _unheard)
    except TargetError:
        opened.close()
        raise
    stop = threading.Event()
    answering = threading.Thread(
        target=_answer, args=(Door(service, port, settings), opened, stop), name="door", daemon=True
    )
    try:
        service.start()
        answering.start()
        yield
    finally:
        service.close()
        stop.set()
        if answering.ident is not None:
            answering.join()
        else:
            opened.close()


def _answer(door: Door, opened: socket.socket, stop: threading.Event) -> None:
    config = Config()
    config.bind = [f"fd://{opened.detach()}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = GRACE_SECONDS
    config.accesslog = None
    config.errorlog = None
    until = partial(asyncio.to_thread, stop.wait)
    asyncio.run(serve(door, config, shutdown_trigger=until))  # type: ignore[arg-type]


def _unheard(detail_type: str, _detail: Mapping[str, Any]) -> None:
    log.debug("no EventBridge here takes %r", detail_type)


async def _lifespan(_scope: Scope, receive: Receive, send: Send) -> None:
    """Nothing to begin or end: that is the block's."""
    message: Message = {"type": ""}
    while message["type"] != "lifespan.shutdown":
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
