"""Copies of reused outputs, so that a stage can read those of all instances as one folder."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from stagewright.gateway import Gateway
from stagewright.parallel import run_parallel
from stagewright.planner.model import Plan

Copy = tuple[str, str]
"""Key of an object, and the key of its copy."""


def copy_gathered(gateway: Gateway, plan: Plan) -> None:
    """Copy the reused outputs that the stages of a plan gather. Safe to repeat.

    Calls CopyObject, which takes objects of at most 5 GB (S3 API reference).
    """
    folders = [
        copy for stage in plan.stages if stage.action == "run" for copy in sorted(stage.copies.items())
    ]
    listed = run_parallel(partial(_objects, gateway), folders)
    copies = [copy for copies in listed for copy in copies]
    run_parallel(lambda copy: gateway.objects.copy(copy[0], "", copy[1]), copies)


def _objects(gateway: Gateway, copy: Copy) -> list[Copy]:
    bucket = gateway.installation.uri("")
    source, target = (uri.removeprefix(bucket) for uri in copy)
    return list(_keys(gateway, source, target))


def _keys(gateway: Gateway, source: str, target: str) -> Iterator[Copy]:
    """Yield the objects of a folder, or the object itself."""
    for listed in gateway.objects.list(source):
        if listed.key == source or listed.key.startswith(f"{source}/"):
            yield listed.key, f"{target}{listed.key.removeprefix(source)}"
