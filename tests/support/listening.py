"""The sockets at which processes accept connections or datagrams, from /proc (proc(5)). Linux only."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
LISTEN = "0A"
"""TCP_LISTEN in /proc/net/tcp."""
ACCEPTS = 0x10000
"""__SO_ACCEPTCON in the flags of /proc/net/unix."""


@dataclass(frozen=True)
class Listener:
    """`kind` is tcp, tcp6, udp, udp6 or unix. `address` is host:port, or a path; @ starts an abstract one."""

    kind: str
    address: str


def process_tree(*roots: int) -> set[int]:
    """The processes and all their descendants."""
    parents = dict(_parents())
    tree = set(roots)
    while more := {process for process, parent in parents.items() if parent in tree} - tree:
        tree |= more
    return tree


def listeners(processes: Iterable[int]) -> set[Listener]:
    """What these processes listen at, in any thread."""
    own = {inode for process in processes for inode in _sockets(process)}
    return {listener for inode, listener in _all_listeners() if inode in own}


def _parents() -> Iterator[tuple[int, int]]:
    for entry in PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            yield int(entry.name), int((entry / "stat").read_text().rpartition(")")[2].split()[1])


def _sockets(process: int) -> Iterator[str]:
    with contextlib.suppress(OSError):
        for descriptor in (PROC / str(process) / "fd").iterdir():
            with contextlib.suppress(OSError):
                target = str(descriptor.readlink())
                if target.startswith("socket:["):
                    yield target[8:-1]


def _all_listeners() -> Iterator[tuple[str, Listener]]:
    for kind in ("tcp", "tcp6", "udp", "udp6"):
        for row in _rows(kind):
            if row[3] == LISTEN or kind.startswith("udp"):
                host, _, port = row[1].partition(":")
                yield row[9], Listener(kind, f"{_host(host)}:{int(port, 16)}")
    for row in _rows("unix"):
        if int(row[3], 16) & ACCEPTS:
            yield row[6], Listener("unix", row[7] if len(row) > 7 else "")


def _rows(kind: str) -> list[list[str]]:
    file = PROC / "net" / kind
    return [line.split() for line in file.read_text().splitlines()[1:]] if file.exists() else []


def _host(text: str) -> str:
    """An address from its words in the machine's byte order."""
    words = bytes.fromhex(text)
    data = b"".join(words[start : start + 4][::-1] for start in range(0, len(words), 4))
    return socket.inet_ntop(socket.AF_INET if len(data) == 4 else socket.AF_INET6, data)
