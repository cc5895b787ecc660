"""The base class of the API's resources, and the context that all resources share."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sagemaker_local.http.unix_sockets import SocketFolder
from sagemaker_local.images.environments import Environments
from sagemaker_local.logs.log_stream import Logs
from sagemaker_local.pipeline_runner import PipelineRunner
from sagemaker_local.sandbox.launcher import Launcher
from sagemaker_local.settings import Settings
from sagemaker_local.storage import Storage
from sagemaker_local.store import Record, Store
from sagemaker_local.tagging import Tagging

Publish = Callable[[str, dict[str, Any]], None]
"""Publishes an EventBridge event of source aws.sagemaker: (detail type, detail). Times are epoch
milliseconds."""

Operation = Callable[[dict[str, Any]], dict[str, Any]]
"""Handles a validated request. Times are epoch seconds in the request and the response."""


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
    sockets: SocketFolder
    call: Callable[[str, dict[str, Any]], dict[str, Any]]
    """Calls any operation of the service, with the same validation as for a client."""
    pipelines: PipelineRunner | None = None


class Resource:
    """One resource type of the API. `operations` maps operation names to handlers."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def operations(self) -> dict[str, Operation]:
        raise NotImplementedError

    def start(self) -> None:
        """Restore the state of an earlier process. Does nothing by default."""

    def close(self) -> None:
        """End everything that runs. Does nothing by default."""


def now() -> float:
    """The time in epoch seconds with milliseconds, as in records."""
    return round(time.time(), 3)


def event_detail(record: Record) -> dict[str, Any]:
    """A record as an event's detail, with times as epoch milliseconds."""
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
