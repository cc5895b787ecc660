"""A Python with what Lambda has and nothing else, built once into a cache folder of the user."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from uv import find_uv_bin

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
UNREACHABLE = ("error sending request", "Failed to fetch", "dns error", "timed out")
SKIPPED = "what Lambda has cannot be installed"


@pytest.fixture(scope="session")
def python() -> Path:
    made_from = (REQUIREMENTS.read_bytes(), sys.version.encode(), sys.base_prefix.encode())
    folder = cache() / hashlib.sha256(b"\0".join(made_from)).hexdigest()[:16]
    if not (folder / "bin/python").exists():
        build(folder)
    return folder / "bin/python"


def build(folder: Path) -> None:
    """Beside the place and then moved there, since another session may be at it too."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, ignore_cleanup_errors=True) as name:
        fresh = Path(name) / "python"
        uv("venv", "--no-project", "--relocatable", "--python", sys.executable, str(fresh))
        python = str(fresh / "bin/python")
        uv("pip", "install", "--no-deps", "--compile-bytecode", "--python", python, "-r", str(REQUIREMENTS))
        with contextlib.suppress(OSError):
            fresh.rename(folder)


def uv(*arguments: str) -> None:
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
    command = [find_uv_bin(), "--no-progress", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode and any(sign in done.stderr for sign in UNREACHABLE):
        pytest.skip(f"{SKIPPED}: the package index cannot be reached: {done.stderr.strip()[-300:]}")
    assert done.returncode == 0, done.stderr


def cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(os.environ.get("STAGEWRIGHT_TEST_CACHE") or home) / "stagewright-lambda"


def pytest_terminal_summary(terminalreporter) -> None:
    reports = terminalreporter.stats.get("skipped", ())
    skipped = [report for report in reports if SKIPPED in str(report.longrepr)]
    if skipped:
        terminalreporter.section("NOT RUN WITH WHAT LAMBDA HAS", yellow=True)
        terminalreporter.line(f"{len(skipped)} tests of tests/lambda_only were skipped: {SKIPPED}")
