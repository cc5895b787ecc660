"""`${...}` references: how they are written, which exist, and what each stands for.

A text that is one reference and nothing else takes the value's own type; a reference inside a longer text
becomes part of the text. `$${` stands for a literal `${`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from stagewright.syntax.fields import Known, Scalar, ValueType

_TOKEN = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")


@dataclass(frozen=True)
class Reference:
    """`text` as written, `${` and `}` included; `path` its words: ("stages", "train", "model")."""

    text: str
    path: tuple[str, ...]

    @property
    def stage(self) -> str | None:
        """The stage whose result is meant, if one is."""
        return self.path[1] if self.path[0] == "stages" and len(self.path) > 1 else None

    @property
    def of_champion(self) -> bool:
        return self.path[0] == "champion"


@dataclass(frozen=True)
class Meaning:
    """What a reference stands for. `sample`: a value of the right form, for checking where it is used."""

    type: ValueType
    known: Known
    sample: Scalar


def find_references(text: str) -> list[Reference]:
    """Every well-formed reference in `text`, in order; what `$${` escapes is none."""
    return [_reference(match) for match in _TOKEN.finditer(text) if match[1] is not None]


def unclosed(text: str) -> bool:
    """Whether a `${` in `text` has no `}` of its own."""
    return any(match[0] == "${" for match in _TOKEN.finditer(text))


def sole_reference(text: str) -> Reference | None:
    """The reference that `text` consists of, if it is one and nothing else."""
    match = _TOKEN.fullmatch(text)
    return _reference(match) if match and match[1] is not None else None


def source_of(model: str) -> Literal["package", "artifact", "model"]:
    """What a field that says what is served names: judged by how it is written."""
    reference = sole_reference(model)
    if reference:
        last = reference.path[-1] if reference.stage or reference.path[0] == "trigger" else ""
        return "package" if last == "package" else "model" if last == "name" else "artifact"
    if model.startswith("arn:"):
        return "package"
    return "artifact" if model.startswith("s3://") or "${" in model else "model"


def escape(text: str) -> str:
    """`text` as a document writes it to mean exactly this text."""
    return text.replace("${", "$${")


def render(value: Any, lookup: Callable[[Reference], Any]) -> Any:
    """`value` (any JSON value) with each reference replaced by `lookup` of it; keys of mappings stay.

    A whole-value reference keeps the type of what it stands for. One inside a longer text must stand for
    text, a number or a flag: a TypeError otherwise.
    """
    match value:
        case str():
            return _render_text(value, lookup)
        case Mapping():
            return {key: render(each, lookup) for key, each in value.items()}
        case list() | tuple():
            return [render(each, lookup) for each in value]
        case _:
            return value


def text_of(value: Any) -> str:
    """A scalar as it stands inside a text: `true`, `0.88`, `300`, or the text itself."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    raise TypeError(f"{type(value).__name__} cannot stand inside a text")


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
