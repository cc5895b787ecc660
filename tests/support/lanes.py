"""The order of the tests, and the number of slow ones that a run leaves out.

Files that start servers come first, and files that only compute come last, so that the workers end together.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

FIRST = (
    "functions", "e2e", "terraform", "gitlab", "cli", "examples", "scripts", "docs", "packaging",
    "test_testing.py", "fidelity", "sagemaker_local", "local", "runs", "state_machine", "store",
)  # fmt: skip
"""Folders and files below `tests`, the slowest first. Those that are not listed follow."""
LEFT_OUT = pytest.StashKey[int]()
REPORT = "slow_tests_left_out"
"""The field in which a worker reports the number to the controller."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _rank(item.nodeid))


def _rank(nodeid: str) -> int:
    folder = nodeid.split("::")[0].split("/")[1]
    return FIRST.index(folder) if folder in FIRST else len(FIRST)


def pytest_deselected(items: Iterable[pytest.Item]) -> None:
    slow = [item for item in items if item.get_closest_marker("slow")]
    if slow:
        stash = slow[0].config.stash
        stash[LEFT_OUT] = stash.get(LEFT_OUT, 0) + len(slow)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[REPORT] = session.config.stash.get(LEFT_OUT, 0)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Every worker leaves out the same tests."""
    node.config.stash[LEFT_OUT] = getattr(node, "workeroutput", {}).get(REPORT, 0)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if count := config.stash.get(LEFT_OUT, 0):
        terminalreporter.section("slow lanes", yellow=True)
        terminalreporter.line(f"{count} slow tests did not run. `make test-all` runs them.")
