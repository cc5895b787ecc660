"""The services of the local server: ministack, SageMaker and Glue, behind one gate."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from sagemaker_local.state_folder import ACCOUNT, REGION
from stagewright.local.artifacts import Artifacts
from stagewright.local.emulator import server
from stagewright.local.emulator.engine import Handler
from stagewright.local.held_state import HeldState
from stagewright.local.program import STAGEWRIGHT
from stagewright.local.state import State

GRACE_SECONDS = 0.3
"""For requests that are in progress during the stop."""


class Services:
    """The loaded services.

    The constructor imports late: ministack reads the environment at import.
    """

    def __init__(
        self, state: State, held: HeldState, artifacts: Artifacts, progress: Callable[[str], None]
    ) -> None:
        from sagemaker_local.api import protocol
        from sagemaker_local.http.gate import Access, Gate
        from sagemaker_local.http.gate import Handler as RequestHandler
        from sagemaker_local.service import SageMaker
        from sagemaker_local.settings import Settings
        from stagewright.local import bytecode
        from stagewright.local.deferred_runner import DeferredRunner
        from stagewright.local.glue import protocol as glue_protocol
        from stagewright.local.glue.service import Glue
        from stagewright.local.logs.served_logs import ServedLogs
        from stagewright.local.tasks.changes import Changes

        progress("loads the services")
        self.ministack = server.Ministack(*held.key)
        self.ministack.report_restore(progress)
        self.ministack.background.may_start = state.starts_runs
        archive = artifacts.archive
        self.ministack.start_with_bytecode(archive, bytecode.compiled(archive))
        self._changes: Changes = Changes()
        settings = Settings(
            state.root / "sagemaker",
            held.server.url,
            *held.key,
            REGION,
            ACCOUNT,
            wait_scale=server.WAIT_SCALE,
            program=STAGEWRIGHT,
        )
        logs = ServedLogs(state.root)
        log_service = self.ministack.serve_logs(logs)
        runner = DeferredRunner(held.server, state.root)
        self.sagemaker: SageMaker = SageMaker(settings, partial(self._publish, "aws.sagemaker"), logs, runner)
        glue_settings = replace(settings, root=state.glue)
        launcher = self.sagemaker.launcher
        self.glue: Glue = Glue(glue_settings, partial(self._publish, "aws.glue"), launcher, logs)
        self._register_tasks()
        services: dict[str, RequestHandler] = {
            "sagemaker": partial(protocol.handle, self.sagemaker),
            "glue": partial(glue_protocol.handle, self.glue),
            "logs": log_service.handle,
        }
        keys = (held.server.access_key, held.server.secret_key)
        access = Access(held.port, *keys, STAGEWRIGHT, held.key)
        self.gate: Gate = Gate(self.ministack.app, services, access)

    def _register_tasks(self) -> None:
        from stagewright.local.tasks import glue, objects, sagemaker

        tasks = sagemaker.SageMakerTasks(self.sagemaker, self._changes)
        glue_tasks = glue.GlueTasks(self.glue, self._changes)
        handlers: dict[str, Handler] = {
            sagemaker.OPTIMIZED: tasks.optimized,
            sagemaker.SDK: tasks.sdk,
            sagemaker.SDK_INVOKE: tasks.invoke,
            objects.GET_OBJECT: partial(objects.get_object, self.ministack),
            glue.PREFIX: glue_tasks.run,
            glue.SDK: glue_tasks.sdk,
        }
        for prefix, handler in handlers.items():
            self.ministack.register(prefix, handler)
        self.ministack.on_stop = self._changes.announce

    def _publish(self, source: str, detail_type: str, detail: Mapping[str, Any]) -> None:
        self._changes.announce()
        self.ministack.publish(source, detail_type, detail)

    def activity(self) -> tuple[int, int]:
        """Return the numbers of requests and of background tasks so far."""
        return self.gate.requests, self.ministack.background.activity()

    def wait_for_requests(self) -> None:
        """Wait a moment for requests that are in progress."""
        deadline = time.monotonic() + GRACE_SECONDS
        while self.gate.active and time.monotonic() < deadline:
            time.sleep(0.002)
