"""Error recovery: find the other problems of a document whose schema is invalid.

A misspelled key or kind is replaced by the closest known one. Any other invalid value is removed. Problems
that may be mere consequences of a removal are not reported.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from stagewright.document.checks import check
from stagewright.document.merge import ABSENT
from stagewright.document.pipeline import Pipeline
from stagewright.document.reference_values import EACH
from stagewright.document.schema_errors import SchemaError, schema_errors
from stagewright.syntax.findings import Finding, Path, closest_match
from stagewright.syntax.references import find_references

ROUNDS = 5
"""Maximum passes. A corrected value may reveal problems inside it."""
PLACEHOLDERS: Mapping[str, Any] = {
    "name": "unnamed",
    "stages": {"unnamed": {"kind": "gate", "require": "1 < 2"}},
}
"""Values for missing required fields."""
USED_BY_STAGES = ("parameters", "defaults", "lists")
"""Fields of the document that affect the checks of stages."""


class ErrorRecovery:
    """A copy of an invalid document that is corrected step by step.

    Fields:
        data: The corrected document.
        removed: Paths that were removed. Nothing is known about values that depend on them.
        renamed: Path in the corrected document -> path in the original.
    """

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data: Any = copy.deepcopy(data)
        self.removed: set[Path] = set()
        self.renamed: dict[Path, Path] = {}

    def findings(self, error: ValidationError) -> Iterator[Finding]:
        """Yield all problems: those of the schema, and those of the checks that are still possible."""
        reported: set[Finding] = set()
        for _ in range(ROUNDS):
            errors = [item for item in schema_errors(error, self.data) if item.finding not in reported]
            new = [item for item in errors if not self._is_remainder(item.finding.path)]
            self._correct(errors)
            yield from (self._original(item.finding) for item in new if not self._is_renamed(item))
            reported.update(item.finding for item in errors)
            self._fill_in()
            try:
                pipeline = Pipeline.model_validate(self.data)
            except ValidationError as next_error:
                error = next_error
                continue
            yield from map(self._original, self._checked(pipeline))
            return

    def _correct(self, errors: list[SchemaError]) -> None:
        for item in sorted(errors, key=lambda item: item.what == "missing"):
            path = item.finding.path
            close = closest_match(str(_at(self.data, path)), item.known) if item.what == "word" else ""
            if self._is_renamed(item):
                continue
            if item.what == "key":
                self._rename(path, item.known)
            elif close:
                _at(self.data, path[:-1])[path[-1]] = close
            elif item.what == "missing":
                self._remove(path[:-1])
            else:
                self._remove(path[:-1] if item.what == "word" else path)

    def _rename(self, path: Path, known: tuple[str, ...]) -> None:
        parent, key = _at(self.data, path[:-1]), str(path[-1])
        value, close = parent.pop(path[-1]), closest_match(key, known)
        if close and close not in parent:
            parent[close] = value
            self.renamed[*path[:-1], close] = path
            return
        self.removed.add(path)
        if len(path) == 1:  # the unknown key may stand for one of these
            self.removed.update((field,) for field in USED_BY_STAGES if field not in parent)

    def _remove(self, path: Path) -> None:
        """Remove a value. A trigger is replaced, and another list is removed as a whole, to keep indexes."""
        if not path or _at(self.data, path) is ABSENT:
            return
        parent = _at(self.data, path[:-1])
        self.removed.add(path)
        if isinstance(parent, dict):
            del parent[path[-1]]
        elif path[:-1] == ("triggers",):
            parent[path[-1]] = {"type": "upstream", "pipeline": f"unnamed-{path[-1]}"}
        else:
            self._remove(path[:-1])

    def _is_renamed(self, error: SchemaError) -> bool:
        """Return whether a missing key exists under a misspelled name."""
        return error.what == "missing" and error.finding.path in self.renamed

    def _is_remainder(self, path: Path) -> bool:
        """Return whether `path` is what a removal left, such as an empty mapping."""
        return any(removed[: len(path)] == path for removed in self.removed)

    def _fill_in(self) -> None:
        if isinstance(self.data, dict):
            present = {key: value for key, value in self.data.items() if value != {}}
            self.data = {**PLACEHOLDERS, **present}

    def _checked(self, pipeline: Pipeline) -> Iterator[Finding]:
        if ("stages",) in self.removed:
            return
        set_aside = frozenset(str(path[1]) for path in self.removed if path[0] == "stages")
        for finding in check(pipeline, set_aside):
            if not self._may_be_consequence(finding.path):
                yield finding

    def _may_be_consequence(self, path: Path) -> bool:
        """Return whether a problem at `path` may result from a removal."""
        if any(_related(path, removed) for removed in self.removed):
            return True
        if len(path) == 2 and any(removed[0] == "defaults" for removed in self.removed):
            return True
        text = _at(self.data, path)
        used = [reference.path for reference in find_references(text)] if isinstance(text, str) else []
        if path[-1] == "for_each" or any(used_path[0] == EACH for used_path in used):
            used.append(("lists",))
        if path[0] == "triggers" and "parameters" in path:
            used.append(("parameters", str(path[-1])))
        return any(_related(used_path, removed) for used_path in used for removed in self.removed)

    def _original(self, finding: Finding) -> Finding:
        """Return the finding with its path in the original document."""
        for path, original in self.renamed.items():
            if finding.path[: len(path)] == path:
                return replace(finding, path=(*original, *finding.path[len(path) :]))
        return finding


def _at(data: Any, path: Path) -> Any:
    for part in path:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return ABSENT
    return data


def _related(one: Path, other: Path) -> bool:
    """Return whether the paths are equal, or one contains the other."""
    length = min(len(one), len(other))
    return one[:length] == other[:length]
