"""A document of a wrong shape, read on as it was most likely meant, so that everything else in it is judged.

A misspelt key or kind counts as the one that is near; what else is wrong is taken out, and nothing is said
that may only follow from its being gone.
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
from stagewright.document.schema_errors import SchemaError, schema_errors
from stagewright.syntax.findings import Finding, Path, closest_match
from stagewright.syntax.references import find_references

ROUNDS = 5
"""What is mended may show what is wrong within it; so often that is looked at."""
STAND_INS: Mapping[str, Any] = {
    "name": "unnamed",
    "stages": {"unnamed": {"kind": "gate", "require": "1 < 2"}},
}
"""In place of what no document can do without."""
RESTED_ON = ("parameters", "defaults")
"""What stages are judged by."""


class ErrorRecovery:
    """`data` as it is read on. `gone`: places that are not as they were meant; of what rests on them nothing
    is known. `renamed`: where a place is now -> where it was written."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data: Any = copy.deepcopy(data)
        self.gone: set[Path] = set()
        self.renamed: dict[Path, Path] = {}

    def findings(self, error: ValidationError) -> Iterator[Finding]:
        """All that is wrong: the shape, and what can be judged beside it."""
        told: set[Finding] = set()
        for _ in range(ROUNDS):
            wrong = [each for each in schema_errors(error, self.data) if each.finding not in told]
            new = [each for each in wrong if not self._is_left(each.finding.path)]
            self._mend(wrong)
            yield from (self._written(each.finding) for each in new if not self._is_mended(each))
            told.update(each.finding for each in wrong)
            self._stand_in()
            try:
                pipeline = Pipeline.model_validate(self.data)
            except ValidationError as further:
                error = further
                continue
            yield from map(self._written, self._further(pipeline))
            return

    def _mend(self, wrong: list[SchemaError]) -> None:
        for misfit in sorted(wrong, key=lambda each: each.what == "missing"):
            path = misfit.finding.path
            close = closest_match(str(_at(self.data, path)), misfit.known) if misfit.what == "word" else ""
            if self._is_mended(misfit):
                continue
            if misfit.what == "key":
                self._rename(path, misfit.known)
            elif close:
                _at(self.data, path[:-1])[path[-1]] = close
            elif misfit.what == "missing":
                self._take_out(path[:-1])
            else:
                self._take_out(path[:-1] if misfit.what == "word" else path)

    def _rename(self, path: Path, known: tuple[str, ...]) -> None:
        holder, written = _at(self.data, path[:-1]), str(path[-1])
        value, close = holder.pop(path[-1]), closest_match(written, known)
        if close and close not in holder:
            holder[close] = value
            self.renamed[*path[:-1], close] = path
            return
        self.gone.add(path)
        if len(path) == 1:  # perhaps one of these, under another name
            self.gone.update((field,) for field in RESTED_ON if field not in holder)

    def _take_out(self, path: Path) -> None:
        """The entry of a mapping; of a list the whole list, since its other entries would change places. In
        place of a wrong trigger another stands in."""
        if not path or _at(self.data, path) is ABSENT:
            return
        holder = _at(self.data, path[:-1])
        self.gone.add(path)
        if isinstance(holder, dict):
            del holder[path[-1]]
        elif path[:-1] == ("triggers",):
            holder[path[-1]] = {"type": "upstream", "pipeline": f"unnamed-{path[-1]}"}
        else:
            self._take_out(path[:-1])

    def _is_mended(self, misfit: SchemaError) -> bool:
        """A key that is there after all, under another name."""
        return misfit.what == "missing" and misfit.finding.path in self.renamed

    def _is_left(self, path: Path) -> bool:
        """Whether it is what the taking out of something in it has left, such as an empty mapping."""
        return any(gone[: len(path)] == path for gone in self.gone)

    def _stand_in(self) -> None:
        if isinstance(self.data, dict):
            self.data = {**STAND_INS, **{key: value for key, value in self.data.items() if value != {}}}

    def _further(self, pipeline: Pipeline) -> Iterator[Finding]:
        if ("stages",) in self.gone:
            return
        doubtful = frozenset(str(path[1]) for path in self.gone if path[0] == "stages")
        for found in check(pipeline, doubtful):
            if not self._may_follow(found.path):
                yield found

    def _may_follow(self, path: Path) -> bool:
        """Whether what is wrong at `path` may only follow from what was taken out."""
        if any(_related(path, gone) for gone in self.gone):
            return True
        if len(path) == 2 and any(gone[0] == "defaults" for gone in self.gone):
            return True
        text = _at(self.data, path)
        named = [reference.path for reference in find_references(text)] if isinstance(text, str) else []
        if path[0] == "triggers" and "parameters" in path:
            named.append(("parameters", str(path[-1])))
        return any(_related(each, gone) for each in named for gone in self.gone)

    def _written(self, found: Finding) -> Finding:
        """With the place as the document has it."""
        for now, before in self.renamed.items():
            if found.path[: len(now)] == now:
                return replace(found, path=(*before, *found.path[len(now) :]))
        return found


def _at(data: Any, path: Path) -> Any:
    for part in path:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return ABSENT
    return data


def _related(one: Path, other: Path) -> bool:
    """Whether one is the other, in it or around it."""
    length = min(len(one), len(other))
    return one[:length] == other[:length]
