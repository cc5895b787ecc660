"""The decision about a pending stage or model version, for `approve` and `reject`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from stagewright.api import documents
from stagewright.api.launch import caller, pauses
from stagewright.api.target import existing_session
from stagewright.cli.common import output
from stagewright.cli.common.command_hints import program
from stagewright.errors import NotFoundError
from stagewright.syntax.findings import nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stagewright.api.target import Session
    from stagewright.operator_gateway import OperatorGateway
    from stagewright.runs.pending import Pending

What = Annotated[
    str | None,
    typer.Argument(
        metavar="VERSION|STAGE", help="The model version or the stage. Needed if several are pending."
    ),
]
Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason, which is recorded.")]
PATIENCE = 60.0
"""Seconds that the event of an approval may take to become a run."""


def decide(argument: str, what: str | None, why: str, target: str, *, approved: bool, as_json: bool) -> None:
    from stagewright.runs import approvals, pending

    why = stripped(why, approvals.WHY_LIMIT)
    decision = "approved" if approved else "rejected"
    with existing_session(target, runs=approved) as connected:
        item = pending_decision(connected, argument, what)
        by = caller(connected)
        if approved:
            note_older(connected.gateway, item)
        at = pending.decide(connected.gateway, item, approved=approved, by=by, why=why)
        if not as_json:
            output.print_line(f"{item.run}: {item.label} {decision} by {by}")
        later = continuation(connected, item) if approved and item.waiting else ""
    if as_json:
        result = {"run": item.run, "stage": item.stage, "decision": decision, "by": by, "why": why, "at": at}
        output.print_json(result | {"package": item.package, "continued_by": later})
    elif item.waiting:
        print_effect(item, later, approved=approved)


def print_effect(item: Pending, later: str, *, approved: bool) -> None:
    stages = ", ".join(item.waiting)
    if not approved:
        output.print_line(f"not run for version {item.version}: {stages}")
    elif later:
        output.print_line(f"run {later} continues: {stages}")
        output.print_line(f"next: {program()} show {later}")
    else:
        output.print_line(f"a run will continue: {stages} (see {program()} runs {item.pipeline})")


def note_older(gateway: OperatorGateway, item: Pending) -> None:
    """Note that the approved version replaces a newer one."""
    from stagewright.runs import pending

    serving = pending.serving(gateway, item) if item.version else None
    if serving and item.version < serving.version:
        output.note(f"version {item.version} is older than version {serving.version}, which serves now")


def continuation(session: Session, item: Pending) -> str:
    """The run that continues the one that waited. Empty: there is none yet."""
    from stagewright.runs import versions

    gateway = session.gateway
    for _ in pauses(PATIENCE):
        header = gateway.runs.header(item.run)
        if header is None or header.is_open:
            return ""
        for version in versions.of_run(gateway, header):
            if version.package.arn == item.package and (run := versions.continued_by(gateway, version)):
                return run
    return ""


def stripped(why: str, limit: int) -> str:
    """The reason without surrounding blanks. BadParameter: it is empty or longer than `limit` characters."""
    text = why.strip()
    if not 0 < len(text) <= limit:
        raise typer.BadParameter(f"needs 1 to {limit:,} characters, has {len(text):,}", param_hint="--why")
    return text


def pending_decision(session: Session, argument: str, what: str | None) -> Pending:
    """The decision that `argument`, a run or pipeline, and `what`, a version or stage, select.

    It may be decided already if the arguments name it: deciding it then reports that. NotFoundError: none is
    pending, or more than one is.
    """
    from stagewright.naming import pipeline_of
    from stagewright.runs import pending

    is_run = bool(documents.RUN_ID.fullmatch(argument))
    name = pipeline_of(argument) if is_run else documents.name_of(argument)
    known = [item for item in pending.listed(session.gateway, name) if not is_run or item.run == argument]
    matching = [item for item in known if what in (None, item.stage, str(item.version))]
    if not matching:
        matching = pending.decided(session.gateway, argument if is_run else name, what, is_run=is_run)
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise _ambiguous(argument if is_run else name, matching)
    hint = nearest(what or "", {item.stage for item in known}, "waiting")
    if not (hint or is_run or known):
        hint = documents.pipeline_hint(session, name)
    subject = f"{what} of {name} does not wait" if what else f"no stage of {name} waits"
    raise NotFoundError(f"{subject} for approval", hint or f"list them: {program()} approvals")


def _ambiguous(subject: str, matching: Sequence[Pending]) -> NotFoundError:
    """Names every decision, and a command that decides the newest."""
    names = ", ".join(item.label_in_run for item in matching)
    newest = matching[-1]
    versions = [item.version for item in matching]
    only = newest.version and versions.count(newest.version) == 1
    arguments = f"{newest.pipeline} {newest.version}" if only else newest.names
    return NotFoundError(
        f"{len(matching)} decisions of {subject} wait for approval: {names}",
        f"name one, such as the newest: {program()} approve {arguments} --why TEXT",
    )
