"""What `stagewright doctor --target NAME` compares an installation with: the artefacts of this version.

Every probe only reads. What it may not see, or what is not there, is wrong as well.
"""

from __future__ import annotations

from collections.abc import Iterator

from stagewright.cli.check import Check
from stagewright.cli.inspection import code, events, health, rights, storage, use
from stagewright.cli.inspection.place import Place
from stagewright.cli.inspection.probe import Probe
from stagewright.run.together import together

PARTS = (rights.probes, storage.probes, events.probes, code.probes, health.probes, use.probes)


def inspect(place: Place) -> list[Check]:
    """Who asks comes first: where nobody can be asked, that is all there is to say."""
    caller = rights.caller(place).check()
    return [caller, *together(Probe.check, probes(place))] if caller.ok else [caller]


def probes(place: Place) -> Iterator[Probe]:
    for part in PARTS:
        yield from part(place)
