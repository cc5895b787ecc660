"""The operations CreateTrainingJob, DescribeTrainingJob, ListTrainingJobs and StopTrainingJob."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from sagemaker_local.api.fields import Rules, refuse_unsupported
from sagemaker_local.api.protocol import invalid, unsupported
from sagemaker_local.archive import unpack
from sagemaker_local.errors import JobFailure, RequirementsError
from sagemaker_local.images.environments import Environment
from sagemaker_local.jobs import built_in_xgboost, opt_ml
from sagemaker_local.jobs.host_process import HostRun
from sagemaker_local.jobs.hosts import Host, check_count, merged_files
from sagemaker_local.jobs.job_files import JobFiles
from sagemaker_local.jobs.job_run import REASON_LIMIT, JobRun
from sagemaker_local.jobs.jobs import Jobs
from sagemaker_local.jobs.kinds import TRAINING, TUNED
from sagemaker_local.jobs.matcher import check_regex
from sagemaker_local.jobs.metrics import Metrics
from sagemaker_local.jobs.process_run import ProcessRun
from sagemaker_local.resource import Context
from sagemaker_local.storage import is_s3, nothing_under
from sagemaker_local.store import Record

TRAIN = Path(__file__).parents[1] / "toolkit/train.py"
NO_NETWORK = "the container has no network (EnableNetworkIsolation)"
CHECKPOINTS = "/opt/ml/checkpoints"
"""The default of LocalPath in CheckpointConfig (API reference)."""
RULES: Rules = {
    "AlgorithmSpecification.AlgorithmName": (),
    "AlgorithmSpecification.TrainingInputMode": ("File", "FastFile"),
    "InputDataConfig[].InputMode": ("File", "FastFile"),
    "InputDataConfig[].CompressionType": ("None",),
    "InputDataConfig[].RecordWrapperType": ("None",),
    "InputDataConfig[].ShuffleConfig": (),
    "InputDataConfig[].DataSource.FileSystemDataSource": (),
    "InputDataConfig[].DataSource.DatasetSource": (),
    "InputDataConfig[].DataSource.S3DataSource.S3DataType": ("S3Prefix", "ManifestFile"),
    "InputDataConfig[].DataSource.S3DataSource.AttributeNames": (),
    "InputDataConfig[].DataSource.S3DataSource.InstanceGroupNames": (),
    "InputDataConfig[].DataSource.S3DataSource.ModelAccessConfig": (),
    "InputDataConfig[].DataSource.S3DataSource.HubAccessConfig": (),
    "ResourceConfig.InstanceGroups": (),
    "ResourceConfig.InstancePreferences": (),
    "TensorBoardOutputConfig": (),
    "ServerlessJobConfig": (),
    "MlflowConfig": (),
    "ModelPackageConfig": (),
    "WarmPoolStatusEquals": (),
    "TrainingPlanArnEquals": (),
}
IDLE_FIELDS = (
    "OutputDataConfig.KmsKeyId",
    "ResourceConfig.VolumeKmsKeyId",
    "ResourceConfig.KeepAlivePeriodInSeconds",
    "ResourceConfig.TrainingPlanArn",
    "ResourceConfig.InstancePlacementConfig",
    "AlgorithmSpecification.TrainingImageConfig",
    "AlgorithmSpecification.EnableSageMakerMetricsTimeSeries",
    "StoppingCondition.MaxWaitTimeInSeconds",
    "StoppingCondition.MaxPendingTimeInSeconds",
    "VpcConfig",
    "EnableInterContainerTrafficEncryption",
    "EnableManagedSpotTraining",
    "DebugHookConfig",
    "DebugRuleConfigurations",
    "ProfilerConfig",
    "ProfilerRuleConfigurations",
    "ExperimentConfig",
    "RetryStrategy",
    "RemoteDebugConfig",
    "InfraCheckConfig",
    "SessionChainingConfig",
)


class TrainingRun(ProcessRun):
    installs_requirements = True
    kind = TRAINING
    idle_fields = IDLE_FIELDS

    def __init__(self, context: Context, record: Record) -> None:
        super().__init__(context, record)
        self._specification = record["AlgorithmSpecification"]
        definitions = self._specification.get("MetricDefinitions", [])
        self._metrics = Metrics(definitions, lambda text: self.log.note(text))

    @property
    def image(self) -> str:
        return str(self._specification["TrainingImage"])

    def execute(self) -> str:
        try:
            return super().execute()
        finally:
            self._metrics.close()

    def observe(self, line: str) -> None:
        self._metrics.observe(line)

    def kill(self) -> None:
        super().kill()
        self._metrics.kill()

    @property
    def instance_count(self) -> int:
        return int(self.record["ResourceConfig"].get("InstanceCount", 1))

    @property
    def wants_isolation(self) -> bool:
        return bool(self.record.get("EnableNetworkIsolation"))

    def prepare(self, environment: Environment, host: Host) -> Environment:
        if host.number == 0:
            self.set_status("Downloading")
        opt_ml.make_folders(host.opt_ml)
        opt_ml.write_configuration(host, self.record)
        for channel in self.record.get("InputDataConfig", []):
            source = channel["DataSource"]["S3DataSource"]
            folder = host.opt_ml / "input/data" / channel["ChannelName"]
            shard = host.shard(source.get("S3DataDistributionType", ""))
            self.context.storage.download(source["S3Uri"], source["S3DataType"], folder, shard)
        if checkpoints := self.record.get("CheckpointConfig"):
            folder = host.local(checkpoints.get("LocalPath", CHECKPOINTS))
            folder.mkdir(parents=True, exist_ok=True)
            if self.context.storage.exists(checkpoints["S3Uri"]):
                self.context.storage.download(checkpoints["S3Uri"], "S3Prefix", folder)
        return (
            environment
            if "ContainerEntrypoint" in self._specification or is_built_in(self.record)
            else self._stage_script(environment, host)
        )

    def command(self, python: str) -> tuple[tuple[str, ...], dict[str, str]]:
        variables = {"TRAINING_JOB_NAME": self.name, "TRAINING_JOB_ARN": self.record[self.kind.arn]}
        # Without `site`: the toolkit needs only the standard library, and the script gets its own Python.
        built_in = (python, "-m", built_in_xgboost.MODULE)
        default = built_in if is_built_in(self.record) else (python, "-I", "-S", str(TRAIN))
        entrypoint = self._specification.get("ContainerEntrypoint", default)
        return (*entrypoint, *self._specification.get("ContainerArguments", [])), variables

    def upload_results(self, succeeded: bool) -> None:
        self.set_status("Uploading")
        self.record["FinalMetricDataList"] = self._metrics.final
        storage = self.context.storage
        output = self.record["OutputDataConfig"]
        target = f"{output['S3OutputPath'].rstrip('/')}/{self.name}/output"
        data = merged_files(self.hosts, "/opt/ml/output/data", self.log.note, optional=True)
        if data:
            storage.upload_archive(data, self.folder / "output.tar.gz", f"{target}/output.tar.gz")
        if checkpoints := self.record.get("CheckpointConfig"):
            folder = checkpoints.get("LocalPath", CHECKPOINTS).rstrip("/")
            files = merged_files(self.hosts, folder, self.log.note, optional=True)
            storage.upload_files(files, checkpoints["S3Uri"])
        if not succeeded:
            return
        model = merged_files(self.hosts, "/opt/ml/model", self.log.note)
        if output.get("CompressionType") == "NONE":
            artifacts = f"{target}/model/"
            storage.upload_files(model, artifacts)
        else:
            artifacts = f"{target}/model.tar.gz"
            storage.upload_archive(model, self.folder / "model.tar.gz", artifacts)
        self.record["ModelArtifacts"] = {"S3ModelArtifacts": artifacts}

    def failure_text(self, failed: HostRun) -> str:
        """The contents of /opt/ml/output/failure. An empty ErrorMessage gets the script's last line."""
        try:
            text = JobFiles(failed.host.opt_ml, self.log.note).text("/opt/ml/output/failure", REASON_LIMIT)
        except (JobFailure, OSError) as error:
            self.log.note(self.reason_of(error))
            return ""
        return text.replace('ErrorMessage ""', f'ErrorMessage "{failed.last_lines(exclude=text, count=1)}"')

    def add_final_fields(self) -> None:
        started = self.record.get(self.kind.started)
        if started is not None:
            seconds = max(1, math.ceil(self.record[self.kind.ended] - started))
            self.record |= {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}

    def _stage_script(self, environment: Environment, host: Host) -> Environment:
        """Script mode: put the source into /opt/ml/code and install its requirements."""
        code = host.opt_ml / "code"
        source = _decoded(self.record.get("HyperParameters", {}).get("sagemaker_submit_directory", ""))
        if source.startswith("s3://") and self.wants_isolation:
            raise JobFailure(f"AlgorithmError: {NO_NETWORK} to download {source}, exit code: 1")
        if source.startswith("s3://"):
            archive = host.folder / "source.tar.gz"
            self.context.storage.download_file(source, archive)
            unpack(archive, code, source)
        elif source.startswith("/opt/ml/") and ".." not in source.split("/"):
            local = host.local(source)
            if local.is_file():
                unpack(local, code, source)
        requirements = code / "requirements.txt"
        if not requirements.is_file():
            return environment
        if self.wants_isolation:
            reason = f"AlgorithmError: InstallRequirementsError: {NO_NETWORK} to install requirements.txt"
            raise JobFailure(f"{reason}, exit code: 1")
        try:
            return self.context.environments.with_requirements(environment, requirements, self.log.note)
        except RequirementsError as error:
            self.log.note(error.output)
            command = "python -m pip install -r requirements.txt"
            reason = f'ExitCode {error.code}\nErrorMessage "{error.output}"\nCommand "{command}"'
            raise JobFailure(f"AlgorithmError: InstallRequirementsError:\n{reason}, exit code: 1") from error


