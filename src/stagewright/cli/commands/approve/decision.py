"""The decision about a pending stage, for `approve` and `reject`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from stagewright.cli.common import documents, output
from stagewright.cli.common.command_hints import program
from stagewright.cli.common.launch import caller
from stagewright.cli.common.target import existing_session
from stagewright.errors import NotFoundError
from stagewright.syntax.findings import nearest

if TYPE_CHECKING:
    from stagewright.cli.common.target import Session

Stage = Annotated[
    str | None, typer.Argument(metavar="STAGE", help="The stage. Needed if several are pending.")
]
Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason, which is recorded.")]


def decide(argument: str, stage: str | None, why: str, target: str, *, approved: bool, as_json: bool) -> None:
    from stagewright.runs import approvals

    why = stripped(why, approvals.WHY_LIMIT)
    with existing_session(target) as connected:
        run, stage = pending_stage(connected, argument, stage)
        by = caller(connected)
        decided = approvals.decide(connected.gateway, run, stage, approved=approved, by=by, why=why)
    if as_json:
        output.print_json(
            {"run": run, "stage": stage, "decision": decided.decision, "by": by, "why": why, "at": decided.at}
        )
    else:
        output.print_line(f"{run}: {stage} {decided.decision} by {by}")


def stripped(why: str, limit: int) -> str:
    """The reason without surrounding blanks. BadParameter: it is empty or longer than `limit` characters."""
    text = why.strip()
    if not 0 < len(text) <= limit:
        raise typer.BadParameter(f"needs 1 to {limit:,} characters, has {len(text):,}", param_hint="--why")
    return text


def pending_stage(session: Session, argument: str, stage: str | None) -> tuple[str, str]:
    """Run and stage of the approval that `argument`, a run or pipeline, and `stage` select.

    NotFoundError: no approval is pending, or more than one is.
    """
    from stagewright.runs import approvals
    from stagewright.store.runs import WAITING

    is_run = documents.RUN_ID.fullmatch(argument)
    if is_run and stage:
        return argument, stage
    name = argument if is_run else documents.name_of(argument)
    gateway = session.gateway
    known = gateway.approvals.of_run(argument) if is_run else approvals.waiting(gateway, name)
    matching = [approval for approval in known if stage in (None, approval.stage)]
    pending = [
        approval for approval in matching if approval.status == WAITING and not approval.decision
    ] or matching
    if len(pending) == 1:
        return pending[0].run, pending[0].stage
    if pending:
        names = ", ".join(f"{approval.run} {approval.stage}" for approval in pending)
        raise NotFoundError(
            f"{len(pending)} stages of {name} wait for approval: {names}", "name the run and the stage"
        )
    hint = nearest(stage or "", {approval.stage for approval in known}, "waiting")
    if not (hint or is_run or known):
        hint = documents.pipeline_hint(session, name)
    subject = f"{stage} of {name} does not wait" if stage else f"no stage of {name} waits"
    raise NotFoundError(f"{subject} for approval", hint or f"list them: {program()} approvals")
