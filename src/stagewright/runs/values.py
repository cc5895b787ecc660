"""Values that the steps of a run's life pass on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from stagewright.store.run_items import Header

REASON_LIMIT = 4_000
"""Characters of a reason that a header stores."""


@dataclass(frozen=True)
class StartedRun:
    """The run of a trigger key, after one delivery of its event.

    `execution`: ARN of its execution; empty for a run that waits, was rejected or was stopped. `new`: this
    delivery claimed the key.
    """

    run: str
    execution: str
    new: bool


@dataclass(frozen=True)
class RunOptions:
    """What a run is planned with, besides its trigger. The header stores it while the run waits.

    `version`: of the manifest; empty for the current one. `cancels_running`: the run stops the earlier runs
    of its pipeline. `trigger_name`: the document's trigger that requested the run; empty for none.
    `revision`: of the document; 0 for the current one.
    `any_release`: a person asked for exactly this version, even if a newer push has run.
    """

    version: str = ""
    force: bool = False
    cancels_running: bool = False
    trigger_name: str = ""
    revision: int = 0
    any_release: bool = False

    @classmethod
    def of(cls, header: Header) -> RunOptions:
        return cls(**json.loads(header.options)) if header.options else cls()

    def to_json(self) -> str:
        return json.dumps(asdict(self))
