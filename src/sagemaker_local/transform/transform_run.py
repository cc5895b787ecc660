"""The life of a transform job: its model server, its input objects and its output objects."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from sagemaker_local.errors import JobFailure
from sagemaker_local.jobs.hosts import LOG
from sagemaker_local.jobs.job_files import JobFiles
from sagemaker_local.jobs.job_run import JobRun
from sagemaker_local.jobs.kinds import TRANSFORM
from sagemaker_local.logs.log_stream import LogStream
from sagemaker_local.model_servers.hosting import ArtifactError, Hosting
from sagemaker_local.model_servers.serving import STARTUP_SECONDS, StartError, Worker
from sagemaker_local.resource import Context, now
from sagemaker_local.storage import Item, check_names
from sagemaker_local.store import Record
from sagemaker_local.transform import data_processing, execution_parameters, model_client
from sagemaker_local.transform.model_client import InvocationError
from sagemaker_local.transform.transformation import Transformation

IDLE_FIELDS = (
    "TransformOutput.KmsKeyId",
    "TransformResources.VolumeKmsKeyId",
    "TransformResources.TransformAmiVersion",
    "ExperimentConfig",
)
VARIANT = "model"
SUFFIX = ".out"
"""Added to the name of an input object for the name of its output (developer guide, batch transform)."""
NO_PING = (
    "AlgorithmError: Model container failed to respond to ping; Ensure /ping endpoint is implemented and"
    " responds with an HTTP 200 status code. Its log ends with: "
)
SEE_LOGS = "See job logs for more information"


class TransformHosting(Hosting):
    """The model server's files are in the job's folder, and its output is in the job's log."""

    def __init__(self, context: Context, run: TransformRun) -> None:
        super().__init__(context, run.name, 0)
        self._folder = run.folder
        self._run = run

    def _log(self, variant: str) -> LogStream:  # noqa: ARG002 -- there is one variant
        return self._run.stream("")


class TransformRun(JobRun):
    kind = TRANSFORM
    idle_fields = IDLE_FIELDS
    host = f"i-{1:017x}"

    def __init__(self, context: Context, record: Record) -> None:
        super().__init__(context, record)
        self._worker: Worker | None = None

    def stream(self, suffix: str) -> LogStream:
        """A log stream with this suffix, and the file of the same name."""
        file = self.folder / (LOG + suffix.replace("/", "-"))
        return self.context.logs.open(self.kind.log_group, self.log.name + suffix, file)

    def execute(self) -> str:
        self.warn()
        source = self.record["TransformInput"]["DataSource"]["S3DataSource"]
        items = self.context.storage.items(source["S3Uri"], source["S3DataType"])
        check_names([replace(item, path=item.path + SUFFIX) for item in items])
        data_log = self.stream("/data-log")
        try:
            with self._serving() as worker:
                reason = self._transform(items, worker, data_log)
        except StartError as error:
            return NO_PING + str(error)
        finally:
            data_log.close()
        # A stopped job keeps no output (StopTransformJob, API reference).
        if not self._stopping.is_set():
            files = JobFiles(self._output, self.log.note, "output").tree("output", optional=True)
            self.context.storage.upload_files(files, self.record["TransformOutput"]["S3OutputPath"])
        return reason

    def kill(self) -> None:
        with self._lock:
            worker = self._worker
        if worker is not None:
            worker.close()

    terminate = kill

    @property
    def _output(self) -> Path:
        return self.folder / "output"

    @contextmanager
    def _serving(self) -> Iterator[Worker]:
        """Run the model server. StartError if it does not become healthy or the job was stopped."""
        hosting = TransformHosting(self.context, self)
        variant = self._variant()
        try:
            hosting.prepare(variant)
        except ArtifactError as error:
            raise JobFailure(f"ClientError: {error}") from error
        worker = Worker(hosting.launch(variant))
        with self._lock:
            if self._stopping.is_set():
                raise StartError("the job was stopped")
            self._worker = worker
            self.record[self.kind.started] = now()
        try:
            worker.start()
            self.set_status("Training")
            yield worker
        finally:
            worker.close()

    def _variant(self) -> Record:
        container = self.record["_container"]
        return {
            "name": VARIANT,
            "image": container["Image"],
            "model_data": container["ModelData"],
            "isolated": container.get("Isolated", False),
            "environment": {
                **container["Environment"],
                **self.record.get("Environment", {}),
                **execution_parameters.variables(self.record),
            },
            "startup": STARTUP_SECONDS,
        }

    def _transform(self, items: list[Item], worker: Worker, data_log: LogStream) -> str:
        """Transform all objects. Returns the failure reason of the first one that failed; empty if none
        did."""
        source, target = self.record["TransformInput"], self.record["TransformOutput"]
        parameters = execution_parameters.decide(self.record, execution_parameters.fetch(worker))
        _note(data_log, str(parameters))
        processing = data_processing.parse(self.record)
        if processing.has_bounded_slice:
            _note(data_log, "WARNING: the end of a slice, as in $[1:4], is excluded")
        client = model_client.client(worker, self.record, self._stopping.is_set)
        with (
            ThreadPoolExecutor(parameters.concurrent, thread_name_prefix="transform-request") as requests,
            ThreadPoolExecutor(parameters.concurrent, thread_name_prefix="transform-object") as objects,
        ):
            transformation = Transformation(
                processing,
                parameters,
                source["SplitType"],
                source["CompressionType"],
                target["AssembleWith"],
                requests,
                client.invoke,
            )
            blames = list(objects.map(lambda item: self._object(item, transformation, data_log), items))
        blame = next(filter(None, blames), "")
        return f"{blame}: {SEE_LOGS}" if blame else ""

    def _object(self, item: Item, transformation: Transformation, data_log: LogStream) -> str:
        """Transform one object. Returns the prefix of the failure reason; empty on success."""
        if self._stopping.is_set():
            return ""
        file = item.below(self.folder / "input")
        try:
            self.context.storage.fetch(item, file)
            transformation.run(file, item.below(self._output).with_name(file.name + SUFFIX))
        except InvocationError as error:
            for line in error.lines:
                _note(data_log, f"{item.bucket}/{item.key}: {line}")
            return error.blame
        finally:
            file.unlink(missing_ok=True)
        return ""


def _note(data_log: LogStream, text: str) -> None:
    """Write a line in the format of SageMaker's data log."""
    time = datetime.now(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")
    data_log.note(f"{time}:[sagemaker logs]: {text}")
