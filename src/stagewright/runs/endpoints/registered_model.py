"""Check that the artifact of a model package is still the registered one, before a rollback serves it.

The state machine makes the same check before a deployment (`stages.base.registered_model`).
"""

from __future__ import annotations

from stagewright.errors import TargetError
from stagewright.gateway import Gateway
from stagewright.naming import MODEL_VERSION


def require_unchanged(gateway: Gateway, version: str) -> None:
    """Raise TargetError if the artifact of an endpoint's version was overwritten after its registration.

    A version without a model package, or with one that has no recorded artifact, passes.
    """
    arn = gateway.endpoints.package_of(version)
    package = gateway.registry.package(arn) if arn else None
    if package is None or MODEL_VERSION not in package.metadata:
        return
    bucket, _, key = package.model.removeprefix("s3://").partition("/")
    current = gateway.objects.version_of(key, bucket)
    if current != package.metadata[MODEL_VERSION]:
        message = f"{package.model} was overwritten or deleted after {arn} was registered"
        raise TargetError(message, "roll back to another version: --to")
