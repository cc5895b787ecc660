"""A pipeline folder with its own state and server, and the commands as a user calls them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support import commands
from tests.support.processes import command_lines
from tests.support.waiting import until

from sagemaker_local import state_folder
from stagewright.local import server
from stagewright.local.state import INSTALLATION
from stagewright.operator_gateway import OperatorGateway
from stagewright.runs.history.records import RunRecord
from stagewright.runs.history.run_history import show

MAIN = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from stagewright.cli.app import main
main()
"""


class Place:
    def __init__(self, folder: Path, document: str, files: Mapping[str, str]) -> None:
        self.folder, self.state = folder, folder / "state"
        self._gateways: dict[state_folder.Server, OperatorGateway] = {}
        self.state.mkdir(parents=True)
        # The scripts need the standard library only, so no environment has to be built.
        (self.state / "local.toml").write_text(
            f'[pythons]\n"sklearn-1.4" = "{sys.executable}"\n"glue-pythonshell-3.9" = "{sys.executable}"\n'
        )
        (folder / "pipeline.yaml").write_text(document)
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "STAGEWRIGHT_"))}
        self.environment = inherited | {"STAGEWRIGHT_STATE": str(self.state), "PYTHONUNBUFFERED": "1"}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", MAIN, *arguments], cwd=self.folder, env=self.environment, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def __call__(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """The command, once it has ended with this exit code."""
        done = commands.stagewright(arguments, self.folder, self.environment)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self(*arguments, "--json", code=code).stdout)

    def up(self) -> OperatorGateway:
        server.up(self.state)
        return self.gateway()

    def kill(self) -> None:
        """The server, as by the system, and not the processes that it started."""
        running = server.find(self.state)
        assert running is not None
        os.kill(running.pid, signal.SIGKILL)
        until(lambda: self.processes() == [])

    def processes(self) -> list[str]:
        """Command lines that name this place's state."""
        return [line for line in command_lines().values() if str(self.state) in line]

    def gateway(self) -> OperatorGateway:
        """To the server that is up."""
        running = server.find(self.state)
        assert running is not None
        if running not in self._gateways:
            key = (running.access_key, running.secret_key)
            self._gateways = {running: OperatorGateway.connect(INSTALLATION, running.url, *key)}
        return self._gateways[running]

    def begun(self, *arguments: str) -> str:
        """The run that `run --no-wait` has started."""
        return str(self.json("run", ".", "--no-wait", *arguments)["run"])

    def ended(self, run: str) -> RunRecord:
        gateway = self.gateway()
        until(lambda: not gateway.runs.header(run).is_open)
        return show(gateway, run)
