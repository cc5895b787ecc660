"""Changes of a document, as they are printed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from stagewright.cli.common import output

if TYPE_CHECKING:
    from stagewright.document.merge import Change
    from stagewright.runs.documents.overrides import Changed


def plain(changes: Iterable[Change]) -> list[dict[str, Any]]:
    """For --json: `before` and `after` are left out where the document said, or says, nothing."""
    from stagewright.document.assignments import format_path
    from stagewright.document.effective_diff import Default
    from stagewright.document.merge import ABSENT

    return [
        {"path": format_path(each.path)}
        | {
            key: value
            for key in ("before", "after")
            if (value := getattr(each, key)) is not ABSENT and not isinstance(value, Default)
        }
        for each in changes
    ]


def lines(changes: Iterable[Change]) -> list[str]:
    from stagewright.document.assignments import format_path

    return [
        f"{format_path(each.path)}: {format_value(each.before)} -> {format_value(each.after)}"
        for each in changes
    ]


def format_value(value: Any) -> str:
    from stagewright.document.effective_diff import Default
    from stagewright.document.merge import ABSENT

    if isinstance(value, Default):
        return f"{format_value(value.value)} (default)"
    return "(nothing)" if value is ABSENT else json.dumps(value, ensure_ascii=False)


def print_report(changed: Changed, as_json: bool) -> None:
    """What a command did to the overrides."""
    if as_json:
        told = {"problems": [str(each) for each in changed.problems], "changes": plain(changed.changes)}
        output.print_json(output.plain(vars(changed) | told))
        return
    print_changes(changed.changes, f"{changed.pipeline}: nothing changed")
    for problem in changed.problems:
        output.note(f"still wrong: {problem}")
    for doubt in changed.doubts:
        output.note(f"warning: {doubt}")
    if changed.changes and changed.revision:
        output.print_line(f"revision {changed.revision}, from the next run of {changed.pipeline} on")


def print_changes(changes: Sequence[Change], otherwise: str) -> None:
    for line in lines(changes) or [otherwise]:
        output.print_line(line)
