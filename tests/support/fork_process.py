"""The process behind `fork_server`: it imports modules once, then runs each program in a fork of itself.

    python fork_process.py SOCKET PRELOAD

It ends with its standard input. Job environments run it, so it needs no more than Python 3.9.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import select
import signal
import socket
import sys
import time
import traceback
from pathlib import Path
from typing import Any

NUMBER = 8
"""Bytes of each number on a connection."""
READY = b"ready\n"
STREAMS = (("r", "strict"), ("w", "strict"), ("w", "backslashreplace"))


def serve(address: str, preload: str) -> None:
    """Run the programs that connections ask for. Does not return in a child process."""
    exec(preload, {"__name__": "preload"})
    gc.freeze()  # a collection in a child would copy every page
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(16)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        os.write(1, READY)
        while listener in select.select([listener, 0], [], [])[0]:
            connection, _ = listener.accept()
            with connection:
                if os.fork() == 0:
                    listener.close()
                    _run_child(connection)


def _run_child(connection: socket.socket) -> None:
    """Be the program that the connection asks for, report its exit code, and end."""
    code = 1
    try:
        _, files, _, _ = socket.recv_fds(connection, 1, 3)
        with connection.makefile("rb") as stream:
            request = json.loads(stream.read(int.from_bytes(stream.read(NUMBER), "big")))
        _become(request, files)
        code = _exit_code(request)
        sys.stdout.flush()
        sys.stderr.flush()
        connection.sendall(code.to_bytes(NUMBER, "big", signed=True))
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _become(request: dict[str, Any], files: list[int]) -> None:
    """Take over the arguments, folder, environment and streams of a program."""
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    os.chdir(request["folder"])
    sys.argv = [request["script"] or "-c", *request["arguments"]]
    folders = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    start = str(Path(request["script"]).parent) if request["script"] else ""
    sys.path[0:1] = [start, *filter(None, folders)]
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(number, mode, encoding="utf-8", errors=errors, closefd=False)
        for number, (mode, errors) in enumerate(STREAMS)
    )
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _exit_code(request: dict[str, Any]) -> int:
    """Run the script, or the code, as the interpreter's main module does."""
    try:
        if request["script"]:
            runpy.run_path(request["script"], run_name="__main__")
        else:
            exec(compile(request["code"], "<string>", "exec"), {"__name__": "__main__"})
    except SystemExit as leaving:
        if leaving.code is None or isinstance(leaving.code, int):
            return leaving.code or 0
        print(leaving.code, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return -signal.SIGINT
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    serve(*sys.argv[1:])
