"""Read the layers of a pipeline's document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from stagewright.document.layers import Layers, pushed_layers
from stagewright.document.pipeline import Pipeline
from stagewright.errors import NotFoundError, TargetError
from stagewright.gateway import Gateway
from stagewright.parallel import run_parallel
from stagewright.syntax.findings import closest_match


def read(gateway: Gateway, pipeline: str) -> Layers:
    """Return the stored layers. Raises NotFoundError if the pipeline has no document."""
    reads: tuple[Callable[[str], Any], ...] = (
        gateway.documents.base,
        lambda name: gateway.documents.layer(name, "environment"),
        gateway.documents.overrides,
    )
    base, environment, overrides = run_parallel(lambda read: read(pipeline), reads)
    if base is None:
        remedy = _near(gateway, pipeline) or "push it first: stagewright push PATH"
        raise NotFoundError(f"no document of {pipeline} in {gateway.documents.table}", remedy)
    return Layers(pipeline, base, environment, overrides)


def _near(gateway: Gateway, pipeline: str) -> str:
    """Return a remedy for a misspelled name, "" if none is close or the caller must not list pipelines."""
    try:
        close = closest_match(pipeline, [name for name, _ in gateway.documents.layer_hashes("base")])
    except TargetError:
        return ""
    return f'did you mean "{close}"?' if close else ""


def on_disk(gateway: Gateway, pipeline: Pipeline, overlay: Mapping[str, Any]) -> Layers:
    """Return the layers as they would be after a push of `pipeline` and its overlay."""
    return replace(pushed_layers(pipeline, overlay), overrides=gateway.documents.overrides(pipeline.name))
