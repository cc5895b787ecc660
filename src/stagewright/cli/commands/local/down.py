"""Jobs and endpoints of this machine end with it, and the runs under way, which it names. Runs, results and
models are there again after `up`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from stagewright.cli.common import output
from stagewright.cli.common.command_hints import program
from stagewright.cli.common.options import Json
from stagewright.cli.common.target import connect, state_folder
from stagewright.errors import StagewrightError

if TYPE_CHECKING:
    from sagemaker_local.state_folder import Server
    from stagewright.store.runs import Header

OPEN_RUNS = 1000
"""So many are looked for."""


def command(as_json: Json = False) -> None:
    from stagewright.cli import daemon
    from stagewright.local import server

    state = state_folder()
    running = server.find(state)
    left = open_runs(running) if running else ()
    if running:
        server.down(state)
        daemon.wait_for_exit(state)
    stopped = [header.run for header in left if header.status == "RUNNING"]
    waiting = [header.run for header in left if header.status != "RUNNING"]
    if as_json:
        told = {"stopped_runs": stopped, "waiting_runs": waiting}
        output.print_json({"stopped": running is not None, "state": str(state), **told})
        return
    for run in stopped:
        output.print_line(f"stopped {run}")
    for run in waiting:
        output.print_line(f"{run} waits, and goes on when the server is up again")
    output.print_line(
        f"the local server is down; its state is in {state}"
        if running
        else f"no local server is up ({state})"
    )
    if stopped:
        output.print_line(f"next: {program()} resume {stopped[0]} (what has ended well is reused)")


def open_runs(running: Server) -> Sequence[Header]:
    """Those of a server that still answers."""
    with suppress(StagewrightError):
        return connect(running).runs.open_runs(OPEN_RUNS)
    return ()
