"""For boto3, the AWS CLI and notebooks: `eval "$(stagewright env)"`. Exit code 4 if no local server is up."""

from __future__ import annotations

import shlex

from stagewright.api.target import state_folder
from stagewright.cli.common import output
from stagewright.cli.common.options import Json
from stagewright.errors import TargetError


def command(as_json: Json = False) -> None:
    from sagemaker_local import credentials
    from stagewright.local import server

    state = state_folder()
    running = server.find(state)
    if running is None:
        raise TargetError(f"no local server is up ({state})", "stagewright up")
    variables = credentials.for_user(running)
    if as_json:
        output.print_json(variables)
    else:
        for name, value in variables.items():
            output.print_line(f"export {name}={shlex.quote(value)}")
