"""The layers of a document: base < environment < overrides. Together they make the effective document.

The parameters of a trigger apply on top, for one run (see `parameters`). They are not part of a revision.
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
from stagewright.document.controls import dependency_findings, forbidden_findings, reviewed_parameters
from stagewright.document.load import load
from stagewright.document.merge import ABSENT, leaves, merged, value_at, without
from stagewright.document.overlays import overlay_findings
from stagewright.document.overrides import readable, shape_findings, value_findings
from stagewright.document.pipeline import Pipeline
from stagewright.document.stored_layers import Base, Overrides
from stagewright.errors import DocumentError, Problem
from stagewright.syntax.findings import Path, dotted, enclosing, is_within, problems

Layer = Literal["base", "environment", "overrides"]
LAYERS: tuple[Layer, ...] = ("base", "environment", "overrides")
TABLE_EDIT = "unknown (table edit)"
UNKNOWN = "unknown"
FIX_REMEDY = "fix it in the repository and push"


@dataclass(frozen=True)
class Layers:
    """The stored layers of one pipeline's document."""

    pipeline: str
    base: Base
    environment: Base | None = None
    overrides: Overrides = field(default_factory=Overrides)

    def data(self, layer: Layer) -> Mapping[str, Any]:
        """Return the content of one layer. Raises DocumentError if a pushed layer is not a JSON object."""
        match layer:
            case "base":
                return _parsed(self.base, "the stored document")
            case "environment":
                return _parsed(self.environment, "the stored overlay") if self.environment else {}
            case _:
                overrides: Mapping[str, Any] = unquoted(self.overrides.content)
                return overrides

    def document(self, top: Layer = "overrides") -> Mapping[str, Any]:
        """Return the layers up to `top`, merged. The result may be invalid."""
        document: Any = {}
        for layer in LAYERS[: LAYERS.index(top) + 1]:
            document = merged(document, self.data(layer))
        merged_layers: Mapping[str, Any] = document
        return merged_layers

    def source(self, path: Path) -> Layer:
        """Return the topmost layer that has a value at `path`."""
        return next(
            (layer for layer in reversed(LAYERS) if value_at(self.data(layer), path) is not ABSENT), "base"
        )

    @property
    def overrides_author(self) -> str:
        """The author of the last write to the overrides, or "" if there never were any."""
        if not self.overrides.stored and not self.overrides.checksum:
            return ""
        by_command = self.overrides.checksum == checksum_of(self.overrides)
        return self.overrides.by if by_command and self.overrides.by else TABLE_EDIT

    @property
    def hashes(self) -> dict[str, Any]:
        """What a revision records of its layers: the SHA-256 of each, and the version of the overrides."""
        content = self.overrides.content
        return {
            "base": sha256_of(self.base.document),
            "environment": sha256_of(self.environment.document) if self.environment else "",
            "overrides": content_hash(content) if content else "",
            "version": self.overrides.version,
        }


@dataclass(frozen=True)
class Effective:
    """A valid document, and its layers.

    `reviewed`: the pushed values of the parameters that gates read and overrides changed.
    """

    pipeline: Pipeline
    layers: Layers
    reviewed: Mapping[str, Any] = field(default_factory=dict)


def pushed_layers(pipeline: Pipeline, overlay: Mapping[str, Any] | None = None, by: str = "") -> Layers:
    """Return the layers that a push stores: base and environment."""
    environment = stored_layer(canonical_json(normalized(overlay)), by) if overlay else None
    return Layers(pipeline.name, stored_layer(document_json(pipeline), by), environment)


def stored_layer(text: str, by: str = "", written: str = "") -> Base:
    """Return a layer with this JSON text."""
    return Base(text, sha256_of(text), written, by)


def effective(
    layers: Layers, code_allowed: Callable[[], bool], new_overrides: Collection[Path] = ()
) -> Effective:
    """Return the effective document.

    Args:
        code_allowed: Returns whether overrides may change guarded fields. Called only if they do.
        new_overrides: Paths that a command is about to override. Their problems have no remedy to unset them.

    Raises DocumentError with every problem, and with the layer and the remedy of each.
    """
    under = _pushed(layers)
    if not layers.overrides.content:
        return Effective(under, layers)
    pipeline = _overridden(layers, under, code_allowed, new_overrides)
    return Effective(pipeline, layers, reviewed_parameters(under, pipeline))


def checksum_of(overrides: Overrides) -> str:
    """Return the checksum that a command writes. It reveals edits in the table; it does not prevent them."""
    signed = [overrides.by, overrides.version, content_hash(overrides.content)]
    return sha256_of(canonical_json(signed))


