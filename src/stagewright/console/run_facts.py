"""What a page about a run shows: its record, the document it ran, and the last log lines of what failed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stagewright.document.dependencies import dependencies
from stagewright.document.expansion import expanded
from stagewright.document.load import load
from stagewright.document.parameters import with_parameters
from stagewright.document.pipeline import Pipeline
from stagewright.errors import DocumentError
from stagewright.operator_gateway import OperatorGateway
from stagewright.runs.history import logs, run_history
from stagewright.runs.history.records import RunRecord
from stagewright.stages.registry import recorded_kind

LOG_LINES = 20
"""Lines of the log of each failed stage."""
MOST_LOGS = 5
"""Failed stages whose log is shown."""


@dataclass(frozen=True)
class RunFacts:
    """A run, its document as it was stored, and stage -> log lines.

    `pipeline`: the document with the parameters of the run and the instances of its lists. None, and an empty
    document, if the run was rejected; None also for a document that only an earlier version can read.
    """

    record: RunRecord
    document: Mapping[str, Any]
    pipeline: Pipeline | None
    log_lines: Mapping[str, tuple[str, ...]]

    @property
    def needs(self) -> dict[str, frozenset[str]]:
        """Stage -> the stages that it depends on."""
        return dependencies(self.pipeline) if self.pipeline else {}


def read(gateway: OperatorGateway, run: str) -> RunFacts:
    """Read what the target knows about a run. Raises NotFoundError if there is no such run."""
    record = run_history.with_lineage(gateway, run_history.show(gateway, run))
    stored = gateway.documents.revision(record.pipeline, record.revision) if record.revision else None
    document = json.loads(stored.document) if stored else {}
    pipeline = _pipeline(document, record.trigger.parameters) if document else None
    return RunFacts(record, document, pipeline, _log_lines(gateway, record))


def _pipeline(document: dict[str, Any], parameters: Mapping[str, Any]) -> Pipeline | None:
    try:
        return expanded(with_parameters(load(document), dict(parameters)))
    except DocumentError:
        return None


def _log_lines(gateway: OperatorGateway, record: RunRecord) -> dict[str, tuple[str, ...]]:
    failed = [
        stage.name
        for stage in record.stages
        if stage.status == "FAILED" and recorded_kind(stage.kind).has_log
    ]
    return {
        name: tuple(line.text for line in logs.tail(gateway, record, name, LOG_LINES))
        for name in failed[:MOST_LOGS]
    }
