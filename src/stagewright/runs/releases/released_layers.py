"""The pushed layers of a run's document: those of its release manifest, never those of the table.

The table `documents` holds copies of the pushed layers, for triggers and for people. A write to the table
must not decide which code runs. So a run takes `base` and `environment` from its manifest, and is refused if
the table holds a layer that was not pushed.

A push writes an announcement before it writes the table, and the manifest last. In between, the table holds
layers that are announced, but not released: a run of the current release still starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from stagewright.document.canonical_json import sha256_of
from stagewright.document.layers import Layers, stored_layer
from stagewright.document.stored_layers import Base, Overrides
from stagewright.errors import NotFoundError, ReleaseError
from stagewright.formats import OBJECTS, read_object
from stagewright.gateway import Gateway
from stagewright.naming import timestamp
from stagewright.runs.documents import layers
from stagewright.runs.releases import manifest as manifests
from stagewright.runs.releases.manifest import Manifest

PUSHED = ("base", "environment")
REMEDY = "push it again; to change values without a push, use overrides: stagewright set PIPELINE PATH=VALUE"


def read_current(gateway: Gateway, pipeline: str) -> tuple[Manifest, Layers]:
    """Return the current manifest, and as `read`. Raises ReleaseError also if nothing was pushed."""
    manifest = manifests.read(gateway, pipeline)
    if manifest is None:
        layers.read(gateway, pipeline)  # names a pipeline that is spelled alike
        raise ReleaseError(f"{pipeline} has a document, but no release", "push it: stagewright push PATH")
    return manifest, read(gateway, manifest)


def read(gateway: Gateway, manifest: Manifest) -> Layers:
    """Return the layers of the release, and the stored overrides.

    Raises NotFoundError if the pipeline has no document, ReleaseError if the table holds a layer that was not
    pushed.
    """
    pipeline = manifest.release.pipeline
    stored = layers.read(gateway, pipeline)
    released = _of_manifest(manifest, stored.overrides)
    changed = [name for name in PUSHED if _hash(stored, name) != _hash(released, name)]
    if not changed:
        return stored
    announced = _announced(gateway, pipeline)
    for name in changed:
        if _hash(stored, name) != announced.get(name):
            message = f"the {name} document of {pipeline} in {gateway.documents.table} was not pushed"
            raise ReleaseError(message, REMEDY)
    return released


def _of_manifest(manifest: Manifest, overrides: Overrides) -> Layers:
    written = timestamp(datetime.fromtimestamp(manifest.written, UTC))
    pushed = {name: stored_layer(text, manifest.by, written) for name, text in manifest.documents.items()}
    return Layers(manifest.release.pipeline, pushed["base"], pushed.get("environment"), overrides)


def announce(gateway: Gateway, pushed: Layers) -> None:
    """Record the hashes of the layers that a push is about to write to the table."""
    announcement = {"format": OBJECTS["announcement"], **{name: _hash(pushed, name) for name in PUSHED}}
    body = manifests.to_bytes(announcement)
    gateway.objects.put(_announcement_key(pushed.pipeline), body, "application/json")


def _announced(gateway: Gateway, pipeline: str) -> Mapping[str, Any]:
    key = _announcement_key(pipeline)
    try:
        return read_object("announcement", gateway.objects.get(key).body, key)
    except (NotFoundError, ValueError):
        return {}


def _announcement_key(pipeline: str) -> str:
    return f"staging/{pipeline}.json"


def _hash(pushed: Layers, name: str) -> str:
    """Return the SHA-256 of a layer's text, "" without the layer. The attribute `sha256` proves nothing."""
    layer: Base | None = getattr(pushed, name)
    return sha256_of(layer.document) if layer else ""
