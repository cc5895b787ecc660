"""Checks of the documents: whether the region and the account have their images and instance types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from stagewright.catalog import images
from stagewright.cli.doctor.check import Probe
from stagewright.cli.doctor.target import CheckedTarget
from stagewright.document.layers import effective
from stagewright.document.pipeline import Pipeline
from stagewright.errors import DocumentError, PlanError
from stagewright.runs.documents import layers
from stagewright.stages.registry import KINDS

REFERENCE = "${"
"""Start of a reference. Its value is known only at planning, which checks it."""


def probes(target: CheckedTarget) -> Iterator[Probe]:
    for name in target.gateway.documents.pipelines():
        remedy = f"`stagewright config show {name}` shows it; correct it and push again"
        yield Probe(f"document {name}", partial(_document, target, name), remedy, needed=False)
    if not target.is_local:
        remedy = "request an increase in Service Quotas, or change the instance types in the documents"
        yield Probe("quotas", partial(_quotas, target), remedy, needed=False, good="enough for every stage")


def _document(target: CheckedTarget, name: str) -> Iterator[str]:
    try:
        pipeline = _pipeline(target, name)
    except DocumentError as error:
        yield from (f"{problem.path}: {problem.message}" for problem in error.problems)
        return
    region = target.gateway.installation.region
    for stage, image, instance in _stages(pipeline):
        try:
            if image and REFERENCE not in image + instance:
                images.resolve(image, region, instance)
        except PlanError as error:
            yield f"stage {stage}: {error.message}"


def _quotas(target: CheckedTarget) -> Iterator[str]:
    """Check each stage alone. Planning checks the stages that run in parallel."""
    allowed = target.gateway.quotas.applied()
    if not allowed:
        yield "the account returns no quotas"
        return
    for name in target.gateway.documents.pipelines():
        try:
            pipeline = _pipeline(target, name)
        except DocumentError:
            continue  # reported by the check of the document
        yield from _short_of(pipeline, allowed)


def _short_of(pipeline: Pipeline, allowed: Mapping[str, float]) -> Iterator[str]:
    for name, stage in pipeline.stages.items():
        instance = getattr(stage, "instance_type", None) or pipeline.defaults.instance_type or ""
        quota = f"{instance} for {stage.quota_purpose} usage"
        count = getattr(stage, "instance_count", 1)
        if isinstance(count, int) and allowed.get(quota, count) < count:
            yield f"{pipeline.name}, stage {name}: {quota} is {allowed[quota]:g}, {count} are needed"


def _stages(pipeline: Pipeline) -> Iterator[tuple[str, str, str]]:
    """Stage, image and instance type of each stage that runs in an image of its own."""
    for name, stage in pipeline.stages.items():
        if KINDS[stage.kind].request.image == "training":
            image = getattr(stage, "image", None) or pipeline.defaults.image or ""
            yield name, image, getattr(stage, "instance_type", None) or pipeline.defaults.instance_type or ""


def _pipeline(target: CheckedTarget, name: str) -> Pipeline:
    return effective(layers.read(target.gateway, name), lambda: True).pipeline
