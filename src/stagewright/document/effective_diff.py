"""Differences between two documents, including the defaults that apply where one has no value."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import ValidationError

from stagewright.document.assignments import format_path
from stagewright.document.canonical_json import normalized
from stagewright.document.merge import ABSENT, Change, changes, value_at
from stagewright.document.pipeline import Pipeline
from stagewright.syntax.findings import Path

INHERITED = ("image", "instance_type")
"""Fields that a stage takes from `defaults`. A stage that serves a model takes its image from the model."""


@dataclass(frozen=True)
class Default:
    """The default that applies where a document has no value."""

    value: Any


def format_change(change: Change) -> str:
    """`stages.train.max_runtime_seconds: 3600 (default) -> 1800`."""
    return f"{format_path(change.path)}: {format_value(change.before)} -> {format_value(change.after)}"


def format_value(value: Any) -> str:
    """A value of a change as JSON, `(nothing)` without a value."""
    if isinstance(value, Default):
        return f"{format_value(value.value)} (default)"
    return "(nothing)" if value is ABSENT else json.dumps(value, ensure_ascii=False)


def differences(before: Any, after: Any) -> Iterator[Change]:
    """Yield the changes. ABSENT becomes a Default wherever a default applies."""

    @cache  # built at most once per document, and only if a default is needed
    def complete(is_before: bool) -> Mapping[str, Any]:
        return _complete(before if is_before else after)

    for change in changes(before, after):
        sides = (
            _default(complete(is_before), change.path) if value is ABSENT else value
            for is_before, value in ((True, change.before), (False, change.after))
        )
        yield Change(change.path, *sides)


def _complete(document: Any) -> Mapping[str, Any]:
    """Return the document with every default, or an empty mapping for an invalid document."""
    try:
        complete: Mapping[str, Any] = Pipeline.model_validate(normalized(document)).model_dump(
            mode="json", by_alias=True
        )
    except ValidationError:
        return {}
    return complete


def _default(document: Mapping[str, Any], path: Path) -> Any:
    value = value_at(document, path)
    if value is None and len(path) == 3 and path[0] == "stages" and path[2] in INHERITED:
        serves = path[2] == "image" and value_at(document, (*path[:2], "model")) is not ABSENT
        value = ABSENT if serves else value_at(document, ("defaults", path[2]))
    return ABSENT if value is ABSENT or value is None or value in ("", [], {}) else Default(value)
