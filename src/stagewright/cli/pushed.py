"""What a run of a pipeline would be made of now, as it was pushed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stagewright.plan.release import Release
    from stagewright.run.gateway import Gateway
    from stagewright.spec.pipeline import Pipeline


def pushed(gateway: Gateway, name: str) -> tuple[Pipeline, Release]:
    """The effective document, and the code. NotFoundError: there is no such pipeline."""
    from stagewright.plan.release import Release
    from stagewright.run import layers
    from stagewright.run import manifest as manifests

    stored = layers.read(gateway, name)
    document = layers.effective(stored, partial(layers.code_allowed, gateway)).pipeline
    manifest = manifests.read(gateway, name)
    return document, manifest.release if manifest else Release(name, {})
