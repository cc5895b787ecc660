"""A stage with its references replaced by values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stagewright.planner.values import Lookup
from stagewright.stages.base.schema import Defaults
from stagewright.stages.registry import AnyStage
from stagewright.syntax.fields import Model
from stagewright.syntax.references import render, sole_reference, text_of

UNRENDERED = frozenset(
    ("kind", "enabled", "after", "for_each", "description", "require", "otherwise", "pin", "cache", "retry")
)
"""Fields that do not reach a request, and conditions, which are rendered by their own rules."""


def rendered(stage: AnyStage, lookup: Lookup) -> AnyStage:
    """Return the stage with each reference replaced by `lookup(reference)`."""
    fields = {name: getattr(stage, name) for name in stage.model_fields_set - UNRENDERED}
    for name in fields.keys() & {*stage.folder_fields}:
        fields[name] = _folders(fields[name])
    values = {name: _rendered(value, lookup) for name, value in fields.items()}
    for name in values.keys() & {"arguments", "entrypoint"}:
        values[name] = _texts(values[name])
    return stage.model_copy(update=values)


def rendered_defaults(defaults: Defaults, lookup: Lookup) -> Defaults:
    """Return the document's defaults with each reference replaced by `lookup(reference)`."""
    values = {name: _rendered(getattr(defaults, name), lookup) for name in defaults.model_fields_set}
    return defaults.model_copy(update=values)


def environment_of(stage: AnyStage, defaults: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables of a rendered stage, on top of those of the document's `defaults`."""
    own = {key: text_of(value) for key, value in getattr(stage, "environment", {}).items()}
    return {**defaults, **own} if stage.takes_default_environment else own


def _rendered(value: Any, lookup: Lookup) -> Any:
    """Render a field. A model is rendered field by field."""
    if isinstance(value, Mapping) and any(isinstance(item, Model) for item in value.values()):
        return {key: _rendered(item, lookup) for key, item in value.items()}
    if not isinstance(value, Model):
        return render(value, lookup)
    fields = {name: _rendered(getattr(value, name), lookup) for name in value.model_fields_set}
    return value.model_copy(update=fields)


def _texts(values: Any) -> Any:
    """Return a list, or the values of a mapping, as text."""
    if isinstance(values, Mapping):
        return {name: text_of(value) for name, value in values.items()}
    return [text_of(value) for value in values]


def _folders(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _folders(item) for key, item in value.items()}
    if isinstance(value, Model):
        return value.model_copy(update={"uri": _folder(getattr(value, "uri", ""))})
    return _folder(value)


def _folder(uri: str) -> str:
    """Add a slash to a reference to an output: the S3 prefix `.../train` would also match `.../train-2/`."""
    reference = sole_reference(uri)
    return f"{uri}/" if reference and reference.path[2:3] == ("outputs",) else uri
