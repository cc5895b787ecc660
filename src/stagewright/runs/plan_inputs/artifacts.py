"""The artifacts that stage results and plan inputs refer to, and whether they exist."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from stagewright.aws.objects import ListedObject
from stagewright.document.pipeline import Pipeline
from stagewright.document.reference_sites import reference_sites
from stagewright.gateway import Gateway
from stagewright.naming import stage_of
from stagewright.planner.model import GoodResult
from stagewright.syntax.references import find_references

MARKERS = 9
"""The most folder markers that can precede an output's first object."""


@dataclass(frozen=True, order=True)
class ArtifactRef:
    """An artifact that a result refers to. `name` is its S3 URI, its SageMaker name, or its ARN.

    `config` is the endpoint configuration that the endpoint served with this result.
    """

    type: Literal["output", "artifact", "model", "package", "endpoint"]
    name: str
    config: str = ""


def referenced_outputs(pipeline: Pipeline) -> frozenset[tuple[str, str]]:
    """Return (stage, output) of every output that the document refers to."""
    references = [ref for site in reference_sites(pipeline) for ref in find_references(site.text)]
    paths = (ref.path for ref in references if ref.stage)
    gathered = {
        (ref.gathered, ref.path[4]) for ref in references if ref.gathered and ref.path[3] == "outputs"
    }
    of_instances = {
        (name, output) for name in pipeline.stages for stage, output in gathered if stage_of(name) == stage
    }
    return frozenset((path[1], path[3]) for path in paths if path[2] == "outputs") | of_instances


def artifact_refs(
    stage: str, good: GoodResult, referenced: Collection[tuple[str, str]]
) -> Iterator[ArtifactRef]:
    """Yield the artifacts that must exist for a result to count.

    Outputs that no stage refers to are left out: a stage may leave them empty.
    """
    result = good.result
    for name, uri in (result.get("outputs") or {}).items():
        if (stage, name) in referenced:
            yield ArtifactRef("output", str(uri))
    if result.get("model"):
        yield ArtifactRef("artifact", str(result["model"]))
    if result.get("name"):
        yield ArtifactRef("model", str(result["name"]))
    if result.get("package"):
        yield ArtifactRef("package", str(result["package"]))
    if result.get("endpoint"):
        yield ArtifactRef("endpoint", str(result["endpoint"]), good.job)


def exists(gateway: Gateway, artifact: ArtifactRef) -> bool:
    """Return whether the artifact exists and can be used.

    A package must be complete. An endpoint must be in service with the same configuration.
    """
    match artifact.type:
        case "package":
            package = gateway.registry.package(artifact.name)
            return package is not None and package.status == "Completed"
        case "endpoint":
            endpoint = gateway.endpoints.describe(artifact.name)
            return endpoint is not None and (endpoint.status, endpoint.config) == (
                "InService",
                artifact.config,
            )
        case "model":
            return gateway.endpoints.has_model(artifact.name)
        case "artifact":
            _, key = _bucket_and_key(artifact.name)
            return any(listed.key == key for listed in _objects(gateway, artifact.name, 1))
        case _:
            return any(True for _ in _objects(gateway, artifact.name.rstrip("/") + "/", MARKERS + 1))


def input_digest(gateway: Gateway, uri: str) -> str:
    """Return a hash of the keys, ETags and sizes of all objects at an S3 URI; "" if there are none.

    The URI is a key prefix, as SageMaker's S3Prefix is.
    """
    digest = hashlib.sha256()
    is_empty = True
    for listed in _objects(gateway, uri):
        is_empty = False
        digest.update(f"{listed.key}\n{listed.etag}\n{listed.size}\n".encode())
    return "" if is_empty else digest.hexdigest()


def _objects(gateway: Gateway, uri: str, limit: int | None = None) -> Iterable[ListedObject]:
    """List the objects at the URI without folder markers."""
    bucket, prefix = _bucket_and_key(uri)
    listed = gateway.objects.list(prefix, bucket, limit)
    return (item for item in listed if item.size or not item.key.endswith("/"))


def _bucket_and_key(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key
