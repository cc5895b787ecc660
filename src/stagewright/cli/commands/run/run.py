"""Pushes what changed since the last push. The event of that push starts the run. If nothing changed, the
command sends an event of its own. On the local target, the document's sample data is uploaded first.

--release runs an earlier release, with the document that was pushed with it. Nothing is pushed then. PIPELINE
can be the name of a pipeline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

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

Release = Annotated[
    str,
    typer.Option("--release", metavar="RELEASE", help="Run this earlier release, even after a newer one."),
]


@dataclass(frozen=True)
class Options:
    """What a run is requested with."""

    assignments: Sequence[str]
    only: Sequence[str]
    start: Sequence[str]
    skip: Sequence[str]
    force: bool
    date: str


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
    from stagewright.api import launch, run_options

    day = documents.parse_date(date)
    if release:
        options = Options(assignments, only, start, skip, force=force, date=day)
        run_release(documents.name_of(document), release, options, target, wait=wait, as_json=as_json)
        return
    source, parameters = run_options.read(document, assignments, target)
    with session(target, runs=True) as connected:
        from stagewright.cli.common import summary

        require_lasting_server(connected, wait=wait)
        _, selection = run_options.selected(connected, source, only, start, skip, bypass, reason)
        run = launch.start(connected, source, parameters, force, selection, day)
        again = resume_command(run, document) if selection or day else run_command(document, assignments)
        summary.follow(connected, run, again, wait=wait, as_json=as_json)


def run_release(name: str, release: str, options: Options, target: str, *, wait: bool, as_json: bool) -> None:
    """Run a release by the first digits of its digest, or by the version id of its manifest."""
    from stagewright.api import launch
    from stagewright.cli.common import summary
    from stagewright.document.layers import effective
    from stagewright.runs.releases import pushes, released_layers
    from stagewright.runs.requests import request_run

    with existing_session(target, runs=True) as connected:
        require_lasting_server(connected, wait=wait)
        gateway = connected.gateway
        manifest = pushes.find_release(gateway, name, release)
        pipeline = effective(released_layers.read(gateway, manifest), gateway.allows_code_overrides).pipeline
        parameters = documents.parse_parameters(pipeline, options.assignments)
        selection = documents.parse_selection(pipeline, options.only, options.start, options.skip)
        key = request_run(
            gateway, name, parameters, launch.caller(connected), force=options.force, selection=selection,
            date=options.date, version=manifest.version,
        )  # fmt: skip
        again = f"{run_command(name, options.assignments)} --release={release}"
        summary.follow(connected, launch.wait_or_note(connected, key), again, wait=wait, as_json=as_json)
