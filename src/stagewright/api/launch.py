"""Push a document and start exactly one run: by the push's own event, else by an event of this command."""

from __future__ import annotations

import getpass
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from stagewright.api import notes
from stagewright.errors import TargetError

if TYPE_CHECKING:
    from stagewright.api.source import Source
    from stagewright.api.target import Session
    from stagewright.operator_gateway import OperatorGateway
    from stagewright.planner.selection import Selection
    from stagewright.runs.releases.push import PushResult
    from stagewright.syntax.fields import Scalar

SHORTEST = 0.03
"""Shortest pause between two checks, in seconds. A check takes 10 ms that a local run cannot use."""
PATIENCE = 90.0
"""Seconds until an event must have become a run: the queue, a cold start, and planning."""


def push(
    session: Session,
    source: Source,
    parameters: Mapping[str, Scalar] | None = None,
    force: bool = False,
    selection: Selection | None = None,
    resumes: str = "",
    date: str = "",
) -> PushResult:
    """Upload sample data to a local target, the prices, and the release. A changed release starts a run."""
    from stagewright.api import price_file
    from stagewright.api.sample_data import upload_samples
    from stagewright.planner.selection import ALL
    from stagewright.runs.releases import push as release

    require_space(session)
    upload_samples(session, source)
    price_file.upload(session, source.path.parent)
    commit = commit_of(source.path.parent)
    overlay = source.overlay(session.gateway.installation.environment)
    return release.push(
        session.gateway, source.pipeline, source.files, commit, parameters,
        by=caller(session), force=force, overlay=overlay, selection=selection or ALL, resumes=resumes,
        date=date,
    )  # fmt: skip


def require_space(session: Session) -> None:
    """TargetError: the disk of the local state folder is nearly full."""
    if session.is_local:
        from stagewright.api.target import state_folder
        from stagewright.local.state import State

        State(state_folder()).require_space()


def start(
    session: Session,
    source: Source,
    parameters: Mapping[str, Scalar],
    force: bool,
    selection: Selection | None = None,
    date: str = "",
) -> str:
    """Push the document, start one run and return its id."""
    from stagewright.api.local_images import note_builds
    from stagewright.api.source import effective
    from stagewright.planner.selection import ALL
    from stagewright.runs.requests import request_run

    pushed = push(session, source, parameters, force, selection, date=date)
    note_pushed(source, pushed)
    key = pushed.trigger_key or request_run(
        session.gateway, source.pipeline.name, parameters, caller(session), force=force,
        selection=selection or ALL, date=date,
    )  # fmt: skip
    run = wait_or_note(session, key)
    if session.is_local:
        note_builds(session, effective(session, source).pipeline, run)
    return run


def note_pushed(source: Source, pushed: PushResult) -> None:
    if pushed.uploaded or pushed.removed or pushed.trigger_key:
        notes.info(f"pushed {source.pipeline.name}: {changes(pushed)}")


def wait_or_note(session: Session, key: str) -> str:
    """`wait_for_run`, with a note on Ctrl-C that the run may start anyway."""
    try:
        return wait_for_run(session.gateway, key)
    except KeyboardInterrupt:
        if not session.own:
            notes.info("the run may still start: see stagewright runs, then stagewright stop RUN")
        raise


def changes(pushed: PushResult) -> str:
    counts = {"uploaded": len(pushed.uploaded), "removed": len(pushed.removed)}
    parts = [
        f"{count} code {'file' if count == 1 else 'files'} {verb}" for verb, count in counts.items() if count
    ]
    return ", ".join(parts) or "the document changed"


def wait_for_run(gateway: OperatorGateway, trigger_key: str) -> str:
    """Id of the run that an event starts, as soon as the run is planned or queued.

    TargetError: there is no run after `PATIENCE` seconds.
    """
    from stagewright.runs.history import run_history

    run = None
    for _ in pauses(PATIENCE):
        run = run or run_history.find_run(gateway, trigger_key)
        if run and run_history.is_planned_or_queued(gateway, run):
            return run
    raise TargetError(
        f"the event {trigger_key} started no run within {PATIENCE:.0f} s",
        "see the router's log: its group is " + f"/aws/lambda/{gateway.installation.name('router')}",
    )


def pauses(limit: float | None = None, longest: float = 0.25) -> Iterator[float]:
    """Yield the seconds since the start, and sleep between two yields for a twentieth of that time.

    Stops after `limit` seconds.
    """
    began = time.monotonic()
    while (elapsed := time.monotonic() - began) < (float("inf") if limit is None else limit):
        yield elapsed
        time.sleep(min(max(elapsed / 20, SHORTEST), longest))


def commit_of(folder: Path) -> str:
    """Git commit of `folder`, with `-dirty` if it has uncommitted changes. Empty outside Git."""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def caller(session: Session) -> str:
    """ARN of the caller on AWS, name of the user on this machine."""
    return user() if session.is_local else session.gateway.caller.arn()


def user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
