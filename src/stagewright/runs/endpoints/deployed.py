"""Which endpoints a pipeline has: those that its newest run names which has some."""

from __future__ import annotations

from stagewright.gateway import Gateway
from stagewright.runs.history import run_history

LOOK_BACK = 20
"""Runs of the pipeline that are searched."""


def deployed(gateway: Gateway, pipeline: str, stage: str | None = None) -> dict[str, tuple[str, str]]:
    """Endpoint -> the run and the stage that deployed it; of `stage` alone where it is given."""
    for record in run_history.list_runs(gateway, pipeline, LOOK_BACK):
        found = {
            str(each.result["endpoint"]): (each.reused_from or record.run, each.name)
            for each in run_history.show(gateway, record.run).stages
            if each.result.get("endpoint") and stage in (None, each.name)
        }
        if found:
            return found
    return {}
