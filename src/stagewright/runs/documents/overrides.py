"""Change the overrides of a document.

The new document is checked before anything is written. A write fails if somebody else has changed the
overrides since they were read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from stagewright.document.assignments import (
    format_path,
    override_value,
    overrides_for,
    split_assignment,
    unquoted,
)
from stagewright.document.controls import forbidden_findings
from stagewright.document.effective_diff import differences
from stagewright.document.layers import Effective, Layers, checksum_of, content_hash, effective
from stagewright.document.load import load
from stagewright.document.merge import ABSENT, Change, changes, leaves, merged, nested, value_at, without
from stagewright.document.overrides import SECTIONS, readable, value_findings
from stagewright.document.stored_layers import Overrides
from stagewright.errors import DocumentError, Problem, TargetError
from stagewright.naming import timestamp
from stagewright.operator_gateway import OperatorGateway
from stagewright.runs.documents import layers, revisions
from stagewright.syntax.findings import LIKELY_TYPO, Finding, Path, closest_match, nearest, problems

ELSEWHERE = "revert the commit in the repository, and push"


@dataclass(frozen=True)
class OverridesChange:
    """The result of a change. If other overrides are still invalid, `problems` lists that, and there is no
    revision. `warnings` are new names that resemble an existing one.
    """

    pipeline: str
    version: int
    changes: tuple[Change, ...]
    revision: int | None
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()


def put(gateway: OperatorGateway, pipeline: str, texts: Sequence[str], by: str) -> OverridesChange:
    """Set overrides. Each text is PATH=VALUE. Raises DocumentError if the new document is invalid."""
    settings = [split_assignment(text) for text in texts]
    before = layers.read(gateway, pipeline)
    content = before.overrides.content
    pushed = before.document("environment")
    for path, text in settings:
        content = merged(without(content, path), nested(path, override_value(pushed, path, text)))
    document = _checked(gateway, before, content, [path for path, _ in settings])
    return replace(
        _write(gateway, before, content, by, document),
        warnings=tuple(warning for path, _ in settings if (warning := _typo_warning(pushed, path))),
    )


def remove(gateway: OperatorGateway, pipeline: str, paths: Sequence[Path], by: str) -> OverridesChange:
    """Remove overrides, all of them if `paths` is empty.

    Raises DocumentError if there is no such override, or if a valid document becomes invalid. An invalid
    document may stay invalid: it is fixed step by step.
    """
    before = layers.read(gateway, pipeline)
    content = before.overrides.content
    _require_overridden(content, paths)
    for path in paths:
        content = without(content, path)
    remaining: Mapping[str, Any] = content if paths else {}
    try:
        document = _checked(gateway, before, remaining)
    except DocumentError as error:
        if not find_problems(gateway, before):
            raise
        return replace(_write(gateway, before, remaining, by, None), problems=error.problems)
    return _write(gateway, before, remaining, by, document)


def roll_back(gateway: OperatorGateway, pipeline: str, number: int, by: str) -> OverridesChange:
    """Restore an earlier revision using overrides.

    Raises DocumentError with every difference that overrides must not change or cannot remove.
    """
    before = layers.read(gateway, pipeline)
    target = revisions.document(gateway, pipeline, number)
    pushed = before.document("environment")
    needed = tuple(changes(pushed, target))
    content = overrides_for(pushed, needed)
    if impossible := list(_impossible_changes(gateway, pushed, content, needed)):
        raise DocumentError(problems(impossible))
    return _write(gateway, before, content, by, _checked(gateway, before, content))


def find_problems(gateway: OperatorGateway, stored: Layers) -> tuple[Problem, ...]:
    """Return what makes the stored layers an invalid document."""
    try:
        effective(stored, gateway.allows_code_overrides)
    except DocumentError as error:
        return error.problems
    return ()


def _checked(
    gateway: OperatorGateway, before: Layers, content: Mapping[str, Any], assigned: Sequence[Path] = ()
) -> Effective:
    after = replace(before, overrides=replace(before.overrides, content=content))
    return effective(after, gateway.allows_code_overrides, assigned)


def _require_overridden(content: Mapping[str, Any], paths: Sequence[Path]) -> None:
    overridden = [format_path(path) for path, _ in leaves(content)] if content else []
    remedy = "there are no overrides"
    missing = [
        Finding(path, "is not overridden", nearest(format_path(path), overridden, "overridden") or remedy)
        for path in paths
        if value_at(content, path) is ABSENT
    ]
    if missing:
        raise DocumentError(problems(missing))


def _typo_warning(document: Mapping[str, Any], path: Path) -> str:
    """Return a warning if the path is new and resembles an existing one, else ""."""
    siblings = value_at(document, path[:-1])
    if not isinstance(siblings, Mapping) or path[-1] in siblings:
        return ""
    close = closest_match(str(path[-1]), siblings, LIKELY_TYPO)
    return f"{format_path(path)} is new: the document has {format_path((*path[:-1], close))}" if close else ""


def _impossible_changes(
    gateway: OperatorGateway, pushed: Mapping[str, Any], content: Mapping[str, Any], needed: Sequence[Change]
) -> Iterator[Finding]:
    """Yield the changes that overrides cannot make."""
    for change in needed:
        if change.path[0] not in SECTIONS:
            yield Finding(change.path, "overrides cannot change it", ELSEWHERE)
        elif change.after is ABSENT:
            yield Finding(
                change.path, "it is newer than the revision, and overrides cannot remove it", ELSEWHERE
            )
    sections = unquoted({name: content[name] for name in SECTIONS if name in content})
    forbidden = forbidden_findings(load(pushed), pushed, sections, gateway.allows_code_overrides)
    findings = [*value_findings(pushed, sections), *forbidden]
    yield from (replace(finding, remedy=ELSEWHERE) for finding in findings)


def _write(
    gateway: OperatorGateway,
    before: Layers,
    content: Mapping[str, Any],
    by: str,
    document: Effective | None,
) -> OverridesChange:
    """Write the overrides and a revision. `document` is the new document, None if it is still invalid."""
    stored = before.overrides
    after = replace(
        before, overrides=Overrides(content, stored.version + 1, by, timestamp(datetime.now(UTC)))
    )
    after = replace(after, overrides=replace(after.overrides, checksum=checksum_of(after.overrides)))
    changed = tuple(differences(readable(before.document()), readable(after.document())))
    if content_hash(content) == content_hash(stored.content):
        after = before
    elif not gateway.documents.put_overrides(before.pipeline, stored, after.overrides):
        message = f"somebody else has changed the overrides of {before.pipeline}; nothing was written"
        raise TargetError(message, f"look at stagewright config show {before.pipeline}, then try again")
    revision = revisions.record(gateway, replace(document, layers=after)) if document else None
    return OverridesChange(before.pipeline, after.overrides.version, changed, revision)
