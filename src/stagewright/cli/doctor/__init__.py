"""Checks of an installation for `stagewright doctor --target NAME`, against the artifacts of this version.

Every check only reads. A resource that is missing, or that the caller may not read, fails its check.
"""

from __future__ import annotations

from collections.abc import Iterator

from stagewright.cli.doctor import code, documents, events, health, permissions, storage
from stagewright.cli.doctor.check import Check, Probe
from stagewright.cli.doctor.target import CheckedTarget
from stagewright.parallel import run_parallel

PARTS = (permissions.probes, storage.probes, events.probes, code.probes, health.probes, documents.probes)


def run_checks(target: CheckedTarget) -> list[Check]:
    """Run every check in parallel. If the credentials are invalid, run no other check."""
    caller = permissions.caller(target).check()
    return [caller, *run_parallel(Probe.check, probes(target))] if caller.ok else [caller]


def probes(target: CheckedTarget) -> Iterator[Probe]:
    for part in PARTS:
        yield from part(target)
