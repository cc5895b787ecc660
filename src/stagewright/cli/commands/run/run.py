"""Pushes what changed since the last push. The event of that push starts the run. If nothing changed, the
command sends an event of its own. On the local target, the document's sample data is uploaded first.
"""

from __future__ import annotations

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
    Wait,
)
from stagewright.cli.common.target import LOCAL, require_lasting_server, session


def command(
    document: Document,
    assignments: Parameters = [],  # noqa: B006 -- Typer copies it
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
    source, parameters = run_options.read(document, assignments, target)
    with session(target, runs=True) as connected:
        from stagewright.cli.common import summary

        require_lasting_server(connected, wait=wait)
        _, selection = run_options.selected(connected, source, only, start, skip)
        run = launch.start(connected, source, parameters, force, selection, day)
        again = resume_command(run, document) if selection or day else run_command(document, assignments)
        summary.follow(connected, run, again, wait=wait, as_json=as_json)
