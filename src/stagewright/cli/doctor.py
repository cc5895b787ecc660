"""Each check says what it found, and a remedy where need be. Exit code 1 when a needed one fails."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import typer

from stagewright.cli import output
from stagewright.cli.options import Json
from stagewright.cli.target import state_folder
from stagewright.errors import StagewrightError

NEEDED_BYTES = 2 * 10**9
"""An environment with scikit-learn takes 0.4 GB; artefacts of runs come on top."""


@dataclass(frozen=True)
class Check:
    """`needed`: without it pipelines do not run on this machine."""

    name: str
    ok: bool
    found: str
    remedy: str = ""
    needed: bool = True


def command(as_json: Json = False) -> None:
    checks = [check() for check in CHECKS]
    if as_json:
        output.print_json({"ok": healthy(checks), "checks": checks})
    else:
        for check in checks:
            mark = "ok" if check.ok else "MISSING" if check.needed else "optional"
            output.say(
                f"{mark:8}  {check.name}: {check.found}"
                + (f"\n          try: {check.remedy}" if not check.ok else "")
            )
    if not healthy(checks):
        raise typer.Exit(1)


def healthy(checks: list[Check]) -> bool:
    return all(check.ok for check in checks if check.needed)


def python() -> Check:
    found = f"{sys.version.split()[0]} at {sys.executable}"
    return Check(
        "Python",
        (3, 11) <= sys.version_info < (3, 14),
        found,
        "install Stagewright into Python 3.11, 3.12 or 3.13",
    )


def uv() -> Check:
    found = find_uv()
    return Check("uv", found is not None, found or "not found", "pip install 'stagewright[local]' brings it")


def find_uv() -> str | None:
    try:
        from uv import find_uv_bin

        return str(find_uv_bin())
    except (ImportError, FileNotFoundError):
        return shutil.which("uv")


def isolation() -> Check:
    from stagewright.local.sagemaker.sandbox import probe

    found = probe()
    return Check("isolation of jobs", True, f"{found.name}: {found.why}" if found.why else found.name)


def state() -> Check:
    folder = state_folder()
    place = existing(folder)
    remedy = f"make {place} writable, or set STAGEWRIGHT_STATE to another folder"
    return Check("state folder", os.access(place, os.W_OK | os.X_OK), str(folder), remedy)


def disk() -> Check:
    free = shutil.disk_usage(existing(state_folder())).free
    return Check(
        "disk",
        free >= NEEDED_BYTES,
        f"{free / 1e9:.1f} GB free",
        "free 2 GB, or set STAGEWRIGHT_STATE to another disk",
    )


def existing(folder: Path) -> Path:
    """The folder, or the nearest one above that is there."""
    return next(place for place in (folder, *folder.parents) if place.is_dir())


def port() -> Check:
    with socket.socket() as listener:
        try:
            listener.bind(("127.0.0.1", 0))
        except OSError as error:
            return Check(
                "port", False, f"cannot listen on 127.0.0.1: {error}", "allow this user to listen on loopback"
            )
        return Check("port", True, "can listen on 127.0.0.1")


def server() -> Check:
    from stagewright.local import server as local

    try:
        running = local.find(state_folder())
    except StagewrightError as error:
        return Check("local server", False, error.message, error.remedy)
    return Check(
        "local server", True, f"up at {running.url}" if running else "not up (commands start their own)"
    )


def images() -> Check:
    from stagewright.local.sagemaker import environments, pythons

    there, missing = [], []
    for image in environments.images():
        wanted = [version for way in image.ways for version in way.python]
        version = next((version for version in wanted if pythons.find(version)), None)
        if version:
            there.append(f"{image.alias} on Python {version}")
        else:
            missing.append(f"{image.alias} (needs Python {' or '.join(wanted)})")
    found = "; ".join(filter(None, (", ".join(there), f"not: {', '.join(missing)}" if missing else "")))
    remedy = "install one of the Pythons that it needs, or name one in local.toml, table [pythons]"
    return Check("images", not missing, f"{found} (built on first use)", remedy, needed=not there)


def node() -> Check:
    found = shutil.which("node")
    remedy = "install Node.js to compare expressions with AWS's reference implementation (tests only)"
    return Check("Node.js", found is not None, found or "not found", remedy, needed=False)


CHECKS: tuple[Callable[[], Check], ...] = (python, uv, isolation, state, disk, port, server, images, node)
