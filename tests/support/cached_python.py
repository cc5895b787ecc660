"""Pythons that hold exactly what a file of requirements lists, built once into a cache folder of the user."""

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

UNREACHABLE = ("error sending request", "Failed to fetch", "dns error", "timed out")
BUILD_SECONDS = 900
RETRIES = 5
"""Of a request to a package index: a hiccup of the network costs no test."""


def python_with(requirements: Path, skipped: str, excuses: tuple[str, ...] = ()) -> Path:
    """Its executable. Where no package index can be reached, or uv says one of `excuses`, the test is
    skipped, for the reason `skipped`."""
    folder = folder_of(requirements)
    if not (folder / "bin/python").exists():
        _build(folder, requirements, skipped, excuses)
    return folder / "bin/python"


def folder_of(requirements: Path) -> Path:
    made_from = (requirements.read_bytes(), sys.version.encode(), sys.base_prefix.encode())
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    cache = Path(os.environ.get("STAGEWRIGHT_TEST_CACHE") or home) / "stagewright-tests"
    return cache / hashlib.sha256(b"\0".join(made_from)).hexdigest()[:16]


def report_skipped(terminalreporter: pytest.TerminalReporter, title: str, skipped: str) -> None:
    """A section of its own at the end of the run, since a skipped test is easily overlooked."""
    reports = [each for each in terminalreporter.stats.get("skipped", ()) if skipped in str(each.longrepr)]
    if reports:
        terminalreporter.section(title, yellow=True)
        for place in sorted({report.location[0] for report in reports}):
            count = sum(report.location[0] == place for report in reports)
            terminalreporter.line(f"{count} tests of {place} were skipped: {skipped}")


def _build(folder: Path, requirements: Path, skipped: str, excuses: tuple[str, ...]) -> None:
    """Beside the place and then moved there, since another session may be at it too."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, ignore_cleanup_errors=True) as name:
        fresh = Path(name) / "python"
        _uv(skipped, (), "venv", "--no-project", "--relocatable", "--python", sys.executable, str(fresh))
        command = ("pip", "install", "--no-deps", "--compile-bytecode", "--python", str(fresh / "bin/python"))
        _uv(skipped, excuses, *command, "-r", str(requirements))
        with contextlib.suppress(OSError):
            fresh.rename(folder)


def _uv(skipped: str, excuses: tuple[str, ...], *arguments: str) -> None:
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "UV_HTTP_RETRIES": str(RETRIES)}
    command = [find_uv_bin(), "--no-progress", *arguments]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=BUILD_SECONDS
    )
    if done.returncode and any(sign in done.stderr for sign in UNREACHABLE + excuses):
        pytest.skip(f"{skipped}: {done.stderr.strip()[-300:]}")
    assert done.returncode == 0, done.stderr
