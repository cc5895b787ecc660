"""Of the document and code as they are when it begins, whatever is pushed meanwhile. `${trigger.date}` is
each period's first day, written as --from is: 2024-01, or 2024-01-01. Each has a partition of its own. The
same command again goes on: what ended well is left, what is under way is waited for, the rest is tried again.
Ctrl-C leaves started runs alone.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from stagewright.cli.common import documents, local_images, output
from stagewright.cli.common.options import Force, Json, Only, Parameters, PipelineName, Skip, TargetName
from stagewright.cli.common.plan import plan_run
from stagewright.cli.common.run_options import pushed
from stagewright.cli.common.target import LOCAL, Session, existing_session
from stagewright.errors import DocumentError, PlanError, RunFailedError
from stagewright.naming import timestamp

if TYPE_CHECKING:
    from stagewright.planner.model import Plan
    from stagewright.runs.backfill import Backfill, Period, PinnedBackfill, Progress

First = Annotated[
    str, typer.Option("--from", metavar="DATE", help="The first period: 2024-01 or 2024-01-31.")
]
Last = Annotated[str, typer.Option("--to", metavar="DATE", help="The last period, which is run too.")]
Step = Annotated[Literal["day", "week", "month", "year"], typer.Option("--every", help="How long one is.")]
Most = Annotated[int, typer.Option("--max-concurrency", min=1, max=100, help="At most so many runs at once.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what each run would do.")]
Latest = Annotated[
    bool,
    typer.Option("--latest", help="Begin again, of what is pushed now, where an earlier one is unfinished."),
]
Listed = Annotated[bool, typer.Option("--list", help="List the pipeline's backfills, the newest first.")]
HEADER = ("period", "state", "run", "why")


def command(
    place: PipelineName,
    first: First = "",
    last: Last = "",
    every: Step = "month",
    given: Parameters = [],  # noqa: B006 -- Typer copies it
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
    name = documents.name_of(place)
    if not listed and not (first and last):
        raise typer.BadParameter("--from and --to are needed: --from 2024-01 --to 2024-12")
    with existing_session(target, runs=not (listed or dry_run)) as connected:
        if listed:
            show_listed(connected, name, as_json)
            return
        span = Span(name, first, last, every, chosen(only), chosen(skip))
        begun = pinned(connected, span, given, force=force, latest=latest)
        documents.parse_selection(begun.document, only, (), skip)
        shared = warn_of_endpoints(connected, begun)
        if dry_run:
            print_dry(connected, begun, as_json)
            return
        local_images.warn(connected, begun.document)
        wanted, periods = carry_out(connected, begun, most)
        tell_served(connected, shared, periods)
    print_periods(wanted, begun, periods, as_json)
    if not all(period.succeeded for period in periods):
        raise typer.Exit(RunFailedError.exit_code)


@dataclass(frozen=True)
class Span:
    """Of which pipeline and which of its stages, from when to when."""

    pipeline: str
    first: str
    last: str
    every: Literal["day", "week", "month", "year"]
    only: tuple[str, ...]
    skip: tuple[str, ...]


def chosen(stages: Sequence[str]) -> tuple[str, ...]:
    """In an order that does not depend on how they were given."""
    from stagewright.planner.selection import parse_names

    return tuple(sorted(parse_names(stages)))


def pinned(
    connected: Session, span: Span, given: Sequence[str], *, force: bool, latest: bool
) -> PinnedBackfill:
    """What is to be done, with all that can be known to be wrong with it refused."""
    from stagewright.cli.common.launch import caller
    from stagewright.runs import backfill as backfills

    gateway = connected.gateway
    parameters = documents.parse_parameters(pushed(gateway, span.pipeline)[0], given)
    now = timestamp(datetime.now(UTC))
    asked = backfills.Backfill(
        **vars(span), parameters=parameters, force=force, by=caller(connected), created=now
    )
    begun = backfills.pin(gateway, asked, latest=latest)
    backfills.check(gateway, begun.document, begun.backfill)
    if begun.current is None:
        output.note(f"it goes on {of_then(begun)}, and not of what has been pushed since (--latest)")
    return begun


def warn_of_endpoints(connected: Session, begun: PinnedBackfill) -> Mapping[str, str]:
    """Stage -> endpoint that all periods deploy to, where there are several."""
    from stagewright.runs.backfill import endpoints_of

    shared = endpoints_of(connected.gateway, begun) if len(begun.backfill.dates) > 1 else {}
    for stage, endpoint in shared.items():
        output.note(
            f"warning: {stage}: each period deploys to {endpoint}, one after the other, and the last to"
            f" finish serves; --skip {stage} leaves it as it is"
        )
    return shared


def tell_served(connected: Session, shared: Mapping[str, str], periods: Sequence[Period]) -> None:
    """Which period each of these endpoints has been left to."""
    dates = {period.run: period.date for period in periods}
    for endpoint in shared.values():
        item = connected.gateway.endpoint_records.get(endpoint)
        if item and item.deployed_by in dates:
            output.note(
                f"{endpoint} serves {dates[item.deployed_by]}: run {item.deployed_by} was the last to deploy"
            )


def of_then(begun: PinnedBackfill) -> str:
    release = f" and release {begun.release.digest[:12]}" if begun.release.files else ""
    since = output.local_time(begun.backfill.created)
    stages = f", with {begun.backfill.options}" if begun.backfill.options else ""
    return f"as it began on {since}: of revision {begun.backfill.revision}{release}{stages}"


def print_periods(wanted: Backfill, begun: PinnedBackfill, periods: Sequence[Period], as_json: bool) -> None:
    if as_json:
        made_of = {"revision": wanted.revision, "release": begun.release.digest}
        output.print_json({"backfill": wanted.id, **made_of, "periods": periods})
    else:
        output.table(HEADER, [(p.date, p.status, p.run, output.one_line(p.reason)) for p in periods])
    if not all(period.succeeded for period in periods):
        output.note(
            "the same command again tries again what did not end well, made of the same;"
            " after a push that mends it: --latest"
        )


def carry_out(connected: Session, begun: PinnedBackfill, most: int) -> tuple[Backfill, list[Period]]:
    """As it is recorded, and its periods, once all are over."""
    from stagewright.cli.common.launch import caller
    from stagewright.runs.backfill import Progress, begin

    wanted = begin(connected.gateway, begun)
    progress = Progress(connected.gateway, wanted, caller(connected), most)
    output.note(f"backfill {wanted.id} of {wanted.pipeline}: {said(progress)}")
    try:
        while not progress.is_over:
            for period in progress.step(close_ended=connected.is_local):
                tell(period)
            time.sleep(0.2 if connected.is_local else 3.0)
    except KeyboardInterrupt:
        told = "end with this command's local server" if connected.own else "go on"
        count = output.counted(len(progress.open), "started run")
        output.note(f"{count}: they {told}; the same command goes on with the backfill")
        raise
    return wanted, sorted(progress.over, key=lambda period: period.date)


def said(progress: Progress) -> str:
    counts = {"done": len(progress.over), "under way": len(progress.open), "to run": len(progress.waiting)}
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)


def tell(period: Period) -> None:
    if period.status in ("ASKED", "PLANNED"):
        return
    reason = f": {output.one_line(period.reason)}" if period.reason else ""
    output.note(f"{period.date}  {period.run}  {period.status}{reason}")


def print_dry(connected: Session, begun: PinnedBackfill, as_json: bool) -> None:
    """One line for each period; nothing is started."""
    from stagewright.runs.backfill import periods_of

    found = {period.date: period for period in periods_of(connected.gateway, begun.backfill)}
    lines = [{"date": date, **planned(connected, begun, period)} for date, period in found.items()]
    if as_json:
        output.print_json({"backfill": begun.backfill.id, "periods": lines})
        return
    output.table(("period", "plan", "instance-hours", "why"), [
        (str(line["date"]), counted(line), hours(line), str(line.get("why", "")))
        for line in lines
    ])  # fmt: skip


def planned(connected: Session, begun: PinnedBackfill, period: Period) -> Mapping[str, str | int | float]:
    """What a period's run would do, or why there would be none."""
    if period.succeeded:
        return {"state": "done", "why": f"done by {period.run}"}
    wanted = begun.backfill
    trigger = wanted.trigger(period.date, period.attempt + 1)
    try:
        made = plan_run(connected, begun.release, begun.document, trigger, wanted.force)
    except (PlanError, DocumentError) as error:
        return {"state": "refused", "why": output.one_line(error.message)}
    return {"state": "plan", **counts(made)}


