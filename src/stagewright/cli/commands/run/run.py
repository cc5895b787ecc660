"""Pushes what changed since the last push. The event of that push starts the run. If nothing changed, the
command sends an event of its own. On the local target, the document's sample data is uploaded first.

--release runs an earlier release, with the document that was pushed with it. Nothing is pushed then. PIPELINE
can be the name of a pipeline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from stagewright.api import documents
from stagewright.api.target import LOCAL, existing_session, require_lasting_server, session
from stagewright.cli.common.command_hints import resume_command, run_command
from stagewright.cli.common.options import (
    Bypass,
    Date,
    Document,
    Force,
    From,
    Json,
    Only,
    Parameters,
    Reason,
    Skip,
    TargetName,
    Wait,
)

if TYPE_CHECKING:
    from stagewright.api.run_options import RunOptions

Release = Annotated[
    str,
    typer.Option("--release", metavar="RELEASE", help="Run this earlier release, even after a newer one."),
]


def command(
    document: Document,
    assignments: Parameters = [],  # noqa: B006 -- Typer copies it
    date: Date = None,
    force: Force = False,
    only: Only = [],  # noqa: B006
    start: From = [],  # noqa: B006
    skip: Skip = [],  # noqa: B006
    bypass: Bypass = [],  # noqa: B006
    reason: Reason = "",
    wait: Wait = True,
    target: TargetName = LOCAL,
    release: Release = "",
    as_json: Json = False,
) -> None:
    from stagewright.api import run_options

    options = run_options.RunOptions(assignments, date, force, only, start, skip, bypass, reason)
    if release:
        run_release(documents.name_of(document), release, options, target, wait=wait, as_json=as_json)
        return
    source, parameters = run_options.read(document, options, target)
    with session(target, runs=True) as connected:
        from stagewright.cli.common import summary

        require_lasting_server(connected, wait=wait)
        run = run_options.start(connected, source, parameters, options)
        selects = any((only, start, skip, bypass, date))
        again = resume_command(run, document) if selects else run_command(document, assignments)
        summary.follow(connected, run, again, wait=wait, as_json=as_json)


def run_release(
    name: str, release: str, options: RunOptions, target: str, *, wait: bool, as_json: bool
) -> None:
    """Run a release by the first digits of its digest, or by the version id of its manifest."""
    from stagewright.api import run_options
    from stagewright.cli.common import summary

    with existing_session(target, runs=True) as connected:
        require_lasting_server(connected, wait=wait)
        run = run_options.start_release(connected, name, release, options)
        again = f"{run_command(name, list(options.parameters))} --release={release}"
        summary.follow(connected, run, again, wait=wait, as_json=as_json)
