"""The operations CreateProcessingJob, DescribeProcessingJob, ListProcessingJobs and StopProcessingJob."""

from __future__ import annotations

import json
import re
from typing import Any

from sagemaker_local.api.fields import Rules
from sagemaker_local.api.protocol import invalid, unsupported
from sagemaker_local.images.environments import Environment
from sagemaker_local.jobs.host_process import HostRun
from sagemaker_local.jobs.hosts import Host, check_count, merged_files
from sagemaker_local.jobs.job_files import JobFiles
from sagemaker_local.jobs.job_run import REASON_LIMIT, JobRun
from sagemaker_local.jobs.jobs import Jobs
from sagemaker_local.jobs.kinds import PROCESSING
from sagemaker_local.jobs.process_run import ProcessRun
from sagemaker_local.store import Record

RULES: Rules = {
    "ProcessingResources.ClusterConfig.InstancePreferences": (),
    "ProcessingInputs[].DatasetDefinition": (),
    "ProcessingInputs[].AppManaged": (False,),
    "ProcessingInputs[].S3Input.S3InputMode": ("File",),
    "ProcessingInputs[].S3Input.S3CompressionType": ("None",),
    "ProcessingOutputConfig.Outputs[].FeatureStoreOutput": (),
    "ProcessingOutputConfig.Outputs[].AppManaged": (False,),
}
IDLE_FIELDS = (
    "ProcessingOutputConfig.KmsKeyId",
    "ProcessingResources.ClusterConfig.VolumeKmsKeyId",
    "NetworkConfig.EnableInterContainerTrafficEncryption",
    "NetworkConfig.VpcConfig",
    "ExperimentConfig",
)
ROOT = "/opt/ml/"
MESSAGE = "/opt/ml/output/message"
EMPTY = "the job wrote nothing to its output {}"
"""The file with the job's ExitMessage (DescribeProcessingJob, API reference)."""
PYTHON = re.compile(r"/(?:\S*/)?python(?:3(?:\.\d+)?)?")


class ProcessingRun(ProcessRun):
    kind = PROCESSING
    idle_fields = IDLE_FIELDS

    @property
    def image(self) -> str:
        return str(self.record["AppSpecification"]["ImageUri"])

    @property
    def instance_count(self) -> int:
        return int(self.record["ProcessingResources"]["ClusterConfig"]["InstanceCount"])

    @property
    def wants_isolation(self) -> bool:
        return bool(self.record.get("NetworkConfig", {}).get("EnableNetworkIsolation"))

    def prepare(self, environment: Environment, host: Host) -> Environment:
        for item in self.record.get("ProcessingInputs", []):
            source = item["S3Input"]
            folder = host.local(source["LocalPath"])
            shard = host.shard(source.get("S3DataDistributionType", ""))
            self.context.storage.download(source["S3Uri"], source["S3DataType"], folder, shard)
        for output in self._outputs():
            host.local(output["LocalPath"]).mkdir(parents=True, exist_ok=True)
        for name in ("config", "output"):
            (host.opt_ml / name).mkdir(exist_ok=True)
        hosts = {"current_host": host.name, "hosts": host.names}
        (host.opt_ml / "config/resourceconfig.json").write_text(json.dumps(hosts))
        (host.opt_ml / "config/processingjobconfig.json").write_text(json.dumps(self.record))
        return environment

    def command(self, python: str) -> tuple[tuple[str, ...], dict[str, str]]:
        """The container's command. An absolute path to a Python becomes the environment's Python."""
        specification = self.record["AppSpecification"]
        program, *rest = specification["ContainerEntrypoint"]
        first = python if PYTHON.fullmatch(program) else program
        return (first, *rest, *specification.get("ContainerArguments", [])), {
            "PROCESSING_JOB_ARN": self.record[self.kind.arn]
        }

    def upload_results(self, succeeded: bool) -> None:
        message = JobFiles(self.hosts[0].opt_ml, self.log.note).text(MESSAGE, REASON_LIMIT)
        if message:
            self.record["ExitMessage"] = message
        for output in self._outputs():
            if succeeded or output["S3UploadMode"] == "Continuous":
                files = merged_files(self.hosts, output["LocalPath"].rstrip("/"), self.log.note)
                if succeeded and not files:
                    self.log.note(f"WARNING: {EMPTY.format(output['LocalPath'])}")
                self.context.storage.upload_files(files, output["S3Uri"])

    def failure_text(self, failed: HostRun) -> str:  # noqa: ARG002 -- processing jobs have no failure file
        return ""

    def add_final_fields(self) -> None:
        """Add FailureReason for a job that ran too long: there is no secondary status for it."""
        if self.stopped_as == "MaxRuntimeExceeded":
            limit = self.record["StoppingCondition"]["MaxRuntimeInSeconds"]
            self.record["FailureReason"] = f"MaxRuntimeExceeded: the job ran longer than {limit} seconds"

    def _outputs(self) -> list[dict[str, Any]]:
        outputs = self.record.get("ProcessingOutputConfig", {}).get("Outputs", [])
        return [output["S3Output"] for output in outputs]


class ProcessingJobs(Jobs):
    kind = PROCESSING

    def check(self, request: dict[str, Any]) -> None:
        if "ContainerEntrypoint" not in request["AppSpecification"]:
            raise unsupported(
                "AppSpecification without ContainerEntrypoint (an image's own command is unknown here)"
            )
        count = request["ProcessingResources"]["ClusterConfig"]["InstanceCount"]
        check_count("ProcessingResources.ClusterConfig.InstanceCount", count)
        inputs = [item.get("S3Input") for item in request.get("ProcessingInputs", [])]
        outputs = [
            item.get("S3Output") for item in request.get("ProcessingOutputConfig", {}).get("Outputs", [])
        ]
        for location in (*inputs, *outputs):
            _check_location(location)

    def run_of(self, record: Record) -> JobRun:
        return ProcessingRun(self.context, record)


def _check_location(location: dict[str, Any] | None) -> None:
    path = (location or {}).get("LocalPath", "")
    if not path.startswith(ROOT) or ".." in path.split("/"):
        raise invalid(f"LocalPath must be a folder under {ROOT}processing; got {path or 'none'}")
    if not str((location or {}).get("S3Uri", "")).startswith("s3://"):
        raise invalid(f"S3Uri of {path} must start with s3://")
