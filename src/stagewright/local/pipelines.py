"""Runs executions of SageMaker Pipelines on this machine: the definition is converted, pushed and run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from sagemaker_local.api.protocol import ApiError, invalid
from sagemaker_local.pipeline_runner import ExecutionState
from stagewright.document.layers import pushed_layers
from stagewright.document.load import load
from stagewright.errors import RunFailedError, StagewrightError
from stagewright.local.replaced_images import local_overlay
from stagewright.migration import pipelines
from stagewright.migration.code_files import CodeFiles, fetch_from
from stagewright.migration.converted import ConvertedPipeline
from stagewright.operator_gateway import OperatorGateway
from stagewright.runs.history.records import RunRecord, StageRecord
from stagewright.runs.history.run_history import find_run, show
from stagewright.runs.releases.push import push
from stagewright.runs.requests import request_run
from stagewright.runs.stop import stop
from stagewright.stages.registry import recorded_kind

BY = "SageMaker Pipelines"
RUNS = {"SUCCEEDED": "Succeeded", "FAILED": "Failed", "STOPPED": "Stopped", "REJECTED": "Failed"}
STAGES = {
    "SUCCEEDED": "Succeeded",
    "REUSED": "Succeeded",
    "CLOSED": "Succeeded",
    "FAILED": "Failed",
    "STOPPED": "Stopped",
}
"""Status of a stage -> that of a step. A condition that is false is a result, not a failure."""
JOBS = {
    "processing": "ProcessingJob",
    "training": "TrainingJob",
    "tuning": "TuningJob",
    "transform": "TransformJob",
}
"""Service of a job -> its member of a step's Metadata (PipelineExecutionStepMetadata)."""


class Runner:
    """Runs executions in this installation. `state`: the server's state folder."""

    def __init__(self, gateway: OperatorGateway, state: Path) -> None:
        self._gateway, self._state_folder = gateway, state

    def start(self, pipeline: str, definition: str, parameters: Mapping[str, str]) -> dict[str, Any]:
        gateway = self._gateway
        try:
            converted = self._converted(gateway, pipeline, definition, parameters)
            document = load(converted.document)
            overlay = local_overlay(converted.document, self._state_folder)
            load(pushed_layers(document, overlay).document())
            pushed = push(gateway, document, converted.files, by=BY, overlay=overlay)
            key = pushed.trigger_key or request_run(gateway, document.name, {}, BY)
        except StagewrightError as error:
            raise invalid(f"{pipeline} cannot run here: {error.message}") from error
        return {"key": key, "stages": dict(converted.steps)}

    def _converted(
        self, gateway: OperatorGateway, pipeline: str, definition: str, parameters: Mapping[str, str]
    ) -> ConvertedPipeline:
        """The document, and stage -> step. ApiError: something in the definition has no counterpart."""
        data = json.loads(definition)
        values = pipelines.parse_values(data, parameters)
        read = pipelines.read({"PipelineName": pipeline, "PipelineDefinition": data}, values)
        fetch = fetch_from(gateway.objects)
        converted = pipelines.convert(read, lambda: CodeFiles({}, fetch))
        if converted.unconverted:
            listed = "; ".join(map(str, converted.unconverted))
            raise invalid(f"{pipeline} cannot run here. Not supported by the local SageMaker: {listed}")
        for stage, step in converted.steps.items():
            if not read.steps[step].data.get("CacheConfig"):
                converted.document["stages"][stage]["cache"] = False  # SageMaker caches only if a step asks
        return converted

    def state(self, handle: Mapping[str, Any]) -> ExecutionState:
        gateway = self._gateway
        run = find_run(gateway, handle["key"])
        if run is None:
            return ExecutionState("Executing")
        record = show(gateway, run)
        steps = [self._step(record, stage, handle["stages"]) for stage in record.stages]
        causes = [f"{stage.name}: {stage.cause or stage.error}" for stage in record.stages if stage.error]
        reason = "; ".join(causes) or record.reason
        return ExecutionState(RUNS.get(record.status, "Executing"), tuple(filter(None, steps)), reason)

    def _step(self, record: RunRecord, stage: StageRecord, names: Mapping[str, str]) -> dict[str, Any] | None:
        """A step as ListPipelineExecutionSteps has it. None: it has not started."""
        status = STAGES.get(stage.status, "Executing" if stage.started else "")
        if not status or stage.name not in names:
            return None
        step = {"StepName": names[stage.name], "StepStatus": status, "AttemptCount": 1}
        step["StartTime"] = _epoch(stage.started or record.created)
        if status != "Executing":
            step["EndTime"] = _epoch(stage.ended or stage.started or record.created)
        if stage.error:
            step["FailureReason"] = stage.cause or stage.error
        if metadata := _metadata(stage):
            step["Metadata"] = metadata
        return step

    def stop(self, handle: Mapping[str, Any]) -> None:
        gateway = self._gateway
        if run := find_run(gateway, handle["key"]):
            try:
                stop(gateway, run, BY)
            except RunFailedError:
                return  # it has ended
            except StagewrightError as error:
                raise ApiError("ConflictException", error.message) from error


def _metadata(stage: StageRecord) -> dict[str, Any]:
    """What the step made: its job or model version, or the outcome of its condition."""
    schema, result = recorded_kind(stage.kind).schema, stage.result
    if schema.judges and stage.status in ("SUCCEEDED", "REUSED", "CLOSED"):
        return {"Condition": {"Outcome": "False" if stage.status == "CLOSED" else "True"}}
    if result.get("package"):
        return {"RegisterModel": {"Arn": result["package"]}}
    if result.get("arn") and schema.job_service in JOBS:
        return {JOBS[schema.job_service]: {"Arn": result["arn"]}}
    return {}


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
