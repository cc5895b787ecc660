"""What `stagewright doctor --target NAME` compares an installation with: the artifacts of this version.

Every probe only reads. What it may not see, or what is not there, is wrong as well.
"""

from __future__ import annotations

from collections.abc import Iterator

from stagewright.cli.doctor import code, documents, events, health, permissions, storage
from stagewright.cli.doctor.check import Check, Probe
from stagewright.cli.doctor.installation import Place
from stagewright.parallel import run_parallel

PARTS = (permissions.probes, storage.probes, events.probes, code.probes, health.probes, documents.probes)


def inspect(place: Place) -> list[Check]:
    """Who asks comes first: where nobody can be asked, that is all there is to say."""
    caller = permissions.caller(place).check()
    return [caller, *run_parallel(Probe.check, probes(place))] if caller.ok else [caller]


def probes(place: Place) -> Iterator[Probe]:
    for part in PARTS:
        yield from part(place)
