"""A Python with what Lambda has and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.cached_python import python_with, report_skipped

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
SKIPPED = "what Lambda has cannot be installed"


@pytest.fixture(scope="session")
def python() -> Path:
    return python_with(REQUIREMENTS, SKIPPED)


def pytest_terminal_summary(terminalreporter) -> None:
    report_skipped(terminalreporter, "NOT RUN WITH WHAT LAMBDA HAS", SKIPPED)
