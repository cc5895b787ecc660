"""Jobs and endpoints of this machine end with it. Runs, results and models are there again after `up`."""

from __future__ import annotations

from stagewright.cli import output
from stagewright.cli.options import Json
from stagewright.cli.target import state_folder


def command(as_json: Json = False) -> None:
    from stagewright.cli import warm
    from stagewright.local import server

    state = state_folder()
    running = server.find(state)
    if running:
        server.down(state)
        warm.see_off(state)
    if as_json:
        output.print_json({"stopped": running is not None, "state": str(state)})
    else:
        output.say(
            f"the local server is down; its state is in {state}"
            if running
            else f"no local server is up ({state})"
        )
