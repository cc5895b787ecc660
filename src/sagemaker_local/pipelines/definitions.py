"""Pipelines: their definitions, which executions start from."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sagemaker_local.api.fields import Rules
from sagemaker_local.api.listing import Listing
from sagemaker_local.api.protocol import ApiError, invalid
from sagemaker_local.arns import arn, key_of
from sagemaker_local.errors import JobFailure
from sagemaker_local.resource import Context, Operation, Resource, now
from sagemaker_local.store import Record

KIND = "pipeline"
LISTING = Listing(
    result="PipelineSummaries",
    name="PipelineName",
    status="PipelineStatus",
    orders={"Name": "PipelineName", "CreationTime": "CreationTime"},
)
RULES: Rules = {"PipelineVersionId": ()}
IDLE_FIELDS = ("ParallelismConfiguration", "ClientRequestToken")
TEXT, LOCATION = "PipelineDefinition", "PipelineDefinitionS3Location"


def find(context: Context, arn_or_name: str) -> Record:
    """The record of a pipeline. ResourceNotFound if it does not exist."""
    record = context.store.get(KIND, key_of(arn_or_name))
    if record is None:
        own = arn(context.settings, KIND, key_of(arn_or_name))
        raise ApiError("ResourceNotFound", f"Pipeline '{own}' does not exist.")
    return record


class Pipelines(Resource):
    def operations(self) -> dict[str, Operation]:
        return {
            "CreatePipeline": self._create,
            "UpdatePipeline": self._update,
            "DescribePipeline": self._describe,
            "ListPipelines": self._list,
            "DeletePipeline": self._delete,
        }

    def _create(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["PipelineName"]
        time = now()
        record = {
            **{key: value for key, value in request.items() if key not in ("Tags", LOCATION)},
            TEXT: self._definition(request),
            "PipelineArn": arn(self.context.settings, KIND, name),
            "PipelineDisplayName": request.get("PipelineDisplayName", name),
            "PipelineStatus": "Active",
            "CreationTime": time,
            "LastModifiedTime": time,
        }
        if not self.context.store.add(KIND, key_of(name), record):
            unique = "Pipeline names must be unique within an AWS account and region."
            raise invalid(f"{unique} Pipeline with name ({name}) already exists.")
        if request.get("Tags"):
            self.context.tags.add(record["PipelineArn"], request["Tags"])
        return record

    def _update(self, request: dict[str, Any]) -> dict[str, Any]:
        changes = {key: value for key, value in request.items() if key not in ("PipelineName", LOCATION)}
        if TEXT in request or LOCATION in request:
            changes[TEXT] = self._definition(request)
        with self.context.store.transaction():
            record = {**find(self.context, request["PipelineName"]), **changes, "LastModifiedTime": now()}
            self.context.store.put(KIND, key_of(request["PipelineName"]), record)
        return record

    def _definition(self, request: dict[str, Any]) -> str:
        """The definition in the request, or in its file in S3. ValidationException: it is not JSON."""
        location = request.get(LOCATION)
        text = request.get(TEXT) or (self._from_s3(location) if location else "")
        try:
            steps = json.loads(text)["Steps"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise invalid("Invalid pipeline definition: it must be a JSON object with Steps") from None
        if not isinstance(steps, list):
            raise invalid("Invalid pipeline definition: Steps must be a list")
        return str(text)

    def _from_s3(self, location: dict[str, str]) -> str:
        uri = f"s3://{location['Bucket']}/{location['ObjectKey']}"
        with TemporaryDirectory() as folder:
            file = Path(folder) / "definition.json"
            try:
                self.context.storage.download_file(uri, file)
            except JobFailure as failure:
                raise invalid(f"{LOCATION}: {failure}") from failure
            return file.read_text()

    def _describe(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"CreatedBy": {}, "LastModifiedBy": {}, **find(self.context, request["PipelineName"])}

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        prefix = request.pop("PipelineNamePrefix", "")
        names = {"CreatedAfter": "CreationTimeAfter", "CreatedBefore": "CreationTimeBefore"}
        query = {names.get(key, key): value for key, value in request.items()}
        records = [item for item in self.context.store.all(KIND) if item["PipelineName"].startswith(prefix)]
        return LISTING.page(records, query)

    def _delete(self, request: dict[str, Any]) -> dict[str, Any]:
        with self.context.store.transaction():
            record = find(self.context, request["PipelineName"])
            self.context.store.delete(KIND, key_of(request["PipelineName"]))
        self.context.tags.delete(record["PipelineArn"])
        return record
