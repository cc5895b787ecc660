"""Running jobs, endpoints and runs on this machine end with the server. The command lists the runs that it
stopped. Recorded runs, results and models are available again after `stagewright up`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from stagewright.api.target import connect, state_folder
from stagewright.cli.common import output
from stagewright.cli.common.command_hints import program
from stagewright.cli.common.options import Json
from stagewright.errors import StagewrightError

if TYPE_CHECKING:
    from pathlib import Path

    from sagemaker_local.state_folder import Server
    from stagewright.local.server import Stopped
    from stagewright.store.run_items import Header

OPEN_RUNS = 1000
"""Largest number of open runs that are listed."""


def command(as_json: Json = False) -> None:
    from stagewright.cli import daemon
    from stagewright.local import health, server

    state = state_folder()
    running = server.find(state)
    open_headers = open_runs(running) if running and health.responds(running.url) else ()
    ended = server.down(state)
    if ended:
        daemon.wait_for_exit(state)
    stopped = [header.run for header in open_headers if header.status == "RUNNING"]
    waiting = [header.run for header in open_headers if header.status != "RUNNING"]
    if as_json:
        runs = {"stopped_runs": stopped, "waiting_runs": waiting}
        how = {"killed": bool(ended and ended.was_killed), "saved": not ended or ended.is_saved}
        output.print_json({"stopped": ended is not None, "state": str(state), **runs, **how})
        return
    for run in stopped:
        output.print_line(f"stopped {run}")
    for run in waiting:
        output.print_line(f"{run} waits and continues when the server is up again")
    output.print_line(_summary(ended, state))
    if stopped:
        output.print_line(f"next: {program()} resume {stopped[0]} (reuses the results of successful stages)")


def _summary(ended: Stopped | None, state: Path) -> str:
    if ended is None:
        return f"no local server is up ({state})"
    if ended.was_killed:
        return (
            f"the local server did not stop in time and was killed; its state is in {state}, with every "
            "change that it confirmed"
        )
    if not ended.is_saved:
        return (
            f"the local server is down, but could not save its last snapshot ({state / 'server.log'} has the "
            f"reason); {state} has every change that it confirmed"
        )
    return f"the local server is down; its state is in {state}"


def open_runs(running: Server) -> Sequence[Header]:
    """Open runs of the server. Empty if it does not answer."""
    with suppress(StagewrightError):
        return connect(running).runs.open_runs(OPEN_RUNS)
    return ()
