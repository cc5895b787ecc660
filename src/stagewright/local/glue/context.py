"""The services that jobs and job runs share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sagemaker_local.images.environments import Environments
from sagemaker_local.logs.log_stream import Logs
from sagemaker_local.sandbox.launcher import Launcher
from sagemaker_local.settings import Settings
from sagemaker_local.storage import Storage
from sagemaker_local.store import Store

Publish = Callable[[str, dict[str, Any]], None]
"""Publish an EventBridge event of the source aws.glue: `(detail_type, detail)`."""


@dataclass(frozen=True)
class Context:
    settings: Settings
    store: Store
    publish: Publish
    environments: Environments
    storage: Storage
    launcher: Launcher
    logs: Logs
