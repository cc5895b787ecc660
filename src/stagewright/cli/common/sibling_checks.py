"""What a document has to do with those in the folders beside its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stagewright.cli.common import documents
from stagewright.errors import DocumentError

if TYPE_CHECKING:
    from stagewright.syntax.findings import Finding


def cycle_findings(folder: Path, data: Mapping[str, Any]) -> Iterator[Finding]:
    """Circles with the pipelines whose documents are in folders of their names, beside `folder`."""
    from stagewright.document import trigger_cycles

    def before(pipeline: str) -> list[str]:
        path = documents.find(str(folder.resolve().parent / pipeline))
        return [name for _, name in trigger_cycles.upstreams(_said(path) if path else {})]

    yield from trigger_cycles.cycle_findings(data, before)


def duplicate_name_findings(folder: Path, data: Mapping[str, Any]) -> Iterator[Finding]:
    """Documents in `pipelines` that have the same name: pushed, the one would replace the other."""
    from stagewright.syntax.findings import Finding

    own, name = folder.resolve(), str(data.get("name"))
    if own.parent.name != documents.FOLDER.name:
        return
    for beside in sorted(own.parent.iterdir()):
        path = documents.find(str(beside)) if beside.is_dir() and beside.resolve() != own else None
        # Most are told apart without being read as YAML, which `run` would wait for.
        if path and name.encode() in path.read_bytes() and _said(path).get("name") == name:
            message = f"{path} has this name, too, and a push of the one replaces the other"
            yield Finding(("name",), message, "give each a name of its own")


def _said(path: Path) -> Mapping[str, Any]:
    """Nothing where it is wrong by itself, which is told where that one is validated."""
    from stagewright.document.file import read_mapping

    with suppress(DocumentError):
        return read_mapping(path)
    return {}
