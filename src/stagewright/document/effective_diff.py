"""What tells two documents apart, with what holds where one of them says nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import ValidationError

from stagewright.document.canonical_json import normalized
from stagewright.document.merge import ABSENT, Change, changes, value_at
from stagewright.document.pipeline import Pipeline
from stagewright.syntax.findings import Path

INHERITED = ("image", "instance_type")
"""What a stage takes from `defaults`; the image only where it serves no model, which has one."""


@dataclass(frozen=True)
class Default:
    """In place of a value that the document does not say."""

    value: Any


def differences(before: Any, after: Any) -> Iterator[Change]:
    """The changes, a Default in place of ABSENT wherever one holds there."""

    @cache  # read only where it is asked for, once
    def whole(is_before: bool) -> Mapping[str, Any]:
        return _whole(before if is_before else after)

    for change in changes(before, after):
        sides = (
            _standing(whole(is_before), change.path) if value is ABSENT else value
            for is_before, value in ((True, change.before), (False, change.after))
        )
        yield Change(change.path, *sides)


def _whole(document: Any) -> Mapping[str, Any]:
    """With every default; nothing where it is no document."""
    try:
        made: Mapping[str, Any] = Pipeline.model_validate(normalized(document)).model_dump(
            mode="json", by_alias=True
        )
    except ValidationError:
        return {}
    return made


def _standing(document: Mapping[str, Any], path: Path) -> Any:
    value = value_at(document, path)
    if value is None and len(path) == 3 and path[0] == "stages" and path[2] in INHERITED:
        serves = path[2] == "image" and value_at(document, (*path[:2], "model")) is not ABSENT
        value = ABSENT if serves else value_at(document, ("defaults", path[2]))
    return ABSENT if value is ABSENT or value is None or value in ("", [], {}) else Default(value)
