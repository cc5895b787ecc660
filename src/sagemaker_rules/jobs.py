"""Rules for processing and transform jobs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sagemaker_rules.instances import has_local_storage
from sagemaker_rules.rule import Breach, Request, Rule, at, breach, items, number, repeated

INPUTS, OUTPUTS = "ProcessingInputs", "ProcessingOutputConfig.Outputs"
PAYLOAD = 100
API = "SageMaker API reference, {}"
ASSOCIATE = 'SageMaker developer guide, "Associate Prediction Results with Input Records"'
LINES = ("text/csv", "application/jsonlines")


def _names(job: Request) -> Iterator[Breach]:
    names = [item.get("InputName") for item in items(job, INPUTS)]
    names += [item.get("OutputName") for item in items(job, OUTPUTS)]
    for name in repeated(names):
        yield breach(INPUTS, name=name)


def _paths(job: Request) -> Iterator[Breach]:
    folders = [at(item, "S3Input.LocalPath") for item in items(job, INPUTS)]
    folders += [at(item, "S3Output.LocalPath") for item in items(job, OUTPUTS)]
    for folder in repeated(folder.rstrip("/") for folder in folders if isinstance(folder, str)):
        yield breach(INPUTS, folder=folder)


def _input_path(job: Request) -> Iterator[Breach]:
    for index, item in enumerate(items(job, INPUTS)):
        folder = at(item, "S3Input.LocalPath")
        if isinstance(folder, str) and not f"{folder}/".startswith("/opt/ml/processing/"):
            yield breach(f"{INPUTS}[{index}].S3Input.LocalPath", folder=folder)


def _compression(job: Request) -> Iterator[Breach]:
    for index, item in enumerate(items(job, INPUTS)):
        source = item.get("S3Input", {})
        if source.get("S3CompressionType") == "Gzip" and source.get("S3InputMode") != "Pipe":
            yield breach(f"{INPUTS}[{index}].S3Input.S3CompressionType", name=item.get("InputName"))


def _one_source(job: Request) -> Iterator[Breach]:
    for index, item in enumerate(items(job, INPUTS)):
        if ("S3Input" in item) == ("DatasetDefinition" in item):
            yield breach(f"{INPUTS}[{index}]", name=item.get("InputName"))


def _volume_key(resources: str) -> Rule:
    def check(job: Request) -> Iterator[Breach]:
        instance_type = at(job, f"{resources}.InstanceType")
        local = isinstance(instance_type, str) and has_local_storage(instance_type)
        if at(job, f"{resources}.VolumeKmsKeyId") and local:
            yield breach(f"{resources}.VolumeKmsKeyId", type=instance_type)

    is_transform = resources == "TransformResources"
    name = "transform" if is_transform else "processing"
    source = API.format("TransformResources" if is_transform else "ProcessingClusterConfig")
    return Rule(
        f"no-{name}-volume-key-for-local-storage",
        "transform" if is_transform else "processing",
        "VolumeKmsKeyId is not supported for {type}, whose local storage is encrypted by a hardware module",
        f"{source}, VolumeKmsKeyId",
        check,
    )


def _payload(job: Request) -> Iterator[Breach]:
    size = number(job, "MaxPayloadInMB")
    if size is not None and size > PAYLOAD:
        yield breach("MaxPayloadInMB", size=size)


def _payloads(job: Request) -> Iterator[Breach]:
    size, concurrent = number(job, "MaxPayloadInMB"), number(job, "MaxConcurrentTransforms")
    if size and concurrent and size <= PAYLOAD < size * concurrent:
        yield breach("MaxConcurrentTransforms", size=size, concurrent=concurrent)


def _batches(job: Request) -> Iterator[Breach]:
    if at(job, "BatchStrategy") and at(job, "TransformInput.SplitType") in (None, "None"):
        yield breach("BatchStrategy")


def _is_joined(job: Request) -> bool:
    processing = job.get("DataProcessing")
    if not isinstance(processing, Mapping):
        return False
    return processing.get("JoinSource") == "Input" or bool(processing.get("OutputFilter"))


def _assembly(job: Request) -> Iterator[Breach]:
    split = at(job, "TransformInput.SplitType") or "None"
    assemble = at(job, "TransformOutput.AssembleWith") or "None"
    if _is_joined(job) and split in ("None", "Line") and split != assemble:
        yield breach("TransformOutput.AssembleWith", split=split, assemble=assemble)


def _accept(job: Request) -> Iterator[Breach]:
    sent, accept = at(job, "TransformInput.ContentType"), at(job, "TransformOutput.Accept")
    if _is_joined(job) and sent and accept and sent != accept:
        yield breach("TransformOutput.Accept", sent=sent, accept=accept)


def _lines(job: Request) -> Iterator[Breach]:
    sent = at(job, "TransformInput.ContentType")
    processed = _is_joined(job) or at(job, "DataProcessing.InputFilter")
    if processed and sent in LINES and at(job, "TransformInput.SplitType") in (None, "None"):
        yield breach("TransformInput.SplitType", sent=sent)


RULES = (
    Rule(
        "names-of-inputs-and-outputs",
        "processing",
        "Input and Output names must be globally unique: [{name}]",
        "https://github.com/aws/sagemaker-python-sdk/issues/3484",
        _names,
        quoted=True,
    ),
    Rule(
        "folders-of-inputs-and-outputs",
        "processing",
        "The LocalPath of each input and output must be unique: {folder}",
        "https://github.com/aws/sagemaker-python-sdk/issues/1950 and /4939",
        _paths,
    ),
    Rule(
        "input-folder",
        "processing",
        "LocalPath must begin with /opt/ml/processing/: {folder}",
        API.format("ProcessingS3Input, LocalPath"),
        _input_path,
    ),
    Rule(
        "gzip-needs-pipe",
        "processing",
        "Gzip can only be used when Pipe mode is specified as the S3InputMode: {name}",
        API.format("ProcessingS3Input, S3CompressionType"),
        _compression,
    ),
    Rule(
        "one-source-of-an-input",
        "processing",
        "Input {name} needs either S3Input or DatasetDefinition",
        API.format("ProcessingInput"),
        _one_source,
    ),
    _volume_key("ProcessingResources.ClusterConfig"),
    Rule(
        "payload-size",
        "transform",
        "MaxPayloadInMB must not exceed 100; it is {size}.",
        API.format("CreateTransformJob, MaxPayloadInMB"),
        _payload,
    ),
    Rule(
        "payload-of-all-requests",
        "transform",
        "MaxConcurrentTransforms * MaxPayloadInMB must not exceed 100; it is {concurrent} * {size}.",
        API.format("CreateTransformJob, MaxPayloadInMB"),
        _payloads,
    ),
    Rule(
        "batches-need-records",
        "transform",
        "To enable the batch strategy, you must set the SplitType property to Line, RecordIO, or TFRecord",
        API.format("CreateTransformJob, BatchStrategy"),
        _batches,
    ),
    Rule(
        "joined-records-are-assembled",
        "transform",
        "With a join or an output filter, AssembleWith, {assemble}, must match SplitType, {split}",
        ASSOCIATE,
        _assembly,
    ),
    Rule(
        "joined-records-have-one-type",
        "transform",
        "With a join or an output filter, Accept, {accept}, must match ContentType, {sent}",
        ASSOCIATE,
        _accept,
    ),
    Rule(
        "filtered-records-are-split",
        "transform",
        "DataProcessing of {sent} needs the SplitType Line",
        ASSOCIATE,
        _lines,
    ),
    _volume_key("TransformResources"),
)
