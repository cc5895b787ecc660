"""The options of `plan` and `run`, resolved against the document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stagewright.api import documents, local_images, notes, overlays
from stagewright.api.target import environment_of

if TYPE_CHECKING:
    from stagewright.api.source import Source
    from stagewright.api.target import Session
    from stagewright.document.layers import Effective
    from stagewright.document.pipeline import Pipeline
    from stagewright.operator_gateway import OperatorGateway
    from stagewright.planner.release import Release
    from stagewright.planner.selection import Selection
    from stagewright.syntax.fields import Scalar


def read(argument: str, assignments: Sequence[str], target: str) -> tuple[Source, dict[str, Scalar]]:
    """Read the document that `argument` names and the values of `-p`. Contacts no target."""
    from stagewright.api.source import Source
    from stagewright.document.parameters import with_parameters

    source = Source.read(documents.path_of(argument))
    overlays.warn(source.path)
    pipeline = source.in_environment(environment_of(target))
    parameters = documents.parse_parameters(pipeline, assignments)
    warn_of_code(source, with_parameters(pipeline, parameters))
    return source, parameters


def warn_of_code(source: Source, pipeline: Pipeline) -> None:
    """Report the warnings about the code. DocumentError: a job surely fails."""
    for problem in source.check(pipeline):
        notes.warn(str(problem))


def selected(
    session: Session,
    source: Source,
    only: Sequence[str],
    start: Sequence[str],
    skip: Sequence[str],
    bypass: Sequence[str],
    reason: str,
) -> tuple[Effective, Selection]:
    """The effective document in the target, and the stages that the options select."""
    from stagewright.api.source import effective

    document = effective(session, source)
    local_images.warn(session, document.pipeline)
    return document, documents.parse_selection(document.pipeline, only, start, skip, bypass, reason)


def pushed(gateway: OperatorGateway, name: str) -> tuple[Effective, Release]:
    """Effective document and release of the last push.

    NotFoundError: the target has no such pipeline. ReleaseError: its stored document was not pushed.
    """
    from stagewright.document.layers import effective
    from stagewright.runs.releases import released_layers

    manifest, stored = released_layers.read_current(gateway, name)
    return effective(stored, gateway.allows_code_overrides), manifest.release