def content_hash(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the content of overrides."""
    return sha256_of(canonical_json(readable(content)))


def author(layers: Layers, before: Mapping[str, Any], by: str) -> str:
    """Return the authors of the layers that changed since a revision.

    `before`: the `hashes` of that revision. `by`: the author of the push, used for layers without an author.
    """
    now = layers.hashes
    pushed = [("base", layers.base), ("environment", layers.environment)]
    authors = [_pushed_by(layer, by) for name, layer in pushed if now[name] != before.get(name, "")]
    if now["overrides"] != before.get("overrides", ""):
        authors.append(layers.overrides_author or TABLE_EDIT)
    return ", ".join(dict.fromkeys(filter(None, authors))) or by or UNKNOWN


def _pushed_by(layer: Base | None, by: str) -> str:
    """Return the author of a pushed layer. The author of a removal is not recorded, so it is `by`."""
    if layer is None:
        return by
    return layer.by or by or UNKNOWN if sha256_of(layer.document) == layer.sha256 else TABLE_EDIT


def _parsed(base: Base, what: str) -> Mapping[str, Any]:
    if not base.document:
        raise DocumentError((Problem("", f"{what} has no string attribute `document`", "push again"),))
    try:
        document = json.loads(base.document)
    except (ValueError, RecursionError) as error:
        raise DocumentError((Problem("", f"{what} is not JSON: {error}", "push again"),)) from None
    if not isinstance(document, dict):
        raise DocumentError((Problem("", f"{what} is not a JSON object", "push again"),))
    return document


def _pushed(layers: Layers) -> Pipeline:
    """Return the pushed document: base and environment."""
    wrong = problems(overlay_findings(layers.document("base"), layers.data("environment")))
    what = "the environment's overlay"
    try:
        pipeline = load(layers.document("environment"))
    except DocumentError as error:
        wrong += _elsewhere(error.problems, wrong)
        if not _is_valid(layers, "base"):
            wrong, what = error.problems, "the base document"
    if wrong:
        raise DocumentError(tuple(_located(problem, what, FIX_REMEDY) for problem in wrong))
    if pipeline.name != layers.pipeline:
        message = f"the document of {pipeline.name} is stored under {layers.pipeline}"
        raise DocumentError((Problem("name", message, "push it again"),))
    return pipeline


def _is_valid(layers: Layers, top: Layer) -> bool:
    try:
        load(layers.document(top))
    except DocumentError:
        return False
    return True


def _elsewhere(further: tuple[Problem, ...], reported: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """Return the further problems, without those inside a path that has been reported."""
    paths = {problem.path for problem in reported}
    return tuple(problem for problem in further if paths.isdisjoint(enclosing(problem.path)))


def _overridden(
    layers: Layers, pushed: Pipeline, code_allowed: Callable[[], bool], new: Collection[Path]
) -> Pipeline:
    content = layers.data("overrides")
    if findings := list(shape_findings(content)):
        raise _overrides_error(layers, problems(findings), new)
    under = layers.document("environment")
    findings = list(value_findings(under, content))
    # The document is checked without these, so that their consequences are not reported too.
    schema_errors = [finding.path for finding in findings if value_at(under, finding.path) is not ABSENT]
    findings += forbidden_findings(pushed, under, content, code_allowed)
    wrong = problems(findings)
    try:
        pipeline = load(merged(under, reduce(without, schema_errors, content)))
        wrong += problems([] if wrong else dependency_findings(pushed, pipeline))
    except DocumentError as error:
        wrong += _elsewhere(error.problems, wrong)
    wrong += _elsewhere(problems(type_changes(under, layers.overrides.content)), wrong)
    if wrong:
        raise _overrides_error(layers, wrong, new)
    return pipeline


def _located(problem: Problem, what: str, remedy: str) -> Problem:
    """Add the layer and a remedy to a problem."""
    remedies = "; ".join(filter(None, (problem.remedy, remedy)))
    return replace(problem, message=f"{problem.message}, in {what}", remedy=remedies)


def _overrides_error(layers: Layers, wrong: tuple[Problem, ...], new: Collection[Path]) -> DocumentError:
    entries = _entries(layers.overrides.content)

    def located(problem: Problem) -> Problem:
        override = _override_at(entries, problem.path)
        if new and (not override or any(_related(dotted(path), problem.path) for path in new)):
            return problem
        remedy = f"stagewright unset {layers.pipeline} {shlex.quote(override or '--all')}"
        return _located(problem, "the overrides", remedy)

    return DocumentError(tuple(map(located, wrong)))


def _entries(content: Mapping[str, Any]) -> Mapping[str, tuple[str, bool]]:
    """Return path -> the first override at it or inside it, and whether that override is at the path
    itself."""
    entries: dict[str, tuple[str, bool]] = {}
    for path, _ in leaves(content):
        own = dotted(path)
        for outer in enclosing(own):
            entries.setdefault(outer, (format_path(path), outer == own))
    return entries


def _override_at(entries: Mapping[str, tuple[str, bool]], path: str) -> str:
    """Return the override at the dotted `path`, inside it or around it, or "" if there is none."""
    candidates = ((outer, entries[outer]) for outer in enclosing(path) if outer in entries)
    return next((override for outer, (override, exact) in candidates if exact or outer == path), "")


def _related(one: str, other: str) -> bool:
    return is_within(one, other) or is_within(other, one)
