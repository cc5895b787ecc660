"""Every run uses the document and code as they are when the backfill begins, even if you push meanwhile.
`${trigger.date}` is the first day of each period in the form of --from: 2024-01 or 2024-01-01. Each period is
a partition of its own. Run the same command again to continue a backfill: completed dates are skipped, active
runs are awaited, the rest are retried. Ctrl-C does not stop runs that have started.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from stagewright.api import documents, formatting, local_images, unpushed
from stagewright.api.run_options import pushed
from stagewright.api.target import LOCAL, Session, existing_session
from stagewright.cli.common import backfill_tables, output
from stagewright.cli.common.options import Force, Json, Only, Parameters, PipelineName, Skip, TargetName
from stagewright.errors import RunFailedError
from stagewright.naming import timestamp

if TYPE_CHECKING:
    from stagewright.runs.backfill import Backfill, Period, PinnedBackfill

Every = Literal["day", "week", "month", "year"]
First = Annotated[
    str, typer.Option("--from", metavar="DATE", help="The first period: 2024-01 or 2024-01-31.")
]
Last = Annotated[str, typer.Option("--to", metavar="DATE", help="The last period, inclusive.")]
Step = Annotated[Every, typer.Option("--every", help="Length of a period.")]
Most = Annotated[
    int, typer.Option("--max-concurrency", min=1, max=100, help="Maximum number of runs at a time.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what each run would do.")]
Latest = Annotated[
    bool,
    typer.Option("--latest", help="Start over with the last push if a backfill is unfinished."),
]
Listed = Annotated[bool, typer.Option("--list", help="List the pipeline's backfills, newest first.")]


def command(
    pipeline: PipelineName,
    first: First = "",
    last: Last = "",
    every: Step = "month",
    assignments: Parameters = [],  # noqa: B006 -- Typer copies it
    most: Most = 3,
    dry_run: DryRun = False,
    force: Force = False,
    only: Only = [],  # noqa: B006
    skip: Skip = [],  # noqa: B006
    latest: Latest = False,
    listed: Listed = False,
    target: TargetName = LOCAL,
    as_json: Json = False,
) -> None:
    name = documents.name_of(pipeline)
    if not listed and not (first and last):
        raise typer.BadParameter("give --from and --to, for example --from 2024-01 --to 2024-12")
    with existing_session(target, runs=not (listed or dry_run)) as connected:
        if listed:
            backfill_tables.print_backfills(connected, name, as_json)
            return
        span = Span(name, first, last, every, sorted_names(only), sorted_names(skip))
        unpushed.warn(connected, name, pipeline)
        pinned = pin(connected, span, assignments, force=force, latest=latest)
        documents.parse_selection(pinned.document, only, (), skip)
        shared = warn_of_shared_endpoints(connected, pinned)
        if dry_run:
            backfill_tables.print_plans(connected, pinned, as_json)
            return
        local_images.warn(connected, pinned.document)
        backfill, periods = run_periods(connected, pinned, most)
        note_served_periods(connected, shared, periods)
    backfill_tables.print_periods(backfill, pinned, periods, as_json)
    if not all(period.succeeded for period in periods):
        raise typer.Exit(RunFailedError.exit_code)


@dataclass(frozen=True)
class Span:
    """The pipeline, the dates and the selected stages of a backfill."""

    pipeline: str
    first: str
    last: str
    every: Every
    only: tuple[str, ...]
    skip: tuple[str, ...]


def sorted_names(stages: Sequence[str]) -> tuple[str, ...]:
    """Stage names in a fixed order, so that the same backfill has the same id."""
    from stagewright.planner.selection import parse_names

    return tuple(sorted(parse_names(stages)))


def pin(
    connected: Session, span: Span, assignments: Sequence[str], *, force: bool, latest: bool
) -> PinnedBackfill:
    """Pin document and code, or find the unfinished backfill to continue. Rejects every known problem."""
    from stagewright.api.launch import caller
    from stagewright.runs import backfill as backfills

    gateway = connected.gateway
    parameters = documents.parse_parameters(pushed(gateway, span.pipeline)[0].pipeline, assignments)
    now = timestamp(datetime.now(UTC))
    request = backfills.Backfill(
        **vars(span), parameters=parameters, force=force, by=caller(connected), created=now
    )
    pinned = backfills.pin(gateway, request, latest=latest)
    backfills.check(gateway, pinned.document, pinned.backfill)
    if not pinned.is_new:
        output.note(f"continuing {origin(pinned)}; --latest uses the last push instead")
    return pinned


def origin(pinned: PinnedBackfill) -> str:
    """When a recorded backfill began, and its revision, release and options."""
    release = f" and release {pinned.release.digest[:12]}" if pinned.release.files else ""
    since = formatting.local_time(pinned.backfill.created)
    options = f", with {pinned.backfill.options}" if pinned.backfill.options else ""
    return f"the backfill of {since} with revision {pinned.backfill.revision}{release}{options}"


def warn_of_shared_endpoints(connected: Session, pinned: PinnedBackfill) -> Mapping[str, str]:
    """Stage -> endpoint to which several periods deploy. Prints a warning for each."""
    from stagewright.runs.backfill import endpoints_of

    shared = endpoints_of(connected.gateway, pinned) if len(pinned.backfill.dates) > 1 else {}
    for stage, endpoint in shared.items():
        output.note(
            f"warning: {stage}: each period deploys to {endpoint}, and the last to finish serves;"
            f" --skip {stage} leaves the endpoint unchanged"
        )
    return shared


def note_served_periods(connected: Session, shared: Mapping[str, str], periods: Sequence[Period]) -> None:
    """Print which period each shared endpoint serves."""
    dates = {period.run: period.date for period in periods}
    for endpoint in shared.values():
        item = connected.gateway.endpoint_records.get(endpoint)
        if item and item.deployed_by in dates:
            output.note(
                f"{endpoint} serves {dates[item.deployed_by]}: run {item.deployed_by} was the last to deploy"
            )


def run_periods(connected: Session, pinned: PinnedBackfill, most: int) -> tuple[Backfill, list[Period]]:
    """Record the backfill and run its periods, at most `most` at a time. Returns when all have ended."""
    from stagewright.api.launch import caller
    from stagewright.runs.backfill import Progress, begin

    backfill = begin(connected.gateway, pinned)
    progress = Progress(connected.gateway, backfill, caller(connected), most)
    output.note(f"backfill {backfill.id} of {backfill.pipeline}: {backfill_tables.progress_line(progress)}")
    try:
        while not progress.is_over:
            for period in progress.step(close_ended=connected.is_local):
                backfill_tables.note_period(period)
            time.sleep(0.2 if connected.is_local else 3.0)
    except KeyboardInterrupt:
        fate = "end with the temporary local server" if connected.own else "continue"
        count = output.counted(len(progress.open), "started run")
        output.note(f"{count}: they {fate}; run the same command again to continue the backfill")
        raise
    return backfill, sorted(progress.over, key=lambda period: period.date)
