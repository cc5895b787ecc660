"""Without --target, checks this machine. With --target, compares an installation with this version of
Stagewright, and changes nothing. Each failed check shows a remedy. Exit code 1 if a required check fails.
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

from stagewright.api.target import LOCAL, session, state_folder
from stagewright.cli.common import output
from stagewright.cli.common.options import Json
from stagewright.cli.doctor.check import Check, healthy
from stagewright.errors import StagewrightError

NEEDED_BYTES = 2 * 10**9
"""An environment with scikit-learn takes 0.4 GB. The artifacts of runs need more."""


Target = Annotated[
    str | None,
    typer.Option("--target", metavar="NAME", help="`local`, or a table [targets.NAME] of stagewright.toml."),
]
MACHINE = ("MISSING", "optional")
INSTALLATION = ("fail", "warn")
"""Labels of a failed check: required, optional."""


Repair = Annotated[
    bool,
    typer.Option(
        "--repair",
        help="Repair damaged files of the local state folder. Files that cannot be restored are moved to its "
        "folder damaged.",
    ),
]


def command(target: Target = None, repair: Repair = False, as_json: Json = False) -> None:
    if repair:
        repair_state(target, as_json)
        return
    checks = [check() for check in CHECKS] if target is None else installation(target)
    if as_json:
        output.print_json({"ok": healthy(checks), "checks": checks})
    else:
        for check in checks:
            print_check(check, *(MACHINE if target is None else INSTALLATION))
    if not healthy(checks):
        raise typer.Exit(1)


def repair_state(target: str | None, as_json: bool) -> None:
    from stagewright.local import server

    if target not in (None, LOCAL):
        raise typer.BadParameter("--repair is for the local state folder only, without --target")
    done = server.repair(state_folder())
    if as_json:
        output.print_json({"repaired": done})
        return
    for line in done:
        output.print_line(line)
    output.print_line("the state folder is intact" if not done else "next: stagewright runs")


def print_check(check: Check, failed: str, optional: str) -> None:
    mark = "ok" if check.ok else failed if check.needed else optional
    remedy = f"\n          try: {check.remedy}" if not check.ok else ""
    output.print_line(f"{mark:8}  {check.name}: {check.found}{remedy}")


def installation(target: str) -> list[Check]:
    from stagewright.cli.doctor import run_checks
    from stagewright.cli.doctor.target import CheckedTarget

    with session(target) as connected:
        return run_checks(CheckedTarget(connected.gateway, connected.is_local))


def python() -> Check:
    version = f"{sys.version.split()[0]} at {sys.executable}"
    return Check(
        "Python",
        (3, 11) <= sys.version_info < (3, 14),
        version,
        "install Stagewright into Python 3.11, 3.12 or 3.13",
    )


def uv() -> Check:
    path = find_uv()
    return Check("uv", path is not None, path or "not found", "pip install 'stagewright[local]'")


def find_uv() -> str | None:
    try:
        from uv import find_uv_bin

        return str(find_uv_bin())
    except (ImportError, FileNotFoundError):
        return shutil.which("uv")


def isolation() -> Check:
    from sagemaker_local.sandbox.isolation import probe

    method = probe()
    return Check("isolation of jobs", True, f"{method.name}: {method.why}" if method.why else method.name)


def state() -> Check:
    folder = state_folder()
    parent = existing(folder)
    remedy = f"make {parent} writable, or set STAGEWRIGHT_STATE to another folder"
    return Check("state folder", os.access(parent, os.W_OK | os.X_OK), str(folder), remedy)


def state_files() -> Check:
    from stagewright.local import server

    try:
        damages = server.damages(state_folder())
    except StagewrightError as error:
        return Check("state files", False, error.message, error.remedy)
    shown = "; ".join(map(str, damages))
    return Check("state files", not damages, shown or "intact", "stagewright doctor --repair")


def disk() -> Check:
    free = shutil.disk_usage(existing(state_folder())).free
    return Check(
        "disk",
        free >= NEEDED_BYTES,
        f"{free / 1e9:.1f} GB free",
        "free 2 GB, or set STAGEWRIGHT_STATE to another disk",
    )


def existing(folder: Path) -> Path:
    """The folder, or its nearest parent that exists."""
    return next(path for path in (folder, *folder.parents) if path.is_dir())


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
        "local server", True, f"up at {running.url}" if running else "not up (commands start a temporary one)"
    )


def images() -> Check:
    from sagemaker_local.images import image_list, interpreters

    available, missing = [], []
    for image in image_list.images():
        versions = [version for way in image.ways for version in way.python]
        version = next((version for version in versions if interpreters.find(version)), None)
        if version:
            available.append(f"{image.alias} on Python {version}")
        else:
            missing.append(f"{image.alias} (needs Python {' or '.join(versions)})")
    summary = "; ".join(filter(None, (", ".join(available), f"not: {', '.join(missing)}" if missing else "")))
    remedy = "install one of the Python versions, or add one to the table [pythons] of local.toml"
    return Check("images", not missing, f"{summary} (built on first use)", remedy, needed=not available)


def node() -> Check:
    path = shutil.which("node")
    remedy = "install Node.js to compare expressions with AWS's reference implementation (tests only)"
    return Check("Node.js", path is not None, path or "not found", remedy, needed=False)


CHECKS: tuple[Callable[[], Check], ...] = (
    python, uv, isolation, state, state_files, disk, port, server, images, node,
)  # fmt: skip
