"""What jobs and their runs are given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stagewright.local.sagemaker.images.environments import Environments
from stagewright.local.sagemaker.logs import Logs
from stagewright.local.sagemaker.sandbox.launcher import Launcher
from stagewright.local.sagemaker.settings import Settings
from stagewright.local.sagemaker.storage import Storage
from stagewright.local.sagemaker.store import Store

Publish = Callable[[str, dict[str, Any]], None]
"""`(detail_type, detail)` of an EventBridge event of source aws.glue."""


@dataclass(frozen=True)
class Context:
    settings: Settings
    store: Store
    publish: Publish
    environments: Environments
    storage: Storage
    launcher: Launcher
    logs: Logs
