"""What results and inputs point at, and whether it is there."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from stagewright.aws.objects import Listed
from stagewright.document.pipeline import Pipeline
from stagewright.document.reference_sites import reference_sites
from stagewright.gateway import Gateway
from stagewright.planner.model import GoodResult
from stagewright.syntax.references import find_references

MARKERS = 9
"""Folder markers that may come before an output's first object."""


@dataclass(frozen=True, order=True)
class Thing:
    """What a result points at. `config`: the configuration that an endpoint served with this result."""

    kind: Literal["output", "artifact", "model", "package", "endpoint"]
    place: str
    config: str = ""


def outputs_read(pipeline: Pipeline) -> frozenset[tuple[str, str]]:
    """(stage, output) of every output that the document refers to."""
    paths = (reference.path for site in reference_sites(pipeline) for reference in find_references(site.text))
    return frozenset((path[1], path[3]) for path in paths if path[0] == "stages" and path[2] == "outputs")


def things_of(stage: str, good: GoodResult, read: Collection[tuple[str, str]]) -> Iterator[Thing]:
    """What must be there for a result to count, apart from an endpoint that was rolled back. An output that
    no stage reads may have been left empty."""
    result = good.result
    for name, uri in (result.get("outputs") or {}).items():
        if (stage, name) in read:
            yield Thing("output", str(uri))
    if result.get("model"):
        yield Thing("artifact", str(result["model"]))
    if result.get("name"):
        yield Thing("model", str(result["name"]))
    if result.get("package"):
        yield Thing("package", str(result["package"]))
    if result.get("endpoint"):
        yield Thing("endpoint", str(result["endpoint"]), good.job)


def exists(gateway: Gateway, thing: Thing) -> bool:
    match thing.kind:
        case "package":
            package = gateway.registry.package(thing.place)
            return package is not None and package.status == "Completed"
        case "endpoint":
            endpoint = gateway.endpoints.describe(thing.place)
            return endpoint is not None and (endpoint.status, endpoint.config) == ("InService", thing.config)
        case "model":
            return gateway.endpoints.has_model(thing.place)
        case "artifact":
            _, key = _place(thing.place)
            return any(each.key == key for each in _objects(gateway, thing.place, 1))
        case _:
            return any(True for _ in _objects(gateway, thing.place.rstrip("/") + "/", MARKERS + 1))


def digest(gateway: Gateway, uri: str) -> str:
    """Of keys and contents (ETags) found at the URI, a prefix as SageMaker's S3Prefix is; empty when none."""
    digest = hashlib.sha256()
    any_found = False
    for found in _objects(gateway, uri):
        any_found = True
        digest.update(f"{found.key}\n{found.etag}\n{found.size}\n".encode())
    return digest.hexdigest() if any_found else ""


def _objects(gateway: Gateway, uri: str, limit: int | None = None) -> Iterable[Listed]:
    """Objects at the URI, folder markers left out."""
    bucket, prefix = _place(uri)
    found = gateway.objects.list(prefix, bucket, limit)
    return (each for each in found if each.size or not each.key.endswith("/"))


def _place(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key
