"""What `plan` and `run` are asked for on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stagewright.cli import documents, environments, overlays
from stagewright.cli.target import environment_of

if TYPE_CHECKING:
    from stagewright.cli.launch import Source
    from stagewright.cli.target import Session
    from stagewright.plan.selection import Selection
    from stagewright.spec.model import Scalar
    from stagewright.spec.pipeline import Pipeline


def read(place: str, given: Sequence[str], target: str) -> tuple[Source, dict[str, Scalar]]:
    """The document, and what -p gives of its parameters, without contacting anybody."""
    from stagewright.cli.launch import Source

    source = Source.read(documents.path_of(place))
    overlays.warn(source.path)
    return source, documents.parameters(source.in_environment(environment_of(target)), given)


def selected(
    session: Session, source: Source, only: Sequence[str], start: Sequence[str], skip: Sequence[str]
) -> tuple[Pipeline, Selection]:
    """The document as it is in effect there, and which of its stages are meant."""
    from stagewright.cli.launch import effective

    pipeline = effective(session, source)
    environments.warn(session, pipeline)
    return pipeline, documents.selection(pipeline, only, start, skip)
