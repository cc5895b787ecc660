"""Checks of an overlay: the file with what one environment changes of a document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stagewright.document.canonical_json import canonical_json
from stagewright.document.merge import merged
from stagewright.document.schema_errors import shown, type_of
from stagewright.syntax.findings import LIKELY_TYPO, Finding, closest_match, nearest

SHARED = ("name", "code", "sample_data")
"""Fields that an overlay cannot change: the pipeline's identity, and paths relative to the document."""


def overlay_findings(document: Mapping[str, Any], overlay: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield the values of `overlay` that `document` does not allow, or that have no effect on it."""
    for field in SHARED:
        if field in overlay:
            yield Finding((field,), "an overlay cannot change it", "it is the same in every environment")
    yield from _stages(_mapping(document.get("stages")), _mapping(overlay.get("stages")))
    yield from _parameters(document, overlay)


def _stages(declared: Mapping[str, Any], changed: Mapping[str, Any]) -> Iterator[Finding]:
    """An overlay may add a stage. It then needs a kind."""
    for name, stage in changed.items():
        if name not in declared and "kind" not in _mapping(stage):
            remedy = f"{nearest(name, declared, 'stages')}; to add a stage, give its kind"
            yield Finding(("stages", name), "the document has no such stage", remedy)


def _parameters(document: Mapping[str, Any], overlay: Mapping[str, Any]) -> Iterator[Finding]:
    """A parameter keeps its type. A new parameter that resembles another must be referred to."""
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
            message = f"the document declares {type_of(declared[name])}, not {shown(value)}"
            yield Finding(path, message, "give a value of that type, or change the document")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
