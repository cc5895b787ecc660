"""Checks of a document against the documents in sibling folders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stagewright.api import documents
from stagewright.errors import DocumentError

if TYPE_CHECKING:
    from stagewright.syntax.findings import Finding


def cycle_findings(folder: Path, data: Mapping[str, Any]) -> Iterator[Finding]:
    """Cycles of upstream triggers through the pipelines in sibling folders, whose names are the folders'."""
    from stagewright.document import trigger_cycles

    def upstreams(pipeline: str) -> list[str]:
        path = documents.find(str(folder.resolve().parent / pipeline))
        return [name for _, name in trigger_cycles.upstreams(_data_of(path) if path else {})]

    yield from trigger_cycles.cycle_findings(data, upstreams)


def duplicate_name_findings(folder: Path, data: Mapping[str, Any]) -> Iterator[Finding]:
    """Documents in pipelines/ with the same name. The push of one would replace the other."""
    from stagewright.syntax.findings import Finding

    own, name = folder.resolve(), str(data.get("name"))
    if own.parent.name != documents.FOLDER.name:
        return
    for sibling in sorted(own.parent.iterdir()):
        path = documents.find(str(sibling)) if sibling.is_dir() and sibling.resolve() != own else None
        # Parsing YAML is slow, so only a document that contains the name is parsed.
        if path and name.encode() in path.read_bytes() and _data_of(path).get("name") == name:
            message = f"{path} has the same name, and a push of one replaces the other"
            yield Finding(("name",), message, "give each document a name of its own")


def _data_of(path: Path) -> Mapping[str, Any]:
    """Content of a document. Empty if it cannot be read; its own validation reports why."""
    from stagewright.document.file import read_mapping

    with suppress(DocumentError):
        return read_mapping(path)
    return {}
