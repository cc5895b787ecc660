"""Every place of a document where a reference may stand, and every reference there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel

from stagewright.document.pipeline import Pipeline
from stagewright.syntax.fields import Model, Takes
from stagewright.syntax.findings import Path


@dataclass(frozen=True)
class Use:
    """One text of the document: where, in which stage (None outside the stages), and what its field takes."""

    path: Path
    text: str
    takes: Takes | None
    stage: str | None

    @property
    def field(self) -> str:
        return str(self.path[2] if self.stage else self.path[0])


def uses(pipeline: Pipeline) -> Iterator[Use]:
    """All texts of the document, in its own order; `name` and the stages' `kind` too."""
    for path, text, takes in texts(pipeline):
        yield Use(path, text, takes, str(path[1]) if path[0] == "stages" else None)


@cache
def takes_of(model: type[BaseModel]) -> Mapping[str, Takes | None]:
    """Field -> which references it takes."""
    return {
        name: next((each for each in field.metadata if isinstance(each, Takes)), None)
        or _takes(field.annotation)
        for name, field in model.model_fields.items()
    }


def _takes(annotation: Any) -> Takes | None:
    if get_origin(annotation) is Annotated:
        for each in annotation.__metadata__:
            if isinstance(each, Takes):
                return each
    return next((found for part in get_args(annotation) if (found := _takes(part))), None)


def texts(model: Model, path: Path = ()) -> Iterator[tuple[Path, str, Takes | None]]:
    """Path, text, and what the field takes, of every text below `model`."""
    fields = takes_of(type(model))
    for name, field in type(model).model_fields.items():
        if name in model.model_fields_set:
            yield from _leaves(getattr(model, name), (*path, field.alias or name), fields[name])


def _leaves(value: Any, path: Path, takes: Takes | None) -> Iterator[tuple[Path, str, Takes | None]]:
    match value:
        case str():
            yield path, value, takes
        case Model():
            yield from texts(value, path)
        case Mapping():
            for key, each in value.items():
                yield from _leaves(each, (*path, key), takes)
        case list() | tuple():
            for index, each in enumerate(value):
                if isinstance(each, str):  # no generator of its own: `after` may name hundreds of stages
                    yield (*path, index), each, takes
                else:
                    yield from _leaves(each, (*path, index), takes)
        case _:
            return
