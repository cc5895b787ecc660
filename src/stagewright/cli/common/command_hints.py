"""Commands as the person in front of this terminal can type them."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path


def shell_path(path: Path | str) -> str:
    """As a person in the current folder types it."""
    relative = os.path.relpath(path)
    return shlex.quote(str(path) if relative.startswith("..") else relative)


def program() -> str:
    """`stagewright` where the shell finds this one, else its path: `make demo` is run without activation."""
    own = Path(sys.argv[0])
    found = shutil.which("stagewright")
    if own.name != "stagewright" or (found and Path(found).samefile(own)):
        return "stagewright"
    return shell_path(own)


def run_command(place: Path | str, parameters: Sequence[str] = ()) -> str:
    """The same run once more, with the parameters that this one was given."""
    return " ".join(
        [program(), "run", shell_path(place), *(f"-p {shlex.quote(text)}" for text in parameters)]
    )


def resume_command(run: str, place: Path | str) -> str:
    """A run that goes on with that one, with the document as it is by then."""
    return f"{program()} resume {run} {shell_path(place)}"