def counts(made: Plan) -> Mapping[str, int | float]:
    from stagewright.planner.cost import hours_by_type

    actions = Counter(stage.action for stage in made.stages)
    hours = hours_by_type(use for stage in made.stages for use in stage.uses)
    return {action: actions[action] for action in ("run", "reuse", "skip")} | {"hours": sum(hours.values())}


def counted(line: Mapping[str, str | int | float]) -> str:
    if line["state"] != "plan":
        return str(line["state"])
    return ", ".join(f"{action} {line[action]}" for action in ("run", "reuse", "skip") if line[action])


def hours(line: Mapping[str, str | int | float]) -> str:
    return f"{line['hours']:,.2f}" if "hours" in line else ""


def show_listed(connected: Session, name: str, as_json: bool) -> None:
    from stagewright.runs.backfill import backfills

    found = [(each, states(connected, each)) for each in backfills(connected.gateway, name)]
    if as_json:
        output.print_json([{"id": each.id, **output.plain(each), "states": each_s} for each, each_s in found])
    elif found:
        rows = [
            (each.id, each.first, each.last, each.every, str(each.revision),
             output.local_time(each.created), each.by, told(counts))
            for each, counts in found
        ]  # fmt: skip
        output.table(("backfill", "from", "to", "every", "revision", "created", "by", "states"), rows)
    else:
        output.note(f"{name} has no backfills")


def states(connected: Session, wanted: Backfill) -> Mapping[str, int]:
    from stagewright.runs.backfill import periods_of

    return Counter(period.status or "TO RUN" for period in periods_of(connected.gateway, wanted))


def told(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {status}" for status, count in counts.items())
