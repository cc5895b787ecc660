"""Whether the local server answers. One that hangs still accepts connections."""

from __future__ import annotations

import socket
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from stagewright.errors import TargetError
from stagewright.local.program import STAGEWRIGHT

if TYPE_CHECKING:
    import boto3

RESPONSE_SECONDS = 10.0
"""How long a server may take to answer. A busy one answers within milliseconds."""
CHECK_SECONDS = 3.0
"""The last part of it: the health check of a server that does not answer a request."""


class UnresponsiveError(TargetError):
    """The server hangs."""

    def __init__(self, url: str) -> None:
        remedy = "stagewright down (it kills the server and keeps the state), then try again"
        super().__init__(f"The local server at {url} does not answer", remedy)


def responds(url: str, seconds: float | None = None) -> bool:
    """Return whether the server answers a health check within `seconds`, by default RESPONSE_SECONDS."""
    seconds = RESPONSE_SECONDS if seconds is None else seconds
    with closing(HTTPConnection(*_address(url), timeout=seconds)) as connection:
        try:
            connection.request("GET", STAGEWRIGHT.health_path)
            return connection.getresponse().status == HTTPStatus.OK
        except (OSError, HTTPException):
            return False


def accepts(url: str) -> bool:
    """Return whether a process listens at the address. Costs the server next to nothing."""
    try:
        socket.create_connection(_address(url), RESPONSE_SECONDS).close()
    except OSError:
        return False
    return True


def limit_waiting(session: boto3.session.Session, url: str) -> None:
    """Check the server whenever a request of the session's clients times out.

    The request raises UnresponsiveError if the server hangs. If the server is only busy, it is repeated.
    """

    def check(caught_exception: Exception | None, **_: Any) -> None:
        from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

        is_timeout = isinstance(caught_exception, ConnectTimeoutError | ReadTimeoutError)
        if is_timeout and not responds(url, CHECK_SECONDS):
            raise UnresponsiveError(url) from None

    session.events.register("needs-retry", check)


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 0
