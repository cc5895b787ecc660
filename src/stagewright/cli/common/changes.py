"""Printing of document changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from stagewright.cli.common import output

if TYPE_CHECKING:
    from stagewright.document.merge import Change
    from stagewright.runs.documents.overrides import OverridesChange


def plain(changes: Iterable[Change]) -> list[dict[str, Any]]:
    """Changes for --json. `before` or `after` is left out if the setting was, or is, absent."""
    from stagewright.document.assignments import format_path
    from stagewright.document.effective_diff import Default
    from stagewright.document.merge import ABSENT

    return [
        {"path": format_path(change.path)}
        | {
            key: value
            for key in ("before", "after")
            if (value := getattr(change, key)) is not ABSENT and not isinstance(value, Default)
        }
        for change in changes
    ]


def lines(changes: Iterable[Change]) -> list[str]:
    from stagewright.document.effective_diff import format_change

    return [format_change(change) for change in changes]


def print_report(changed: OverridesChange, as_json: bool) -> None:
    """Print what a command changed in the overrides."""
    if as_json:
        problems = [str(problem) for problem in changed.problems]
        output.print_json(
            output.plain(vars(changed) | {"problems": problems, "changes": plain(changed.changes)})
        )
        return
    print_changes(changed.changes, f"{changed.pipeline}: nothing changed")
    for problem in changed.problems:
        output.note(f"still invalid: {problem}")
    for doubt in changed.warnings:
        output.note(f"warning: {doubt}")
    if changed.changes and changed.revision:
        output.print_line(f"revision {changed.revision} applies from the next run of {changed.pipeline}")


def print_changes(changes: Sequence[Change], if_none: str) -> None:
    for line in lines(changes) or [if_none]:
        output.print_line(line)
