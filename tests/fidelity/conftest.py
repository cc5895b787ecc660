"""The Node packages and the second engine that the machine is compared with."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support import node_packages
from tests.support.cached_python import python_with, report_skipped

HERE = Path(__file__).parent
NO_SECOND_ENGINE = "the second Step Functions engine cannot be installed"
SKIPPED = pytest.StashKey[str]()


@dataclass(frozen=True)
class Node:
    program: str
    package: Path

    def run(self, script: str, text: str) -> str:
        command = [self.program, str(HERE / script), str(self.package)]
        return subprocess.run(
            command, input=text, capture_output=True, text=True, check=True, encoding="utf-8"
        ).stdout


@pytest.fixture(scope="session")
def node(request) -> Node:
    try:
        program = node_packages.find("node")
        return Node(program[0], node_packages.installed(HERE, program) / "package.json")
    except (OSError, subprocess.SubprocessError) as error:
        reason = f"{error}: {getattr(error, 'stderr', '') or ''}".strip()
        request.config.stash[SKIPPED] = reason
        pytest.skip(f"the Node packages of tests/fidelity cannot be installed: {reason[-300:]}")


@pytest.fixture(scope="session")
def second() -> Path:
    """The Python that has the second engine."""
    return python_with(HERE / "engines" / "requirements.txt", NO_SECOND_ENGINE)


def pytest_terminal_summary(terminalreporter, config) -> None:
    report_skipped(terminalreporter, "NOT COMPARED WITH A SECOND STEP FUNCTIONS ENGINE", NO_SECOND_ENGINE)
    if reason := config.stash.get(SKIPPED, ""):
        terminalreporter.section("NOT COMPARED WITH AWS'S OWN JSONATA AND VALIDATORS", yellow=True)
        terminalreporter.line(f"The tests marked `node` were skipped: {reason}")
