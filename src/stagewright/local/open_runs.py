"""The runs that an earlier server left open."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from stagewright.local.artifacts import Artifacts
from stagewright.local.emulator.background import SCHEDULED
from stagewright.local.emulator.server import Ministack
from stagewright.local.state import INSTALLATION

POLL_SECONDS = 0.02
"""Between two checks whether runs may start."""


class OpenRuns:
    """Closes and starts open runs with the installation's own functions."""

    def __init__(self, ministack: Ministack, artifacts: Artifacts) -> None:
        self._ministack = ministack
        self._artifacts = artifacts

    def items(self) -> list[dict[str, Any]]:
        """Return the headers of open runs as DynamoDB items: one page, the oldest first."""
        return self._ministack.items(INSTALLATION.runs_table, "open_runs", "open", "yes")

    def reconcile(self) -> bool:
        """Close or start the runs.

        Returns False if no run may start now. Then only runs whose execution has ended are closed.
        """
        if self._ministack.background.may_start():
            self._sweep()
            return True
        for run in self.items():
            if run["status"]["S"] == "RUNNING":
                self._call("recorder", {"detail": {"executionArn": run["execution"]["S"]}})
        return False

    def sweep_later(self) -> None:
        """Close and start the runs as soon as runs may start."""
        while not self._ministack.background.may_start():
            time.sleep(POLL_SECONDS)
        self._sweep()

    def _sweep(self) -> None:
        """Invoke the sweeper as its schedule does, without patience: no other function is running."""
        self._call("sweeper", {"detail-type": SCHEDULED, "detail": {"patience": 0}})

    def _call(self, function: str, event: Mapping[str, Any]) -> None:
        self._ministack.background.invoke(self._artifacts.resources["functions"][function]["name"], event)
