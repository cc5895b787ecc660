"""The server listens only on 127.0.0.1. It keeps its state in .stagewright in this folder, or in
STAGEWRIGHT_STATE.
"""

from __future__ import annotations

from typing import Annotated

import typer

from stagewright.api.target import state_folder
from stagewright.cli.common import output
from stagewright.cli.common.options import Json

Port = Annotated[int | None, typer.Option("--port", help="Port to listen on. The default is a free port.")]


def command(port: Port = None, as_json: Json = False) -> None:
    from stagewright.cli import daemon
    from stagewright.local import server

    state = state_folder()
    already = server.find(state)
    running = server.up(state, port, output.note)  # a temporary server stays from now on
    daemon.start(running)
    if as_json:
        started = already is None
        output.print_json({"url": running.url, "pid": running.pid, "state": str(state), "started": started})
    else:
        output.print_line(
            f"{'already ' if already else ''}up: {running.url} (pid {running.pid}, state {state})"
        )
        output.print_line(
            'next: stagewright run PIPELINE; `eval "$(stagewright env)"` for other programs; stagewright down'
        )
