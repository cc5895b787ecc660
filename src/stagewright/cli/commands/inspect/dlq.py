"""A message is in the dead letter queue if its form is unknown or if its run failed to start several times.
`replay` sends messages to the router again, then deletes them from the queue. `drop` deletes them. You can
shorten ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from stagewright.api import formatting
from stagewright.api.target import LOCAL, is_empty, session, target_label
from stagewright.cli.common import output
from stagewright.cli.common.options import Json, TargetName

if TYPE_CHECKING:
    from stagewright.runs.dead_letters import DeadLetter

HEADER = ("id", "since", "why", "body")
SHOWN = 120
"""Characters of a body in the table. --json prints the whole body."""
RESULTS = {"replay": "sent to the router again", "drop": "deleted"}
Action = Annotated[str, typer.Argument(metavar="list|replay|drop", help="The default is list.")]
Ids = Annotated[list[str] | None, typer.Argument(metavar="ID", help="Ids of messages.")]
Everything = Annotated[bool, typer.Option("--all", help="Select all messages.")]


def command(
    action: Action = "list",
    ids: Ids = None,
    everything: Everything = False,
    target: TargetName = LOCAL,
    as_json: Json = False,
) -> None:
    verb = _checked(action, ids or [], everything)
    letters: list[DeadLetter] = []
    if not is_empty(target):
        from stagewright.runs import dead_letters

        actions = {"replay": dead_letters.replay, "drop": dead_letters.delete}
        with session(target) as connected:
            gateway = connected.gateway
            letters = (
                dead_letters.list_letters(gateway)
                if verb == "list"
                else actions[verb](gateway, None if everything else ids)
            )
    if as_json:
        output.print_json(letters)
    elif verb != "list":
        output.print_line(f"{output.counted(len(letters), 'message')} {RESULTS[verb]}")
    elif letters:
        print_letters(letters)
    else:
        output.note(f"no dead letters in {target_label(target)}")


def print_letters(letters: Sequence[DeadLetter]) -> None:
    rows = [
        (letter.id, formatting.local_time(letter.sent), letter.why, " ".join(letter.body.split())[:SHOWN])
        for letter in letters
    ]
    output.table(HEADER, rows)


def _checked(action: str, ids: Sequence[str], everything: bool) -> Literal["list", "replay", "drop"]:
    match action:
        case "list" if ids or everything:
            raise typer.BadParameter("list shows all messages and takes no ids")
        case "replay" | "drop" if bool(ids) == everything:
            raise typer.BadParameter(f"{action} takes ids, or --all")
        case "list" | "replay" | "drop":
            return action
        case _:
            raise typer.BadParameter(f"{action!r} is not one of list, replay, drop")
