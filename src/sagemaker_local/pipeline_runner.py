"""What runs the executions of pipelines. The service has no runner of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sagemaker_local.store import Record


@dataclass(frozen=True)
class ExecutionState:
    """`status`: a PipelineExecutionStatus. `steps`: PipelineExecutionStep, with times in epoch seconds."""

    status: str
    steps: tuple[Record, ...] = ()
    reason: str = ""


class PipelineRunner(Protocol):
    """Runs executions. A handle is a JSON object that the runner makes, and understands after a restart."""

    def start(self, pipeline: str, definition: str, parameters: Mapping[str, str]) -> dict[str, Any]:
        """Start an execution and return its handle. ApiError: the definition cannot run here."""

    def state(self, handle: Mapping[str, Any]) -> ExecutionState: ...

    def stop(self, handle: Mapping[str, Any]) -> None: ...
