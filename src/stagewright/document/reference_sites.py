"""Reference sites: every text of a document, with the references that its field accepts."""

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
    """One text of the document.

    Fields:
        accepts: The references that its field accepts. None: the field accepts no references.
        stage: The stage that it belongs to. None: it is outside the stages.
    """

    path: Path
    text: str
    accepts: Accepts | None
    stage: str | None

    @property
    def field(self) -> str:
        """The field of the stage or of the document that contains the text."""
        return str(self.path[2] if self.stage else self.path[0])


def reference_sites(pipeline: Pipeline) -> Iterator[ReferenceSite]:
    """Yield every text of the document in its order, including `name` and the stages' `kind`."""
    for path, text, accepts in texts(pipeline):
        yield ReferenceSite(path, text, accepts, str(path[1]) if path[0] == "stages" else None)


@cache
def accepted_references(model: type[BaseModel]) -> Mapping[str, Accepts | None]:
    """Return field -> the references that it accepts."""
    return {
        name: next((item for item in field.metadata if isinstance(item, Accepts)), None)
        or _accepts(field.annotation)
        for name, field in model.model_fields.items()
    }


def texts(model: Model, path: Path = ()) -> Iterator[tuple[Path, str, Accepts | None]]:
    """Yield path, text and accepted references of every text in `model`."""
    accepted = accepted_references(type(model))
    for name, field in type(model).model_fields.items():
        if name in model.model_fields_set:
            yield from _texts(getattr(model, name), (*path, field.alias or name), accepted[name])


def _accepts(annotation: Any) -> Accepts | None:
    if get_origin(annotation) is Annotated:
        for item in annotation.__metadata__:
            if isinstance(item, Accepts):
                return item
    return next((accepts for part in get_args(annotation) if (accepts := _accepts(part))), None)


def _texts(value: Any, path: Path, accepts: Accepts | None) -> Iterator[tuple[Path, str, Accepts | None]]:
    match value:
        case str():
            yield path, value, accepts
        case Model():
            yield from texts(value, path)
        case Mapping():
            for key, item in value.items():
                yield from _texts(item, (*path, key), accepts)
        case list() | tuple():
            for index, item in enumerate(value):
                if isinstance(item, str):  # without a generator per item: `after` may name hundreds of stages
                    yield (*path, index), item, accepts
                else:
                    yield from _texts(item, (*path, index), accepts)
        case _:
            return
