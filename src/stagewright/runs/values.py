"""."""

from __future__ import annotations

import json
from dataclasses import dataclass

from stagewright.store.runs import Header

REASON_LIMIT = 4_000
"""Characters of a reason that a header keeps."""


@dataclass(frozen=True)
class Started:
    """`new`: this call claimed the key. `execution` is empty for a run that waits, was refused or stopped."""

    run: str
    execution: str
    new: bool


@dataclass(frozen=True)
class Asked:
    """What a run is planned with when its turn comes, beside its trigger.

    `version`: of the manifest, empty where the current one is meant. `cancels`: the runs before it are
    stopped. `listens`: name of the document's trigger that asks for it, where that has a cooldown.
    """

    version: str = ""
    force: bool = False
    cancels: bool = False
    listens: str = ""

    @classmethod
    def of(cls, header: Header) -> Asked:
        return cls(**json.loads(header.options)) if header.options else cls()
