"""`${...}` references: parsing and rendering.

A string that consists of one reference takes the type of the referenced value. A reference inside a longer
string becomes part of that string. `$${` stands for a literal `${`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from stagewright.syntax.fields import Known, Scalar, ValueType

ALL = "all"
"""The word of a reference to all instances of a stage: `${stages.train.all.model}`."""
_TOKEN = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")


@dataclass(frozen=True)
class Reference:
    """A reference. `text`: as written, `${...}`. `path`: its words, such as ("stages", "train", "model")."""

    text: str
    path: tuple[str, ...]

    @property
    def stage(self) -> str | None:
        """The stage whose result is referenced, or None."""
        return self.path[1] if self._names_stage and not self.gathered else None

    @property
    def gathered(self) -> str | None:
        """The stage whose instances are referenced together: `${stages.train.all.model}`. None: no such."""
        return self.path[1] if self._names_stage and self.path[2:3] == (ALL,) else None

    @property
    def _names_stage(self) -> bool:
        return self.path[0] == "stages" and len(self.path) > 1

    @property
    def of_champion(self) -> bool:
        """Whether this is a value of the champion: the newest approved model version."""
        return self.path[0] == "champion"


@dataclass(frozen=True)
class Meaning:
    """The type of a reference's value, and when it is known. `sample`: an example, for checking formats."""

    type: ValueType
    known: Known
    sample: Scalar


def find_references(text: str) -> list[Reference]:
    """Return every well-formed reference in `text`, in order. Escaped references (`$${`) do not count."""
    return [_reference(match) for match in _TOKEN.finditer(text) if match[1] is not None]


def unclosed(text: str) -> bool:
    """Return whether a `${` in `text` has no closing `}`."""
    return any(match[0] == "${" for match in _TOKEN.finditer(text))


def sole_reference(text: str) -> Reference | None:
    """Return the reference that is the whole of `text`, or None."""
    match = _TOKEN.fullmatch(text)
    return _reference(match) if match and match[1] is not None else None


def source_of(model: str) -> Literal["package", "artifact", "model"]:
    """Return what a `model` field names: a model package, a model artifact or a SageMaker model."""
    reference = sole_reference(model)
    if reference:
        last = reference.path[-1] if reference.stage or reference.path[0] == "trigger" else ""
        return "package" if last == "package" else "model" if last == "name" else "artifact"
    if model.startswith("arn:"):
        return "package"
    return "artifact" if model.startswith("s3://") or "${" in model else "model"


def escape(text: str) -> str:
    """Escape `text`, so that a document renders it unchanged."""
    return text.replace("${", "$${")


def render(value: Any, lookup: Callable[[Reference], Any]) -> Any:
    """Return a JSON value with each reference replaced by `lookup(reference)`. Keys are not rendered.

    A string that is one reference takes the type of its value. Raises TypeError if a reference inside a
    longer string has a value that is not a string, number or boolean.
    """
    match value:
        case str():
            return _render_text(value, lookup)
        case Mapping():
            return {key: render(item, lookup) for key, item in value.items()}
        case list() | tuple():
            return [render(item, lookup) for item in value]
        case _:
            return value


def rewrite(text: str, change: Callable[[Reference], Any]) -> Any:
    """Return `text` with each reference replaced by `change(reference)`, still to be rendered.

    A text that is one reference takes the type of its replacement. Escaped references stay escaped.
    """
    if reference := sole_reference(text):
        return change(reference)

    def replace(match: re.Match[str]) -> str:
        return match[0] if match[1] is None else text_of(change(_reference(match)))

    return _TOKEN.sub(replace, text)


def text_of(value: Any) -> str:
    """Return a scalar as text: `true`, `0.88`, `300`, or the string itself. Raises TypeError otherwise."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    raise TypeError(f"a {type(value).__name__} cannot be part of a text")


def _reference(match: re.Match[str]) -> Reference:
    return Reference(match[0], tuple(match[1].split(".")))


def _render_text(text: str, lookup: Callable[[Reference], Any]) -> Any:
    if "${" not in text:
        return text
    if reference := sole_reference(text):
        return lookup(reference)

    def replace(match: re.Match[str]) -> str:
        return match[0].removeprefix("$") if match[1] is None else text_of(lookup(_reference(match)))

    return _TOKEN.sub(replace, text)
