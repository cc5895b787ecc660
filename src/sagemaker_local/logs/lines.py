"""The output of a process as log events: one per line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

EVENT_BYTES = 256 * 1024 - 26
"""Maximum bytes of an event. A longer line becomes several events.

PutLogEvents accepts 1 MB with an overhead of 26 bytes (API reference). An invalid byte becomes a character of
three bytes, so an event of this size still fits.
"""
UTF8_BYTES = 4
"""Maximum bytes of a character."""


def events_of(output: IO[bytes]) -> Iterator[bytes]:
    """Yield each line of a process's output with its line end, as soon as it is complete.

    A line of more than EVENT_BYTES comes in parts, cut between two characters. Only these parts have no line
    end.
    """
    rest = b""
    while part := output.readline(EVENT_BYTES - len(rest)):
        line, rest = rest + part, b""
        if not line.endswith(b"\n"):
            if len(line) < EVENT_BYTES:  # the end of the output
                line += b"\n"
            else:
                line, rest = _cut(line)
        yield line
    if rest:
        yield rest + b"\n"


def _cut(line: bytes) -> tuple[bytes, bytes]:
    """Split off an incomplete character at the end."""
    for length in range(1, UTF8_BYTES):
        byte = line[-length]
        if byte >= 0b1100_0000:
            needed = 2 if byte < 0b1110_0000 else 3 if byte < 0b1111_0000 else 4
            return (line[:-length], line[-length:]) if needed > length else (line, b"")
        if byte < 0b1000_0000:
            break
    return line, b""
