"""Open the server's socket on loopback."""

from __future__ import annotations

import contextlib
import errno
import socket

from sagemaker_local.errors import ServiceError


def listen(port: int | None, last_port: int) -> socket.socket:
    """A listening socket on 127.0.0.1 at `port`. None: at `last_port` if it is free, else at any free port.

    ServiceError if `port` is in use or not allowed.
    """
    if port is None and last_port:
        with contextlib.suppress(OSError):
            return _listening(last_port)
    try:
        return _listening(port or 0)
    except (OSError, OverflowError) as error:
        if getattr(error, "errno", 0) == errno.EADDRINUSE:
            message = f"Port {port} of 127.0.0.1 is in use by another program"
            raise ServiceError(message, "choose another port, or none for a free one") from error
        message = f"Port {port} of 127.0.0.1 cannot be opened: {error}"
        raise ServiceError(message, "choose another port") from error


def _listening(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(256)
    except BaseException:
        listener.close()
        raise
    return listener
