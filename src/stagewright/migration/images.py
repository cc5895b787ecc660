"""Aliases of image URIs."""

from __future__ import annotations

from stagewright.catalog.images import alias_of, resolve
from stagewright.errors import NotFoundError, PlanError


def image_of(uri: str, instance_type: str) -> str:
    """The alias of exactly this image in its region, else the URI."""
    try:
        image = alias_of(uri)
        alias = f"{image.framework}-{image.version}"
        region = uri.split(".")[3]
        return alias if resolve(alias, region, instance_type) == uri else uri
    except (NotFoundError, PlanError, IndexError):
        return uri
