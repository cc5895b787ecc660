"""The local Glue: the operations of jobs and job runs.

Settings, store, S3, logs, environments and sandbox come from the local SageMaker.
"""

from __future__ import annotations

import logging
from typing import Any

from sagemaker_local.api.fields import Fields, refuse_unsupported, without_effect
from sagemaker_local.api.protocol import ApiError
from sagemaker_local.images.environments import Environments
from sagemaker_local.logs.log_stream import Logs
from sagemaker_local.sandbox.launcher import Launcher
from sagemaker_local.settings import Settings
from sagemaker_local.storage import Storage
from sagemaker_local.store import Store
from stagewright.local.glue import protocol
from stagewright.local.glue.context import Context, Publish
from stagewright.local.glue.job_runs import JobRuns
from stagewright.local.glue.jobs import Jobs

log = logging.getLogger(__name__)


class Glue:
    """The service. It calls `publish` from any thread when a run ends. Launcher and logs are shared."""

    def __init__(self, settings: Settings, publish: Publish, launcher: Launcher, logs: Logs) -> None:
        self._context = Context(
            settings,
            Store(settings.root / "glue.sqlite"),
            publish,
            Environments(settings.overrides, settings.program),
            Storage(settings),
            launcher,
            logs,
        )
        jobs = Jobs(self._context)
        self._runs = JobRuns(self._context, jobs)
        self._operations = {**jobs.operations(), **self._runs.operations()}
        self._fields: dict[str, Fields] = {**jobs.fields, **self._runs.fields}

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """Return the response as boto3 does, with times as datetimes. Raise ApiError with Glue's code."""
        protocol.operation_model(operation)
        if operation not in self._operations:
            supported = ", ".join(self._operations)
            message = f"not supported by the local Glue: {operation}; supported are {supported}"
            raise ApiError("UnknownOperationException", message, 501)
        checked = protocol.parse(operation, request)
        fields = self._fields.get(operation, Fields())
        refuse_unsupported(checked, fields.rules, protocol.unsupported)
        for path in without_effect(checked, fields.idle):
            log.warning("%s: %s has no effect in the local Glue", operation, path)
        return protocol.typed_response(operation, self._operations[operation](checked))

    def start(self) -> None:
        """Fail the runs that an earlier process left unfinished."""
        self._runs.start()

    def checkpoint(self) -> None:
        """Write everything to disk, so that the folder can be copied while there are no calls."""
        self._context.store.checkpoint()

    def close(self) -> None:
        """Stop every run and its process."""
        self._runs.close()
        self._context.storage.close()
        self._context.store.close()
