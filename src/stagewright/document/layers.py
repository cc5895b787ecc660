"""The layers of a document, and what they make together: base < environment < overrides.

The parameters of a trigger come on top, for one run (`spec.parameters`), and are part of no revision.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any, Literal

from stagewright.document.assignments import format_path, type_changes, unquoted
from stagewright.document.canonical_json import canonical_json, document_json, normalized, sha256_of
from stagewright.document.load import load
from stagewright.document.merge import ABSENT, leaves, merged, value_at, without
from stagewright.document.overlays import overlay_findings
from stagewright.document.overrides import guarded_findings, readable, shape_findings, value_findings
from stagewright.document.pipeline import Pipeline
from stagewright.document.stored_layers import Base, Overrides
from stagewright.errors import DocumentError, Problem
from stagewright.syntax.findings import Path, dotted, enclosing, problems

Layer = Literal["base", "environment", "overrides"]
LAYERS: tuple[Layer, ...] = ("base", "environment", "overrides")
TABLE_EDIT = "unknown (table edit)"
UNKNOWN = "unknown"
MEND = "mend it in the repository, and push"


@dataclass(frozen=True)
class Layers:
    """The layers of one pipeline's document as they are stored."""

    pipeline: str
    base: Base
    environment: Base | None = None
    overrides: Overrides = field(default_factory=Overrides)

    def data(self, layer: Layer) -> Mapping[str, Any]:
        """What one layer says. DocumentError where a pushed one is no JSON object."""
        match layer:
            case "base":
                return _parsed(self.base, "the stored document")
            case "environment":
                return _parsed(self.environment, "the stored overlay") if self.environment else {}
            case _:
                overrides: Mapping[str, Any] = unquoted(self.overrides.content)
                return overrides

    def document(self, top: Layer = "overrides") -> Mapping[str, Any]:
        """What the layers up to `top` make together, right or wrong."""
        document: Any = {}
        for layer in LAYERS[: LAYERS.index(top) + 1]:
            document = merged(document, self.data(layer))
        made: Mapping[str, Any] = document
        return made

    def source(self, path: Path) -> Layer:
        """The layer that has the last word about `path`."""
        return next(
            (layer for layer in reversed(LAYERS) if value_at(self.data(layer), path) is not ABSENT), "base"
        )

    @property
    def overrides_author(self) -> str:
        """Empty where nothing was ever overridden."""
        if not self.overrides.stored and not self.overrides.checksum:
            return ""
        sealed = self.overrides.checksum == checksum_of(self.overrides)
        return self.overrides.by if sealed and self.overrides.by else TABLE_EDIT

    @property
    def hashes(self) -> dict[str, Any]:
        """What a revision says of its layers: SHA-256 of each that is there, and the overrides' version."""
        content = self.overrides.content
        return {
            "base": sha256_of(self.base.document),
            "environment": sha256_of(self.environment.document) if self.environment else "",
            "overrides": content_hash(content) if content else "",
            "version": self.overrides.version,
        }


@dataclass(frozen=True)
class Effective:
    """A correct document, and the layers that it is made of."""

    pipeline: Pipeline
    layers: Layers


def pushed_layers(pipeline: Pipeline, overlay: Mapping[str, Any] | None = None, by: str = "") -> Layers:
    """As a push stores them: all but the overrides."""
    environment = stored_layer(canonical_json(normalized(overlay)), by) if overlay else None
    return Layers(pipeline.name, stored_layer(document_json(pipeline), by), environment)


def stored_layer(text: str, by: str = "", written: str = "") -> Base:
    return Base(text, sha256_of(text), written, by)


def effective(layers: Layers, code_allowed: Callable[[], bool], given: Collection[Path] = ()) -> Effective:
    """DocumentError carries every problem, each with the layer that brings it and the remedy.

    `code_allowed` says whether overrides may change what runs; it is asked only where they do. Of overrides
    that are being `given` just now, nothing is said about taking them back.
    """
    under = _pushed(layers)
    if not layers.overrides.content:
        return Effective(under, layers)
    return Effective(_overridden(layers, code_allowed, given), layers)


def checksum_of(overrides: Overrides) -> str:
    """Tells a hand edit from the write of a command. It protects from nobody: anyone can make one."""
    signed = [overrides.by, overrides.version, content_hash(overrides.content)]
    return sha256_of(canonical_json(signed))


def content_hash(content: Mapping[str, Any]) -> str:
    return sha256_of(canonical_json(readable(content)))


