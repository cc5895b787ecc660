"""What `approve` and `reject` do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from stagewright.cli.common import documents, output
from stagewright.cli.common.command_hints import program
from stagewright.cli.common.launch import caller
from stagewright.cli.common.target import existing_session
from stagewright.errors import NotFoundError

if TYPE_CHECKING:
    from stagewright.cli.common.target import Session

Stage = Annotated[
    str | None, typer.Argument(metavar="STAGE", help="Which one, where several wait for approval.")
]
Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason, which is recorded.")]


def decide(place: str, stage: str | None, why: str, target: str, *, approved: bool, as_json: bool) -> None:
    from stagewright.runs import approvals

    why = checked(why, approvals.WHY_LIMIT)
    with existing_session(target) as connected:
        run, stage = chosen(connected, place, stage)
        by = caller(connected)
        decided = approvals.decide(connected.gateway, run, stage, approved=approved, by=by, why=why)
    if as_json:
        output.print_json(
            {"run": run, "stage": stage, "decision": decided.decision, "by": by, "why": why, "at": decided.at}
        )
    else:
        output.print_line(f"{run}: {stage} {decided.decision} by {by}")


def checked(why: str, limit: int) -> str:
    """The reason without blanks around it."""
    text = why.strip()
    if not 0 < len(text) <= limit:
        raise typer.BadParameter(
            f"1 to {limit:,} characters, and these are {len(text):,}", param_hint="--why"
        )
    return text


def chosen(session: Session, place: str, stage: str | None) -> tuple[str, str]:
    """Run and stage. NotFoundError where nothing waits, or more than one does."""
    from stagewright.runs import approvals
    from stagewright.store.runs import WAITING
    from stagewright.syntax.findings import nearest

    is_run = documents.RUN_ID.fullmatch(place)
    if is_run and stage:
        return place, stage
    name = place if is_run else documents.name_of(place)
    every = session.gateway.approvals.of_run(place) if is_run else approvals.waiting(session.gateway, name)
    asked = [each for each in every if stage in (None, each.stage)]
    found = [each for each in asked if each.status == WAITING and not each.decision] or asked
    if len(found) == 1:
        return found[0].run, found[0].stage
    if not found:
        what = f"{stage} of {name}" if stage else f"nothing of {name}"
        waiting = nearest(stage or "", {each.stage for each in every}, "waiting")
        pipeline = "" if is_run or every else documents.pipeline_hint(session, name)
        remedy = waiting or pipeline or f"see what does: {program()} approvals"
        raise NotFoundError(f"{what} {'does not wait' if stage else 'waits'} for approval", remedy)
    listed = ", ".join(f"{each.run} {each.stage}" for each in found)
    raise NotFoundError(f"{len(found)} approvals of {name} wait: {listed}", "name the run and the stage")
