"""The runner of pipeline executions, imported when the first execution needs it. The server starts faster."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sagemaker_local.state_folder import Server
from stagewright.local.state import INSTALLATION

if TYPE_CHECKING:
    from sagemaker_local.pipeline_runner import ExecutionState
    from stagewright.local.pipelines import Runner


class DeferredRunner:
    """`sagemaker_local.pipeline_runner.PipelineRunner` for the server that it is in."""

    def __init__(self, server: Server, state: Path) -> None:
        self._server, self._state = server, state

    @cached_property
    def _runner(self) -> Runner:
        from stagewright.local.pipelines import Runner
        from stagewright.operator_gateway import OperatorGateway

        server = self._server
        gateway = OperatorGateway.connect(INSTALLATION, server.url, server.access_key, server.secret_key)
        return Runner(gateway, self._state)

    def start(self, pipeline: str, definition: str, parameters: Mapping[str, str]) -> dict[str, Any]:
        return self._runner.start(pipeline, definition, parameters)

    def state(self, handle: Mapping[str, Any]) -> ExecutionState:
        return self._runner.state(handle)

    def stop(self, handle: Mapping[str, Any]) -> None:
        self._runner.stop(handle)
