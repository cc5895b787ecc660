"""What is only on this disk, for commands that use what is pushed."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from stagewright.api import documents, formatting, notes
from stagewright.errors import StagewrightError

if TYPE_CHECKING:
    from stagewright.api.target import Session
    from stagewright.runs.releases.manifest import Manifest
    from stagewright.runs.releases.push import PushResult

SHOWN = 5
"""How many code files are named."""


def warn(session: Session, name: str, argument: str = "") -> None:
    """Report what a push would change, and the command. Nothing to report: no warning.

    `name`: the pipeline. `argument`: how the user named it, perhaps by the path of its document.
    """
    path = _document(name, argument)
    if path is None:
        return
    from stagewright.api.target import LOCAL
    from stagewright.runs.releases import manifest as manifests

    manifest = manifests.read(session.gateway, name)
    if manifest is None:
        return  # the command itself reports that nothing is pushed
    option = "" if session.target == LOCAL else f" --target {session.target}"
    where = path.parent if path.name in documents.NAMES else path
    remedy = f"stagewright push {shlex.quote(str(where))}{option} pushes it"
    if only_here := _difference(session, path, manifest):
        notes.warn(f"only on this disk: {only_here}; this uses {_described(manifest)} ({remedy})")


def _document(name: str, argument: str) -> Path | None:
    """The document of a pipeline that `argument` names, or that is in this folder or in pipelines/."""
    for path in filter(None, map(documents.find, dict.fromkeys(filter(None, (argument, ".", name))))):
        try:
            is_named = documents.read(str(path)).name == name
        except StagewrightError:
            is_named = path.resolve().parent.name == name
        if is_named:
            return path
    return None


def _difference(session: Session, path: Path, manifest: Manifest) -> str:
    """What a push of the document would change. Empty: nothing."""
    from stagewright.api.source import Source
    from stagewright.runs.releases.push import compare

    try:
        source = Source.read(path)
        overlay = source.overlay(session.gateway.installation.environment)
    except StagewrightError:
        return f"{path}, which is not valid"
    return ", ".join(_parts(compare(manifest, source.pipeline, source.files, overlay)))


def _parts(changes: PushResult) -> list[str]:
    files = (*changes.uploaded, *(f"{path} (removed)" for path in changes.removed))
    more = f" and {len(files) - SHOWN} more" if len(files) > SHOWN else ""
    code = [f"code {', '.join(files[:SHOWN])}{more}"] if files else []
    return [*(["changes of the document"] if changes.document else []), *code]


def _described(manifest: Manifest) -> str:
    """`the push of 2026-01-31 14:00:00 (release 0123456789ab)`."""
    time = formatting.local_time(datetime.fromtimestamp(manifest.written, UTC).isoformat())
    return f"the push of {time} (release {manifest.release.digest[:12]})"
