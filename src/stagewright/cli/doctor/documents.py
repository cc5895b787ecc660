"""Whether the region and the account have what the documents ask for: images, instances."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from stagewright.catalog import images
from stagewright.cli.doctor.check import Probe
from stagewright.cli.doctor.installation import Place
from stagewright.document import layers
from stagewright.document.pipeline import Pipeline
from stagewright.errors import DocumentError, PlanError
from stagewright.runs.documents import layers as layers_layers
from stagewright.stages.registry import KINDS

FIXED = "${"
"""A value with a reference is known when a run is planned, which looks at the quotas as well."""


def probes(place: Place) -> Iterator[Probe]:
    for name in place.gateway.documents.pipelines():
        remedy = f"`stagewright config show {name}` shows it; correct it and push again"
        yield Probe(f"document {name}", partial(_document, place, name), remedy, needed=False)
    if not place.local:
        remedy = "ask for more in Service Quotas, or for other instance types in the documents"
        yield Probe("quotas", partial(_quotas, place), remedy, needed=False, good="enough for every stage")


def _document(place: Place, name: str) -> Iterator[str]:
    try:
        pipeline = _pipeline(place, name)
    except DocumentError as error:
        yield from (f"{problem.path}: {problem.message}" for problem in error.problems)
        return
    region = place.gateway.installation.region
    for stage, image, instance in _stages(pipeline):
        try:
            if image and FIXED not in image + instance:
                images.resolve(image, region, instance)
        except PlanError as error:
            yield f"stage {stage}: {error.message}"


def _quotas(place: Place) -> Iterator[str]:
    """One stage after another; how many run at a time is the plan's matter."""
    allowed = place.gateway.quotas.applied()
    if not allowed:
        yield "the account does not say what they are"
        return
    for name in place.gateway.documents.pipelines():
        try:
            pipeline = _pipeline(place, name)
        except DocumentError:
            continue  # told under its own name
        yield from _short_of(pipeline, allowed)


def _short_of(pipeline: Pipeline, allowed: Mapping[str, float]) -> Iterator[str]:
    for name, stage in pipeline.stages.items():
        instance = getattr(stage, "instance_type", None) or pipeline.defaults.instance_type or ""
        quota = f"{instance} for {stage.quota_purpose} usage"
        count = getattr(stage, "instance_count", 1)
        if isinstance(count, int) and allowed.get(quota, count) < count:
            yield f"{pipeline.name}, stage {name}: {quota} is {allowed[quota]:g}, {count} are asked for"


def _stages(pipeline: Pipeline) -> Iterator[tuple[str, str, str]]:
    """Stage, image, instance type, of what runs in an image of its own."""
    for name, stage in pipeline.stages.items():
        if KINDS[stage.kind].request.image == "training":
            image = getattr(stage, "image", None) or pipeline.defaults.image or ""
            yield name, image, getattr(stage, "instance_type", None) or pipeline.defaults.instance_type or ""


def _pipeline(place: Place, name: str) -> Pipeline:
    return layers.effective(layers_layers.read(place.gateway, name), lambda: True).pipeline
