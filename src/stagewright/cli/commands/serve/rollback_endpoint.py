"""Without --to it is the version before the one that serves. The update follows the policy of the last
deployment: parts, waits, alarms (not those that are tripped already) and smoke test. The next run does not
deploy the same again by itself: its plan says so, and `run --from STAGE` does.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from stagewright.cli.common import documents, output
from stagewright.cli.common.options import Json, TargetName
from stagewright.cli.common.target import LOCAL, existing_session

Place = Annotated[
    str, typer.Argument(metavar="PIPELINE", help="A pipeline, by document, folder or name; or an endpoint.")
]
To = Annotated[
    str | None, typer.Option("--to", metavar="CONFIG", help="A version that `stagewright endpoints` lists.")
]
Stage = Annotated[
    str | None, typer.Option("--stage", metavar="STAGE", help="Which one, where several deploy endpoints.")
]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, which is recorded.")]
NoSmokeTest = Annotated[
    bool, typer.Option("--no-smoke-test", help="Without it, where the earlier model answers otherwise.")
]


def command(
    place: Place,
    to: To = None,
    stage: Stage = None,
    reason: Reason = "",
    no_smoke_test: NoSmokeTest = False,
    target: TargetName = LOCAL,
    as_json: Json = False,
) -> None:
    from stagewright.cli.common.launch import caller
    from stagewright.runs.endpoints import rollback

    why = reason.strip()
    if len(why) > rollback.WHY_LIMIT:
        message = f"at most {rollback.WHY_LIMIT:,} characters, and these are {len(why):,}"
        raise typer.BadParameter(message, param_hint="--reason")
    with existing_session(target) as connected:
        item = rollback.find(connected.gateway, documents.name_of(place), stage)
        going = rollback.prepare(connected.gateway, item, to)
        for name, state in going.unwatched.items():
            output.note(f"warning: alarm {name} is {state}, so it is not watched")
        output.note(f"{item.name}: from {going.origin} to {going.to}")
        done = going.go(caller(connected), why, smoke_test=not no_smoke_test)
    if as_json:
        output.print_json({"endpoint": item.name, "unwatched": dict(going.unwatched), **asdict(done)})
    else:
        output.print_line(f"{item.name} serves {done.to} again")
