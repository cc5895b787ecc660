"""Of the document and code as they were pushed last. `${trigger.date}` is each period's first day, written as
--from is: 2024-01, or 2024-01-01. Each has a partition of its own. The same command again goes on: what ended
well is left, what is under way is waited for, the rest is tried again. Ctrl-C leaves started runs alone.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from stagewright.cli import documents, environments, output
from stagewright.cli.options import Force, Json, Parameters, PipelineName, TargetName
from stagewright.cli.plan import make
from stagewright.cli.pushed import pushed
from stagewright.cli.target import LOCAL, Session, kept
from stagewright.errors import DocumentError, PlanError, RunFailedError
from stagewright.naming import timestamp

if TYPE_CHECKING:
    from stagewright.plan.model import Plan
    from stagewright.plan.release import Release
    from stagewright.run.backfill import Backfill, Period, Progress
    from stagewright.spec.pipeline import Pipeline

First = Annotated[
    str, typer.Option("--from", metavar="DATE", help="The first period: 2024-01 or 2024-01-31.")
]
Last = Annotated[str, typer.Option("--to", metavar="DATE", help="The last period, which is run too.")]
Step = Annotated[Literal["day", "week", "month", "year"], typer.Option("--every", help="How long one is.")]
Most = Annotated[int, typer.Option("--max-concurrency", min=1, max=100, help="At most so many runs at once.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what each run would do.")]
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
    listed: Listed = False,
    target: TargetName = LOCAL,
    as_json: Json = False,
) -> None:
    from stagewright.cli.launch import caller
    from stagewright.run import backfill as backfills

    name = documents.name_of(place)
    if not listed and not (first and last):
        raise typer.BadParameter("--from and --to are needed: --from 2024-01 --to 2024-12")
    with kept(target) as connected:
        if listed:
            show_listed(connected, name, as_json)
            return
        document, release = pushed(connected.gateway, name)
        parameters = documents.parameters(document, given)
        made_of = backfills.made_of(document, release)
        now = timestamp(datetime.now(UTC))
        wanted = backfills.Backfill(
            name, first, last, every, parameters, force, made_of, caller(connected), now
        )
        backfills.check(connected.gateway, document, wanted)
        if dry_run:
            print_dry(connected, document, release, wanted, as_json)
            return
        environments.warn(connected, document)
        periods = carry_out(connected, wanted, most)
    if as_json:
        output.print_json({"backfill": wanted.id, "periods": periods})
    else:
        output.table(HEADER, [(p.date, p.status, p.run, output.said(p.reason)) for p in periods])
    if not all(period.is_good for period in periods):
        output.note("the same command again tries again what did not end well")
        raise typer.Exit(RunFailedError.exit_code)


def carry_out(connected: Session, wanted: Backfill, most: int) -> list[Period]:
    """Its periods, once all are over."""
    from stagewright.run.backfill import Progress, record

    record(connected.gateway, wanted)
    progress = Progress(connected.gateway, wanted, wanted.by, most)
    output.note(f"backfill {wanted.id} of {wanted.pipeline}: {said(progress)}")
    try:
        while not progress.is_over:
            for period in progress.step(settle=connected.is_local):
                tell(period)
            time.sleep(0.2 if connected.is_local else 3.0)
    except KeyboardInterrupt:
        told = "end with this command's local server" if connected.own else "go on"
        count = output.counted(len(progress.open), "started run")
        output.note(f"{count}: they {told}; the same command goes on with the backfill")
        raise
    return sorted(progress.over, key=lambda period: period.date)


def said(progress: Progress) -> str:
    counts = {"done": len(progress.over), "under way": len(progress.open), "to run": len(progress.waiting)}
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)


def tell(period: Period) -> None:
    if period.status in ("ASKED", "PLANNED"):
        return
    reason = f": {output.said(period.reason)}" if period.reason else ""
    output.note(f"{period.date}  {period.run}  {period.status}{reason}")


def print_dry(
    connected: Session, document: Pipeline, release: Release, wanted: Backfill, as_json: bool
) -> None:
    """One line for each period; nothing is started."""
    from stagewright.run.backfill import look

    found = {period.date: period for period in look(connected.gateway, wanted)}
    lines = [
        {"date": date, **planned(connected, document, release, wanted, period)}
        for date, period in found.items()
    ]
    if as_json:
        output.print_json({"backfill": wanted.id, "periods": lines})
        return
    output.table(("period", "plan", "instance-hours", "why"), [
        (str(line["date"]), counted(line), hours(line), str(line.get("why", "")))
        for line in lines
    ])  # fmt: skip


def planned(
    connected: Session, document: Pipeline, release: Release, wanted: Backfill, period: Period
) -> Mapping[str, str | int | float]:
    """What a period's run would do, or why there would be none."""
    if period.is_good:
        return {"state": "done", "why": f"done by {period.run}"}
    trigger = wanted.trigger(period.date, period.attempt + 1)
    try:
        made = make(connected, release, document, trigger, wanted.force)
    except (PlanError, DocumentError) as error:
        return {"state": "refused", "why": output.said(error.message)}
    return {"state": "plan", **counts(made)}


def counts(made: Plan) -> Mapping[str, int | float]:
    from stagewright.plan.cost import hours_by_type

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
    from stagewright.run.backfill import listed

    found = [(each, states(connected, each)) for each in listed(connected.gateway, name)]
    if as_json:
        output.print_json([{"id": each.id, **output.plain(each), "states": each_s} for each, each_s in found])
    elif found:
        rows = [
            (
                each.id,
                each.first,
                each.last,
                each.every,
                output.local_time(each.created),
                each.by,
                told(counts),
            )
            for each, counts in found
        ]
        output.table(("backfill", "from", "to", "every", "created", "by", "states"), rows)
    else:
        output.note(f"{name} has no backfills")


def states(connected: Session, wanted: Backfill) -> Mapping[str, int]:
    from stagewright.run.backfill import look

    return Counter(period.status or "TO RUN" for period in look(connected.gateway, wanted))


def told(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {status}" for status, count in counts.items())
