"""Executions of pipelines, which the runner of the program runs."""

from __future__ import annotations

import secrets
import string
from typing import Any

from sagemaker_local.api.fields import Rules
from sagemaker_local.api.listing import Listing
from sagemaker_local.api.protocol import ApiError, unsupported
from sagemaker_local.arns import key_of
from sagemaker_local.pipeline_runner import ExecutionState, PipelineRunner
from sagemaker_local.pipelines import definitions
from sagemaker_local.resource import Operation, Resource, now
from sagemaker_local.store import Record

KIND = "pipeline-execution"
ENDED = ("Succeeded", "Failed", "Stopped")
ID_CHARACTERS = string.ascii_lowercase + string.digits
ID_LENGTH = 12
LISTING = Listing(
    result="PipelineExecutionSummaries",
    name="PipelineExecutionArn",
    status="PipelineExecutionStatus",
    orders={"PipelineExecutionArn": "PipelineExecutionArn", "CreationTime": "StartTime"},
)
STEPS = Listing("PipelineExecutionSteps", "StepName", "StepStatus", {"CreationTime": "StartTime"})
PARAMETERS = Listing("PipelineParameters", "Name", "Name", {"CreationTime": "Name"})
RULES: Rules = {"SelectiveExecutionConfig": (), "PipelineVersionId": (), "MlflowExperimentName": ()}
NAMED = ("PipelineExecutionDisplayName", "PipelineExecutionDescription")
IDLE_FIELDS = ("ParallelismConfiguration", "ClientRequestToken")


class PipelineExecutions(Resource):
    def operations(self) -> dict[str, Operation]:
        return {
            "StartPipelineExecution": self._start,
            "DescribePipelineExecution": self._describe,
            "DescribePipelineDefinitionForExecution": self._definition,
            "ListPipelineExecutions": self._list,
            "ListPipelineExecutionSteps": self._steps,
            "ListPipelineParametersForExecution": self._parameters,
            "StopPipelineExecution": self._stop,
        }

    @property
    def _runner(self) -> PipelineRunner:
        if self.context.pipelines is None:
            raise unsupported("executions of pipelines, because this service has no runner")
        return self.context.pipelines

    def _start(self, request: dict[str, Any]) -> dict[str, Any]:
        pipeline = definitions.find(self.context, request["PipelineName"])
        listed = request.get("PipelineParameters", [])
        values = {item["Name"]: item["Value"] for item in listed}
        handle = self._runner.start(pipeline["PipelineName"], pipeline[definitions.TEXT], values)
        identifier = "".join(secrets.choice(ID_CHARACTERS) for _ in range(ID_LENGTH))
        time = now()
        record = {
            "PipelineExecutionArn": f"{pipeline['PipelineArn']}/execution/{identifier}",
            "PipelineArn": pipeline["PipelineArn"],
            "PipelineExecutionDisplayName": f"execution-{identifier}",
            **{key: request[key] for key in NAMED if key in request},
            "PipelineExecutionStatus": "Executing",
            "CreationTime": time,
            "LastModifiedTime": time,
            "StartTime": time,
            "_definition": pipeline[definitions.TEXT],
            "_parameters": listed,
            "_handle": handle,
        }
        self.context.store.put(KIND, identifier, record)
        with self.context.store.transaction():
            pipeline = definitions.find(self.context, request["PipelineName"])
            pipeline |= {"LastExecutionTime": time, "LastRunTime": time}
            self.context.store.put(definitions.KIND, key_of(request["PipelineName"]), pipeline)
        return record

    def _find(self, request: dict[str, Any]) -> Record:
        """The record of an execution, with its state. ResourceNotFound if it does not exist."""
        arn = request.get("PipelineExecutionArn", "")
        record = self.context.store.get(KIND, arn.rpartition("/")[2])
        if record is None or record["PipelineExecutionArn"].lower() != arn.lower():
            raise ApiError("ResourceNotFound", f"Pipeline execution with ARN {arn} does not exist.")
        return self._current(record)

    def _current(self, record: Record) -> Record:
        """The record with the state of the execution. The state of one that has ended is kept."""
        if record["PipelineExecutionStatus"] in ENDED:
            return record
        state: ExecutionState = self._runner.state(record["_handle"])
        current = {**record, "PipelineExecutionStatus": state.status, "_steps": list(state.steps)}
        if record["PipelineExecutionStatus"] == "Stopping" and state.status not in ENDED:
            current["PipelineExecutionStatus"] = "Stopping"
        if state.reason and state.status == "Failed":
            current |= {"FailureReason": state.reason, "PipelineExecutionFailureReason": state.reason}
        if state.status in ENDED:
            current["LastModifiedTime"] = now()
            self.context.store.put(KIND, record["PipelineExecutionArn"].rpartition("/")[2], current)
        return current

    def _describe(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"CreatedBy": {}, "LastModifiedBy": {}, **self._find(request)}

    def _definition(self, request: dict[str, Any]) -> dict[str, Any]:
        record = self._find(request)
        return {"PipelineDefinition": record["_definition"], "CreationTime": record["CreationTime"]}

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        pipeline = definitions.find(self.context, request.pop("PipelineName"))
        records = [
            self._current(record)
            for record in self.context.store.all(KIND)
            if record["PipelineArn"] == pipeline["PipelineArn"]
        ]
        names = {"CreatedAfter": "CreationTimeAfter", "CreatedBefore": "CreationTimeBefore"}
        return LISTING.page(records, {names.get(key, key): value for key, value in request.items()})

    def _steps(self, request: dict[str, Any]) -> dict[str, Any]:
        steps = self._find(request).get("_steps", [])
        return STEPS.page([step for step in steps if "StartTime" in step], request)

    def _parameters(self, request: dict[str, Any]) -> dict[str, Any]:
        return PARAMETERS.page(self._find(request)["_parameters"], request)

    def _stop(self, request: dict[str, Any]) -> dict[str, Any]:
        record = self._find(request)
        if record["PipelineExecutionStatus"] in ENDED:
            ended = f"{record['PipelineExecutionArn']} has ended: {record['PipelineExecutionStatus']}"
            raise ApiError("ConflictException", f"Pipeline execution with ARN {ended}")
        self._runner.stop(record["_handle"])
        identifier = record["PipelineExecutionArn"].rpartition("/")[2]
        self.context.store.put(KIND, identifier, {**record, "PipelineExecutionStatus": "Stopping"})
        return record
