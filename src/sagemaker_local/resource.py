"""What every resource of the local SageMaker is given, and what it offers."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sagemaker_local.images.environments import Environments
from sagemaker_local.logs import Logs
from sagemaker_local.sandbox.launcher import Launcher
from sagemaker_local.settings import Settings
from sagemaker_local.storage import Storage
from sagemaker_local.store import Record, Store
from sagemaker_local.tagging import Tagging

Publish = Callable[[str, dict[str, Any]], None]
"""`(detail_type, detail)` of an EventBridge event of source aws.sagemaker; times in epoch milliseconds."""

Operation = Callable[[dict[str, Any]], dict[str, Any]]
"""A checked request -> a response; times are epoch seconds in both."""


@dataclass(frozen=True)
class Context:
    settings: Settings
    store: Store
    publish: Publish
    tags: Tagging
    environments: Environments
    storage: Storage
    launcher: Launcher
    logs: Logs
    call: Callable[[str, dict[str, Any]], dict[str, Any]]
    """Any operation of the service, for a resource that lives on others: checked as a caller's would be."""


class Resource:
    """One noun of the API. `start` restores it after a restart, `close` ends what it runs."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def operations(self) -> dict[str, Operation]:
        raise NotImplementedError

    def start(self) -> None:
        """Nothing to restore unless a resource says so."""

    def close(self) -> None:
        """Nothing to end unless a resource says so."""


def now() -> float:
    """Epoch seconds with milliseconds, as records keep times."""
    return round(time.time(), 3)


def event_detail(record: Record) -> dict[str, Any]:
    """A record as an event's detail: SageMaker's events carry times as epoch milliseconds."""
    return {key: _event_value(key, value) for key, value in record.items()}


def _event_value(key: str, value: Any) -> Any:
    match value:
        case dict():
            return event_detail(value)
        case list():
            return [event_detail(item) if isinstance(item, dict) else item for item in value]
        case int() | float() if key.endswith("Time"):
            return round(value * 1000)
    return value