class TrainingJobs(Jobs):
    kind = TRAINING

    def check(self, request: dict[str, Any]) -> None:
        refuse_unsupported(request, RULES)
        specification = request.get("AlgorithmSpecification", {})
        for member in ("AlgorithmSpecification", "ResourceConfig", "StoppingCondition"):
            if member not in request:
                raise invalid(f"{member} is required")
        if "TrainingImage" not in specification:
            raise invalid("AlgorithmSpecification.TrainingImage is required")
        if not request["OutputDataConfig"]["S3OutputPath"].startswith("s3://"):
            raise invalid("OutputDataConfig.S3OutputPath must start with s3://")
        checkpoints = request.get("CheckpointConfig", {}).get("LocalPath", CHECKPOINTS)
        if not checkpoints.startswith("/opt/ml/") or ".." in checkpoints.split("/"):
            raise unsupported(f"CheckpointConfig.LocalPath={checkpoints}, which is not under /opt/ml")
        check_count("ResourceConfig.InstanceCount", request["ResourceConfig"].get("InstanceCount", 1))
        for definition in specification.get("MetricDefinitions", []):
            check_regex(definition["Name"], definition["Regex"])
        if is_built_in(request):
            built_in_xgboost.check(request)
        elif "ContainerEntrypoint" not in specification and not _script(request):
            raise unsupported(
                "AlgorithmSpecification without ContainerEntrypoint, unless in script mode "
                "(hyperparameters sagemaker_program and sagemaker_submit_directory) or with an XGBoost image"
            )
        self._check_inputs(request)

    def new(self, request: dict[str, Any]) -> Record:
        record = super().new(request)
        # DescribeTrainingJob has the key also if it is empty: the SDK 2 reads it in Estimator.attach.
        record["OutputDataConfig"] = {"KmsKeyId": "", **request["OutputDataConfig"]}
        if is_built_in(request):
            record["AlgorithmSpecification"] = {
                **request["AlgorithmSpecification"],
                "MetricDefinitions": built_in_xgboost.metric_definitions(),
            }
        tuned = self.context.store.get(TUNED, request[self.kind.name])
        return record | ({"TuningJobArn": tuned["TuningJobArn"]} if tuned else {})

    def _check_inputs(self, request: dict[str, Any]) -> None:
        """Reject a channel without objects. SageMaker checks this when the job is created."""
        for channel in request.get("InputDataConfig", []):
            source = channel["DataSource"].get("S3DataSource")
            if source is None:
                raise invalid(f"Channel {channel['ChannelName']} has no S3DataSource")
            if not is_s3(source["S3Uri"]):
                raise invalid(f"S3Uri of channel {channel['ChannelName']} is not an S3 URI")
            if not self.context.storage.exists(source["S3Uri"]):
                raise invalid(nothing_under(source["S3Uri"]))

    def run_of(self, record: Record) -> JobRun:
        return TrainingRun(self.context, record)


def is_built_in(request: dict[str, Any]) -> bool:
    """Whether a request or record trains with AWS's built-in XGBoost."""
    return not _script(request) and built_in_xgboost.is_built_in(request["AlgorithmSpecification"])


def _script(request: dict[str, Any]) -> str:
    """The script for script mode, from a hyperparameter or variable, as sagemaker-training finds it."""
    variable: str = request.get("Environment", {}).get("SAGEMAKER_PROGRAM", "")
    return variable or _decoded(request.get("HyperParameters", {}).get("sagemaker_program", ""))


def _decoded(value: str) -> str:
    """A hyperparameter's text. SDKs send JSON text; other clients send the text itself."""
    try:
        decoded = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return decoded if isinstance(decoded, str) else value
