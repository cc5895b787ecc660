"""Commands that the user can copy from the output and run in this shell."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Sequence
from contextvars import ContextVar
from pathlib import Path

from stagewright.api.target import usual_target

WITH_TARGET = frozenset(
    (
        "plan",
        "run",
        "push",
        "resume",
        "backfill",
        "stop",
        "runs",
        "show",
        "report",
        "get",
        "logs",
        "diff",
        "dlq",
        "config show",
        "set",
        "unset",
        "history",
        "rollback",
        "migrate",
        "approvals",
        "approve",
        "reject",
        "endpoints",
        "predict",
        "rollback-endpoint",
        "doctor",
    )
)
"""Commands that have an option --target."""
MENTION = re.compile(
    r"(?<![\w@:.-])(?P<program>(?:[\w~./-]*/)?stagewright) (?P<name>(?:config |prices )?[a-z][a-z-]*)"
    r"(?P<rest>[^`;)\n]*)"
)
_given = ContextVar("target", default="")
"""The target of this command, "" if a command without --target has the same."""


def remember_target(target: str) -> str:
    """Make the hints of this command name its target. Returns the target: it is a callback of Typer."""
    usual = usual_target()
    _given.set("" if target == usual else target)
    return target


def on_target(text: str) -> str:
    """The text, with the target of this command in each command that it names."""
    return MENTION.sub(_with_target, text) if _given.get() else text


def _with_target(match: re.Match[str]) -> str:
    if match["name"] not in WITH_TARGET or "--target" in match["rest"]:
        return match[0]
    return f"{match['program']} {match['name']} --target {shlex.quote(_given.get())}{match['rest']}"


def shell_path(path: Path | str) -> str:
    """A path relative to the current folder, quoted for the shell. Absolute if it is outside the folder."""
    relative = os.path.relpath(path)
    return shlex.quote(str(path) if relative.startswith("..") else relative)


def program() -> str:
    """`stagewright` if the shell finds this program, else its path, as for `make demo` without activation."""
    own = Path(sys.argv[0])
    on_path = shutil.which("stagewright")
    if own.name != "stagewright" or not own.exists() or (on_path and Path(on_path).samefile(own)):
        return "stagewright"
    return shell_path(own)


def run_command(document: Path | str, assignments: Sequence[str] = ()) -> str:
    """The command that starts the same run again, with the same parameters."""
    parameters = (f"-p {shlex.quote(assignment)}" for assignment in assignments)
    return " ".join([program(), "run", shell_path(document), *parameters])


def resume_command(run: str, document: Path | str) -> str:
    return f"{program()} resume {run} {shell_path(document)}"
