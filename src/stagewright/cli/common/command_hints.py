"""Commands that the user can copy from the output and run in this shell."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path


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
