"""What a page about a run shows: its record, the document it ran, and the last log lines of what failed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stagewright.document.dependencies import dependencies
from stagewright.document.load import load
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
    """A run with `needs` (stage -> the stages that it depends on), its document, and log lines.

    The document of a run that was rejected is empty.
    """

    record: RunRecord
    needs: Mapping[str, frozenset[str]]
    document: Mapping[str, Any]
    log_lines: Mapping[str, tuple[str, ...]]


def read(gateway: OperatorGateway, run: str) -> RunFacts:
    """Read what the target knows about a run. Raises NotFoundError if there is no such run."""
    record = run_history.with_lineage(gateway, run_history.show(gateway, run))
    stored = gateway.documents.revision(record.pipeline, record.revision) if record.revision else None
    document = json.loads(stored.document) if stored else {}
    return RunFacts(record, _needs(document), document, _log_lines(gateway, record))


def _needs(document: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """Return the dependencies, or none if this version cannot read the document of an older one."""
    try:
        return dependencies(load(document)) if document else {}
    except DocumentError:
        return {}


def _log_lines(gateway: OperatorGateway, record: RunRecord) -> dict[str, tuple[str, ...]]:
    failed = [
        stage.name
        for stage in record.stages
        if stage.status == "FAILED" and recorded_kind(stage.kind).has_log
    ]
    return {
        name: tuple(line.text for line in logs.tail(gateway, record.run, name, LOG_LINES))
        for name in failed[:MOST_LOGS]
    }
