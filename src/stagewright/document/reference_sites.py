"""Every place of a document where a reference may stand, and every reference there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel

from stagewright.document.pipeline import Pipeline
from stagewright.syntax.fields import Accepts, Model
from stagewright.syntax.findings import Path


@dataclass(frozen=True)
class ReferenceSite:
    """One text of the document: where, in which stage (None outside the stages), and what its field takes."""

    path: Path
    text: str
    takes: Accepts | None
    stage: str | None

    @property
    def field(self) -> str:
        return str(self.path[2] if self.stage else self.path[0])


def reference_sites(pipeline: Pipeline) -> Iterator[ReferenceSite]:
    """All texts of the document, in its own order; `name` and the stages' `kind` too."""
    for path, text, takes in texts(pipeline):
        yield ReferenceSite(path, text, takes, str(path[1]) if path[0] == "stages" else None)


@cache
def accepted_references(model: type[BaseModel]) -> Mapping[str, Accepts | None]:
    """Field -> which references it takes."""
    return {
        name: next((each for each in field.metadata if isinstance(each, Accepts)), None)
        or _takes(field.annotation)
        for name, field in model.model_fields.items()
    }


def _takes(annotation: Any) -> Accepts | None:
    if get_origin(annotation) is Annotated:
        for each in annotation.__metadata__:
            if isinstance(each, Accepts):
                return each
    return next((found for part in get_args(annotation) if (found := _takes(part))), None)


def texts(model: Model, path: Path = ()) -> Iterator[tuple[Path, str, Accepts | None]]:
    """Path, text, and what the field takes, of every text below `model`."""
    fields = accepted_references(type(model))
    for name, field in type(model).model_fields.items():
        if name in model.model_fields_set:
            yield from _leaves(getattr(model, name), (*path, field.alias or name), fields[name])


def _leaves(value: Any, path: Path, takes: Accepts | None) -> Iterator[tuple[Path, str, Accepts | None]]:
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
