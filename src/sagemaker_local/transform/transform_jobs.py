"""The operations CreateTransformJob, DescribeTransformJob, ListTransformJobs and StopTransformJob."""

from __future__ import annotations

from typing import Any, ClassVar

from sagemaker_local.api.fields import Rules, values
from sagemaker_local.api.protocol import invalid, unsupported
from sagemaker_local.hosting import models
from sagemaker_local.jobs.job_run import JobRun
from sagemaker_local.jobs.jobs import Jobs
from sagemaker_local.jobs.kinds import TRANSFORM
from sagemaker_local.store import Record
from sagemaker_local.transform import data_processing
from sagemaker_local.transform.execution_parameters import CONCURRENT_LIMIT
from sagemaker_local.transform.transform_run import TransformRun

RULES: Rules = {
    "TransformInput.DataSource.S3DataSource.S3DataType": ("S3Prefix", "ManifestFile"),
    "TransformInput.SplitType": ("None", "Line"),
    "DataCaptureConfig": (),
}
INPUT_DEFAULTS = {"CompressionType": "None", "SplitType": "None"}
OUTPUT_DEFAULTS = {"AssembleWith": "None"}


class TransformJobs(Jobs):
    kind = TRANSFORM
    defaults: ClassVar[Record] = {}

    def check(self, request: dict[str, Any]) -> None:
        for path in ("TransformInput.DataSource.S3DataSource.S3Uri", "TransformOutput.S3OutputPath"):
            for uri in values(request, path):
                if not uri.startswith("s3://"):
                    raise unsupported(f"{path}={uri}, which does not start with s3://")
        concurrent = request.get("MaxConcurrentTransforms", 0)
        if concurrent > CONCURRENT_LIMIT:
            raise invalid(f"MaxConcurrentTransforms must not exceed {CONCURRENT_LIMIT}; it is {concurrent}.")
        data_processing.parse(request)
        models.find(self.context, request["ModelName"])

    def new(self, request: dict[str, Any]) -> Record:
        """The record of a new job, with the defaults that DescribeTransformJob shows and a copy of the
        model."""
        return {
            **super().new(request),
            "TransformInput": {**INPUT_DEFAULTS, **request["TransformInput"]},
            "TransformOutput": {**OUTPUT_DEFAULTS, **request["TransformOutput"]},
            "DataProcessing": {**data_processing.DEFAULTS, **request.get("DataProcessing", {})},
            "_container": models.find(self.context, request["ModelName"])["_container"],
        }

    def run_of(self, record: Record) -> JobRun:
        return TransformRun(self.context, record)
