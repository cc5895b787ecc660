"""Restores the previous version, or the one of --to. The update uses the deployment policy of the endpoint:
traffic steps, waits, alarms (except alarms that are already raised) and the smoke test. The next run does not
deploy the replaced version again unless you run it with `--from STAGE`.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from stagewright.api import documents
from stagewright.api.target import LOCAL, existing_session
from stagewright.cli.common import output
from stagewright.cli.common.options import Json, TargetName

PipelineOrEndpoint = Annotated[
    str, typer.Argument(metavar="PIPELINE", help="A pipeline (document, folder or name) or an endpoint.")
]
To = Annotated[
    str | None, typer.Option("--to", metavar="CONFIG", help="A version that `stagewright endpoints` lists.")
]
Stage = Annotated[
    str | None,
    typer.Option("--stage", metavar="STAGE", help="Needed if several stages deploy endpoints."),
]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="The reason, which is recorded.")]
NoSmokeTest = Annotated[
    bool,
    typer.Option("--no-smoke-test", help="Skip the smoke test, for a model with another output."),
]


def command(
    pipeline: PipelineOrEndpoint,
    to: To = None,
    stage: Stage = None,
    reason: Reason = "",
    no_smoke_test: NoSmokeTest = False,
    target: TargetName = LOCAL,
    as_json: Json = False,
) -> None:
    from stagewright.api.launch import caller
    from stagewright.runs.endpoints import rollback

    why = reason.strip()
    if len(why) > rollback.WHY_LIMIT:
        message = f"needs at most {rollback.WHY_LIMIT:,} characters, has {len(why):,}"
        raise typer.BadParameter(message, param_hint="--reason")
    with existing_session(target) as connected:
        item = rollback.find_endpoint(connected.gateway, documents.name_of(pipeline), stage)
        going = rollback.prepare(connected.gateway, item, to)
        for name, state in going.unwatched.items():
            output.note(f"warning: alarm {name} is {state}, so the update ignores it")
        output.note(f"{item.name}: from {going.origin} to {going.to}")
        done = going.execute(caller(connected), why, smoke_test=not no_smoke_test)
    if as_json:
        output.print_json({"endpoint": item.name, "unwatched": dict(going.unwatched), **asdict(done)})
    else:
        output.print_line(f"{item.name} serves {done.to} again")
