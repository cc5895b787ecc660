"""The processes of this machine. From /proc where there is one: slim images have no `ps`."""

from __future__ import annotations

import subprocess
from pathlib import Path


def command_lines() -> dict[int, str]:
    """Process -> its arguments, joined by spaces. Zombies have none and are left out."""
    if not Path("/proc/self/cmdline").exists():
        return _by_ps()
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                arguments = (entry / "cmdline").read_bytes().rstrip(b"\0")
            except OSError:
                continue
            if arguments:
                found[int(entry.name)] = arguments.replace(b"\0", b" ").decode(errors="replace")
    return found


def _by_ps() -> dict[int, str]:
    command = ["ps", "-A", "-ww", "-o", "pid=,command="]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    lines = [line.split(maxsplit=1) for line in listed.splitlines()]
    return {int(line[0]): line[1] for line in lines if len(line) == 2}
