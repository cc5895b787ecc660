"""."""

from __future__ import annotations

import contextlib
import errno
import socket

from stagewright.errors import TargetError


def listen(port: int | None, remembered: int) -> socket.socket:
    """A socket that listens on loopback: at `port`, or at the remembered one if free, or at any.

    Raises:
        TargetError: `port` is in use, or not allowed.
    """
    if port is None and remembered:
        with contextlib.suppress(OSError):
            return _bound(remembered)
    try:
        return _bound(port or 0)
    except (OSError, OverflowError) as error:
        if getattr(error, "errno", 0) == errno.EADDRINUSE:
            message = f"Port {port} of 127.0.0.1 is in use by another program"
            raise TargetError(message, "choose another port, or none for a free one") from error
        raise TargetError(
            f"Port {port} of 127.0.0.1 cannot be opened: {error}", "choose another port"
        ) from error


def _bound(port: int) -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(("127.0.0.1", port))
        opened.listen(256)
    except BaseException:
        opened.close()
        raise
    return opened
