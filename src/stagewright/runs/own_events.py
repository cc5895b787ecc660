"""Stagewright's own events: their names, the keys of requested runs, and events sent straight to the queue.

`Run Requested` goes through EventBridge, so that its rule can grant who may send it. The others are sent by
our functions to the queue `events`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from stagewright.naming import Installation, timestamp
from stagewright.planner.model import Trigger

RUN_REQUESTED = "Run Requested"
TRIGGER_FIRED = "Trigger Fired"
BATCH_CHECK_DUE = "Batch Check Due"
RUN_READY = "Run Ready"
PACKAGE_CHANGED = "SageMaker Model Package State Change"


def request_key(kind: str, request: str) -> str:
    """The trigger key of a requested run. `kind`: manual, backfill or resume."""
    return f"{kind}:{request}"


def trigger_fired(
    installation: Installation, pipeline: str, trigger_filter: Mapping[str, Any], trigger: Trigger
) -> dict[str, Any]:
    """The event by which a trigger of a pipeline requests its run.

    `trigger_filter`: identifies the trigger in the pipeline's document.
    """
    detail = {"pipeline": pipeline, "trigger_filter": dict(trigger_filter), **trigger.to_json()}
    return _event(installation, TRIGGER_FIRED, detail, trigger.time)


def batch_check_due(installation: Installation, item: str) -> dict[str, Any]:
    """The event that checks whether the window of a data batch is over. `item`: key of the batch."""
    return _event(installation, BATCH_CHECK_DUE, {"batch": item})


def run_ready(installation: Installation, run: str) -> dict[str, Any]:
    """The event that makes the router advance a run that waits."""
    return _event(installation, RUN_READY, {"run": run})


def package_changed(installation: Installation, package: str, time: str) -> dict[str, Any]:
    """SageMaker's event of a model package, for one that the router ignored or never received.

    It has no status, which the router reads in the registry.
    """
    detail = {"ModelPackageArn": package}
    return {**_event(installation, PACKAGE_CHANGED, detail, time), "source": "aws.sagemaker"}


def _event(
    installation: Installation, kind: str, detail: Mapping[str, Any], time: str = ""
) -> dict[str, Any]:
    """An event in EventBridge's form. `time`: ISO 8601; empty for now."""
    return {
        "version": "0",
        "source": "stagewright",
        "detail-type": kind,
        "time": time or timestamp(datetime.now(UTC)),
        "detail": {"installation": installation.id, **detail},
    }
