"""An event of an unknown form, or one whose run could not be started again and again. `replay` sends messages
to the router once more, and only then takes them from here; `drop` deletes them. Ids may be shortened.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from stagewright.cli.common import output
from stagewright.cli.common.options import Json, TargetName
from stagewright.cli.common.target import LOCAL, is_empty, session, target_label

if TYPE_CHECKING:
    from stagewright.runs.dead_letters import DeadLetter

HEADER = ("id", "since", "times", "why", "body")
SHOWN = 120
"""Characters of a body in a list; --json has all."""
DONE = {"replay": "sent to the router again", "drop": "deleted"}
Action = Annotated[str, typer.Argument(metavar="list|replay|drop", help="What to do; list when left out.")]
Ids = Annotated[list[str] | None, typer.Argument(metavar="ID", help="Of the messages meant.")]
Everything = Annotated[bool, typer.Option("--all", help="All messages are meant.")]


def command(
    action: Action = "list",
    ids: Ids = None,
    everything: Everything = False,
    target: TargetName = LOCAL,
    as_json: Json = False,
) -> None:
    act = _checked(action, ids or [], everything)
    letters: list[DeadLetter] = []
    if not is_empty(target):
        from stagewright.runs import dead_letters

        acts = {"replay": dead_letters.replay, "drop": dead_letters.delete}
        with session(target) as connected:
            gateway = connected.gateway
            letters = (
                dead_letters.list_letters(gateway)
                if act == "list"
                else acts[act](gateway, None if everything else ids)
            )
    if as_json:
        output.print_json(letters)
    elif act != "list":
        output.print_line(f"{output.counted(len(letters), 'message')} {DONE[act]}")
    elif letters:
        print_letters(letters)
    else:
        output.note(f"no dead letters in {target_label(target)}")


def print_letters(letters: Sequence[DeadLetter]) -> None:
    rows = [
        (letter.id, output.local_time(letter.sent), str(letter.receives), letter.why,
         " ".join(letter.body.split())[:SHOWN])
        for letter in letters
    ]  # fmt: skip
    output.table(HEADER, rows)


def _checked(action: str, ids: Sequence[str], everything: bool) -> Literal["list", "replay", "drop"]:
    match action:
        case "list" if ids or everything:
            raise typer.BadParameter("list shows all messages; it takes no ids")
        case "replay" | "drop" if bool(ids) == everything:
            raise typer.BadParameter(f"{action} takes ids, or --all")
        case "list" | "replay" | "drop":
            return action
        case _:
            raise typer.BadParameter(f"{action!r} is none of list, replay, drop")
