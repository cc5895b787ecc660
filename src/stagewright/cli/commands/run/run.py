"""What changed since the last push is pushed, and the push's own event starts the run; where nothing changed,
another event does. On the local target the document's sample data is uploaded first.
"""

from __future__ import annotations

from typing import Annotated

import typer

from stagewright.cli.common import documents
from stagewright.cli.common.command_hints import resume_command, run_command
from stagewright.cli.common.options import (
    Date,
    Document,
    Force,
    From,
    Json,
    Only,
    Parameters,
    Skip,
    TargetName,
)
from stagewright.cli.common.target import LOCAL, session
from stagewright.errors import TargetError

Wait = Annotated[
    bool, typer.Option("--wait/--no-wait", help="Watch the run to its end, or leave once it has started.")
]


def command(
    place: Document,
    given: Parameters = [],  # noqa: B006 -- Typer copies it
    date: Date = None,
    force: Force = False,
    only: Only = [],  # noqa: B006
    start: From = [],  # noqa: B006
    skip: Skip = [],  # noqa: B006
    wait: Wait = True,
    target: TargetName = LOCAL,
    as_json: Json = False,
) -> None:
    from stagewright.cli.common import launch, run_options

    day = documents.parse_date(date)
    source, parameters = run_options.read(place, given, target)
    with session(target, runs=True) as connected:
        from stagewright.cli.common import summary

        if connected.own and not wait:
            raise TargetError(
                "--no-wait: the server of this command ends with it", "stagewright up, then run again"
            )
        _, selection = run_options.selected(connected, source, only, start, skip)
        run = launch.start(connected, source, parameters, force, selection, day)
        again = resume_command(run, place) if selection or day else run_command(place, given)
        summary.follow(connected, run, again, wait=wait, as_json=as_json)
