"""Printing of backfills: their periods, the plan of each period, and the list of a pipeline's backfills."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from stagewright.api import formatting
from stagewright.api.planning import plan_run
from stagewright.cli.common import output
from stagewright.errors import DocumentError, PlanError

if TYPE_CHECKING:
    from stagewright.api.target import Session
    from stagewright.planner.model import Plan
    from stagewright.runs.backfill import Backfill, Period, PinnedBackfill, Progress

Row = Mapping[str, str | int | float]


def progress_line(progress: Progress) -> str:
    counts = {"done": len(progress.over), "running": len(progress.open), "to run": len(progress.waiting)}
    return ", ".join(f"{count} {state}" for state, count in counts.items() if count)


def note_period(period: Period) -> None:
    if period.status in ("ASKED", "PLANNED"):
        return
    reason = f": {formatting.one_line(period.reason)}" if period.reason else ""
    output.note(f"{period.date}  {period.run}  {period.status}{reason}")


def print_periods(
    backfill: Backfill, pinned: PinnedBackfill, periods: Sequence[Period], as_json: bool
) -> None:
    if as_json:
        source = {"revision": backfill.revision, "release": pinned.release.digest}
        output.print_json({"backfill": backfill.id, **source, "periods": periods})
    else:
        rows = [
            (period.date, period.status, period.run, formatting.one_line(period.reason)) for period in periods
        ]
        output.table(("period", "state", "run", "why"), rows)
    if not all(period.succeeded for period in periods):
        output.note(
            "run the same command again to retry the failed periods with the same document and code;"
            " after a push that fixes them, add --latest"
        )


def print_plans(session: Session, pinned: PinnedBackfill, as_json: bool) -> None:
    """Print one line per period. Starts nothing."""
    from stagewright.runs.backfill import periods_of

    periods = periods_of(session.gateway, pinned.backfill)
    rows = [{"date": period.date, **_plan_row(session, pinned, period)} for period in periods]
    if as_json:
        output.print_json({"backfill": pinned.backfill.id, "periods": rows})
        return
    output.table(("period", "plan", "instance-hours", "at most", "why"), [
        (str(row["date"]), _actions(row), _hours(row), _most(row), str(row.get("why", "")))
        for row in rows
    ])  # fmt: skip
    priced = [row for row in rows if "most" in row]
    if priced:
        most = sum((Decimal(row["most"]) for row in priced), Decimal(0))
        missing = sorted({str(row["unpriced"]) for row in priced if row["unpriced"]})
        note = f", no price for {', '.join(missing)}" if missing else ""
        money = formatting.format_money(most, str(priced[0]["currency"]))
        output.print_line(f"at most {money} for all periods{note}")


def _plan_row(session: Session, pinned: PinnedBackfill, period: Period) -> Row:
    """What the run of a period would do, or why there is no run."""
    if period.succeeded:
        return {"state": "done", "why": f"done by {period.run}"}
    backfill = pinned.backfill
    trigger = backfill.trigger(period.date, period.attempt + 1)
    try:
        plan = plan_run(session, pinned.release, pinned.effective, trigger, backfill.force)
    except (PlanError, DocumentError) as error:
        return {"state": "rejected", "why": formatting.one_line(error.message)}
    return {"state": "plan", **_counts(plan)}


def _counts(plan: Plan) -> Row:
    from stagewright.planner.cost import cost_of, hours_by_type

    actions = Counter(stage.action for stage in plan.stages)
    uses = [use for stage in plan.stages for use in stage.uses]
    counts = {action: actions[action] for action in ("run", "reuse", "skip")}
    row: Row = {**counts, "hours": sum(hours_by_type(uses).values())}
    if not plan.currency:
        return row
    cost = cost_of(uses)
    return {**row, "most": str(cost.most), "currency": plan.currency, "unpriced": ", ".join(cost.unpriced)}


def _actions(row: Row) -> str:
    if row["state"] != "plan":
        return str(row["state"])
    return ", ".join(f"{action} {row[action]}" for action in ("run", "reuse", "skip") if row[action])


def _most(row: Row) -> str:
    """The cost of a period's run. Empty: it does not run, or there are no prices."""
    return formatting.format_money(Decimal(row["most"]), str(row["currency"])) if "most" in row else ""


def _hours(row: Row) -> str:
    return f"{row['hours']:,.2f}" if "hours" in row else ""


def print_backfills(session: Session, name: str, as_json: bool) -> None:
    """Print the backfills of a pipeline, newest first, with the number of periods in each state."""
    from stagewright.runs.backfill import backfills

    listed = [(backfill, _states(session, backfill)) for backfill in backfills(session.gateway, name)]
    if as_json:
        output.print_json(
            [{"id": backfill.id, **output.plain(backfill), "states": states} for backfill, states in listed]
        )
    elif listed:
        rows = [
            (backfill.id, backfill.first, backfill.last, backfill.every, str(backfill.revision),
             formatting.local_time(backfill.created), backfill.by,
             ", ".join(f"{count} {state}" for state, count in states.items()))
            for backfill, states in listed
        ]  # fmt: skip
        output.table(("backfill", "from", "to", "every", "revision", "created", "by", "states"), rows)
    else:
        output.note(f"{name} has no backfills")


def _states(session: Session, backfill: Backfill) -> Mapping[str, int]:
    from stagewright.runs.backfill import periods_of

    return Counter(period.status or "TO RUN" for period in periods_of(session.gateway, backfill))
