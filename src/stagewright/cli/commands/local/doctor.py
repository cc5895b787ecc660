"""Each check says what it found, and a remedy where need be. Without --target this machine is checked; with
it an installation, which is compared with this version of Stagewright, and only read. Exit code 1 when a
needed check fails.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from stagewright.cli.common import output
from stagewright.cli.common.options import Json
from stagewright.cli.common.target import session, state_folder
from stagewright.cli.doctor.check import Check, healthy
from stagewright.errors import StagewrightError

NEEDED_BYTES = 2 * 10**9
"""An environment with scikit-learn takes 0.4 GB; artifacts of runs come on top."""


Target = Annotated[
    str | None,
    typer.Option("--target", metavar="NAME", help="`local`, or a table [targets.NAME] of stagewright.toml."),
]
MACHINE = ("MISSING", "optional")
INSTALLATION = ("fail", "warn")
"""What a failed check is called: a needed one, another."""


def command(target: Target = None, as_json: Json = False) -> None:
    checks = [check() for check in CHECKS] if target is None else installation(target)
    if as_json:
        output.print_json({"ok": healthy(checks), "checks": checks})
    else:
        for check in checks:
            say(check, *(MACHINE if target is None else INSTALLATION))
    if not healthy(checks):
        raise typer.Exit(1)


def say(check: Check, failed: str, optional: str) -> None:
    mark = "ok" if check.ok else failed if check.needed else optional
    remedy = f"\n          try: {check.remedy}" if not check.ok else ""
    output.print_line(f"{mark:8}  {check.name}: {check.found}{remedy}")


def installation(target: str) -> list[Check]:
    from stagewright.cli.doctor import inspect
    from stagewright.cli.doctor.installation import Place

    with session(target) as connected:
        return inspect(Place(connected.gateway, connected.is_local))


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
    from sagemaker_local.sandbox.isolation import probe

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
    from sagemaker_local.images import image_list, interpreters

    there, missing = [], []
    for image in image_list.images():
        wanted = [version for way in image.ways for version in way.python]
        version = next((version for version in wanted if interpreters.find(version)), None)
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
