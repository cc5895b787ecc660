"""The Node packages that the machine is compared with."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support import node_packages

HERE = Path(__file__).parent
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


def pytest_terminal_summary(terminalreporter, config) -> None:
    if reason := config.stash.get(SKIPPED, ""):
        terminalreporter.section("NOT COMPARED WITH AWS'S OWN JSONATA AND VALIDATORS", yellow=True)
        terminalreporter.line(f"The tests marked `node` were skipped: {reason}")