def author(layers: Layers, before: Mapping[str, Any], by: str) -> str:
    """Who made the document what it is: the authors of the layers that are not as `before`, a revision's
    layers, has them. `by` is whoever pushed, where a layer does not say."""
    now = layers.hashes
    pushed = [("base", layers.base), ("environment", layers.environment)]
    authors = [_pushed_by(layer, by) for name, layer in pushed if now[name] != before.get(name, "")]
    if now["overrides"] != before.get("overrides", ""):
        authors.append(layers.overrides_author or TABLE_EDIT)
    return ", ".join(dict.fromkeys(filter(None, authors))) or by or UNKNOWN


def _pushed_by(layer: Base | None, by: str) -> str:
    """Nobody is known to have removed a layer that is gone."""
    if layer is None:
        return by
    return layer.by or by or UNKNOWN if sha256_of(layer.document) == layer.sha256 else TABLE_EDIT


def _parsed(base: Base, what: str) -> Mapping[str, Any]:
    if not base.document:
        raise DocumentError((Problem("", f"{what} has no text attribute `document`", "push again"),))
    try:
        document = json.loads(base.document)
    except (ValueError, RecursionError) as error:
        raise DocumentError((Problem("", f"{what} is not JSON: {error}", "push again"),)) from None
    if not isinstance(document, dict):
        raise DocumentError((Problem("", f"{what} is not a JSON object", "push again"),))
    return document


def _pushed(layers: Layers) -> Pipeline:
    """What was pushed, without the overrides."""
    told = problems(overlay_findings(layers.document("base"), layers.data("environment")))
    what = "the environment's overlay"
    try:
        pipeline = load(layers.document("environment"))
    except DocumentError as error:
        told += _beside(error.problems, told)
        if not _is_right(layers, "base"):
            told, what = error.problems, "the base document"
    if told:
        raise DocumentError(tuple(_told(each, what, MEND) for each in told))
    if pipeline.name != layers.pipeline:
        message = f"the document is that of {pipeline.name}, and stored as {layers.pipeline}'s"
        raise DocumentError((Problem("name", message, "push it again"),))
    return pipeline


def _is_right(layers: Layers, top: Layer) -> bool:
    try:
        load(layers.document(top))
    except DocumentError:
        return False
    return True


def _beside(further: tuple[Problem, ...], told: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """What is not said of a place that something is said of already."""
    known = {each.path for each in told}
    return tuple(each for each in further if known.isdisjoint(enclosing(each.path)))


def _overridden(layers: Layers, code_allowed: Callable[[], bool], given: Collection[Path]) -> Pipeline:
    content = layers.data("overrides")
    if wrong := list(shape_findings(content)):
        raise _overrides_error(layers, problems(wrong), given)
    under = layers.document("environment")
    wrong = list(value_findings(under, content))
    # Without these the document says nothing that only follows from them.
    schema_errors = [each.path for each in wrong if value_at(under, each.path) is not ABSENT]
    guarded = list(guarded_findings(under, content))
    if guarded and not code_allowed():
        wrong += guarded
    told = problems(wrong)
    try:
        pipeline = load(merged(under, reduce(without, schema_errors, content)))
    except DocumentError as error:
        told += _beside(error.problems, told)
    told += _beside(problems(type_changes(under, layers.overrides.content)), told)
    if told:
        raise _overrides_error(layers, told, given)
    return pipeline


def _told(problem: Problem, what: str, remedy: str) -> Problem:
    told = "; ".join(each for each in (problem.remedy, remedy) if each)
    return replace(problem, message=f"{problem.message}, in {what}", remedy=told)


def _overrides_error(layers: Layers, wrong: tuple[Problem, ...], given: Collection[Path]) -> DocumentError:
    entries = _entries(layers.overrides.content)

    def told(problem: Problem) -> Problem:
        place = _override_at(entries, problem.path)
        if given and (not place or any(_related(dotted(path), problem.path) for path in given)):
            return problem
        place = place or "--all"
        return _told(problem, "the overrides", f"stagewright unset {layers.pipeline} {shlex.quote(place)}")

    return DocumentError(tuple(map(told, wrong)))


def _entries(content: Mapping[str, Any]) -> Mapping[str, tuple[str, bool]]:
    """Each place in `content` -> the first override that is at it or in it, and whether it is at it."""
    entries: dict[str, tuple[str, bool]] = {}
    for path, _ in leaves(content):
        own = dotted(path)
        for place in enclosing(own):
            entries.setdefault(place, (format_path(path), place == own))
    return entries


def _override_at(entries: Mapping[str, tuple[str, bool]], place: str) -> str:
    """The override that is at the dotted `place`, in it or around it; empty where there is none."""
    found = ((each, entries[each]) for each in enclosing(place) if each in entries)
    return next((override for each, (override, at) in found if at or each == place), "")


def _related(one: str, other: str) -> bool:
    return _within(one, other) or _within(other, one)


def _within(path: str, outer: str) -> bool:
    return path == outer or path.startswith((f"{outer}.", f"{outer}["))
