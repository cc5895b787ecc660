"""What the overlay of an environment may say over a document. It comes from a file beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stagewright.document.canonical_json import canonical_json
from stagewright.document.merge import merged
from stagewright.document.schema_errors import shown, type_of
from stagewright.syntax.findings import LIKELY_TYPO, Finding, closest_match, nearest

SHARED = ("name", "code", "sample_data")
"""Fields that no overlay may change: the pipeline's identity, and folders beside the document."""


def overlay_findings(document: Mapping[str, Any], overlay: Mapping[str, Any]) -> Iterator[Finding]:
    """What `overlay` may not say over `document`, or says to nobody."""
    for field in SHARED:
        if field in overlay:
            yield Finding((field,), "an overlay cannot change it", "it is the same in every environment")
    yield from _stages(_mapping(document.get("stages")), _mapping(overlay.get("stages")))
    yield from _parameters(document, overlay)


def _stages(known: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[Finding]:
    """An overlay may bring a stage of its own, which says its kind."""
    for name, stage in given.items():
        if name not in known and "kind" not in _mapping(stage):
            remedy = f"{nearest(name, known, 'stages')}; a stage of the overlay's own has a kind"
            yield Finding(("stages", name), "the document has no such stage", remedy)


def _parameters(document: Mapping[str, Any], overlay: Mapping[str, Any]) -> Iterator[Finding]:
    """A parameter keeps its type. One of the overlay's own is there for something to refer to it."""
    declared = _mapping(document.get("parameters"))
    text = canonical_json(merged(document, overlay))
    for name, value in _mapping(overlay.get("parameters")).items():
        path = ("parameters", name)
        if name not in declared:
            close = closest_match(name, declared, LIKELY_TYPO)
            if close and f"${{parameters.{name}}}" not in text:
                message = "the document declares no such parameter, and nothing refers to it"
                yield Finding(path, message, f'did you mean "{close}"?')
        elif isinstance(value, bool | int | float | str) and type_of(value) != type_of(declared[name]):
            message = f"the document declares {type_of(declared[name])}, and this is {shown(value)}"
            yield Finding(path, message, "give a value of that type, or declare another in the document")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
