"""Upload of a document's sample data and sample functions to the local target."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from stagewright.api import notes
from stagewright.errors import ReleaseError
from stagewright.naming import SAMPLE
from stagewright.runs.releases.code_folder import require_file

if TYPE_CHECKING:
    from stagewright.api.source import Source
    from stagewright.api.target import Session
    from stagewright.operator_gateway import OperatorGateway


def upload_samples(session: Session, source: Source) -> tuple[str, ...]:
    """Upload missing or changed sample data to a local target. Returns the uploaded keys.

    The local target sends no event for them, so no data trigger starts a run of its own.
    """
    if not session.is_local:
        return ()
    uploaded = [
        key
        for prefix, path in source.pipeline.sample_data.items()
        for key, file in _samples(source.path.parent / path, prefix)
        if _upload(session.gateway, key, file)
    ]
    if uploaded:
        notes.info(f"uploaded sample data: {', '.join(uploaded)}")
    upload_functions(source)
    return tuple(uploaded)


def upload_functions(source: Source) -> None:
    """Upload the document's sample functions to the local target."""
    from stagewright.api.target import state_folder
    from stagewright.local import sample_functions, server

    functions = getattr(source.pipeline, "sample_functions", {})
    running = server.find(state_folder()) if functions else None
    if running is not None:
        uploaded = sample_functions.put(running, source.path.parent, functions)
        if uploaded:
            notes.info(f"uploaded sample functions: {', '.join(uploaded)}")


def _samples(path: Path, prefix: str) -> list[tuple[str, Path]]:
    """Object key and file of each sample in a file or folder. ReleaseError: one leads out of the folder."""
    if not path.exists():
        raise ReleaseError(
            f"sample_data.{prefix}: {path} does not exist", "correct the path; it is relative to the document"
        )
    if path.is_file():
        return [(f"{prefix.rstrip('/')}/{path.name}", path)]
    files = sorted(file for file in path.rglob("*") if not file.is_dir() and not file.name.startswith("."))
    for file in files:
        require_file(file, path)
    return [(f"{prefix.rstrip('/')}/{file.relative_to(path).as_posix()}", file) for file in files]


def _upload(gateway: OperatorGateway, key: str, file: Path) -> bool:
    """Upload a file unless the object has the same content. Returns whether it was uploaded."""
    body = file.read_bytes()
    etag = hashlib.md5(body, usedforsecurity=False).hexdigest()
    stored = next((entry for entry in gateway.objects.list(key, limit=1) if entry.key == key), None)
    if stored and stored.etag.strip('"') == etag:
        return False
    gateway.objects.put(key, body, metadata=SAMPLE)
    return True
