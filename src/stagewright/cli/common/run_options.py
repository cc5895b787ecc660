"""What `plan` and `run` are asked for on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stagewright.cli.common import documents, environments, overlays
from stagewright.cli.common.target import environment_of

if TYPE_CHECKING:
    from stagewright.cli.common.launch import Source
    from stagewright.cli.common.target import Session
    from stagewright.document.pipeline import Pipeline
    from stagewright.operator_gateway import OperatorGateway
    from stagewright.planner.release import Release
    from stagewright.planner.selection import Selection
    from stagewright.syntax.fields import Scalar


def read(place: str, given: Sequence[str], target: str) -> tuple[Source, dict[str, Scalar]]:
    """The document, and what -p gives of its parameters, without contacting anybody."""
    from stagewright.cli.common.launch import Source

    source = Source.read(documents.path_of(place))
    overlays.warn(source.path)
    return source, documents.parse_parameters(source.in_environment(environment_of(target)), given)


def selected(
    session: Session, source: Source, only: Sequence[str], start: Sequence[str], skip: Sequence[str]
) -> tuple[Pipeline, Selection]:
    """The document as it is in effect there, and which of its stages are meant."""
    from stagewright.cli.common.launch import effective

    pipeline = effective(session, source)
    environments.warn(session, pipeline)
    return pipeline, documents.parse_selection(pipeline, only, start, skip)


def pushed(gateway: OperatorGateway, name: str) -> tuple[Pipeline, Release]:
    """The effective document, and the code. NotFoundError: there is no such pipeline."""
    from stagewright.document.layers import effective
    from stagewright.planner.release import Release
    from stagewright.runs.documents import layers
    from stagewright.runs.releases import manifest as manifests

    stored = layers.read(gateway, name)
    document = effective(stored, gateway.allows_code_overrides).pipeline
    manifest = manifests.read(gateway, name)
    return document, manifest.release if manifest else Release(name, {})
