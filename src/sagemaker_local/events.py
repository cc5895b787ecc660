"""EventBridge events of SageMaker's state changes."""

from __future__ import annotations

import logging
from typing import Any

from sagemaker_local.resource import Context
from sagemaker_local.store import Record

log = logging.getLogger(__name__)


def announce(context: Context, detail_type: str, detail: dict[str, Any]) -> None:
    """Publish an event. Never fails: SageMaker's events are best effort, and the state has changed
    already."""
    try:
        context.publish(detail_type, detail)
    except Exception:
        log.exception("an event was not delivered: %s", detail_type)


def public(record: Record) -> Record:
    """A record without the members that only this service uses."""
    return {key: value for key, value in record.items() if not key.startswith("_")}
