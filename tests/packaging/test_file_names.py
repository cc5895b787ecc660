"""What a user's own pytest makes of our files, where it finds them below its root."""

from __future__ import annotations

from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[2] / "src"
PATTERNS = ("test_*.py", "*_test.py", "conftest.py")
"""The default of pytest's `python_files`, and the file that it reads in every folder."""


@pytest.mark.parametrize("pattern", PATTERNS)
def test_pytest_collects_no_shipped_file(pattern):
    assert list(SOURCES.rglob("*.py"))
    assert list(SOURCES.rglob(pattern)) == []
