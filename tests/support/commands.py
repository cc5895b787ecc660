"""Run `stagewright` commands in forks of one process per worker that has imported the command line.

Tests of the process itself (signals, terminals, imports) start Python instead.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.fork_server import ForkServer


def inherited(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment without what names an account or an installation."""
    return {k: v for k, v in environment.items() if not k.startswith(("AWS_", "STAGEWRIGHT_"))}


PRELOAD = """
from importlib import import_module
from os import getpid
from pathlib import Path
from sagemaker_local.state_folder import Server
from stagewright.cli import app, daemon
from stagewright.api import target
for module in (*daemon.MODULES, *(row.module for row in app.TABLE)):
    import_module(module)
gateway = target.connect(Server("http://127.0.0.1:9", "key", "secret", getpid(), Path("/")))
for client in daemon.CLIENTS:
    getattr(gateway, client)
"""
"""Imports every command, and makes the clients once, which reads the service models."""
MAIN = "from stagewright.cli.app import main; main()"
_COMMANDS = ForkServer(sys.executable, PRELOAD, inherited())


def stagewright(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one `stagewright` command to its end."""
    return _COMMANDS.run(MAIN, arguments, folder, environment, stdin)
