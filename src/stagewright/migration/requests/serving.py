"""CreateModel, CreateModelPackage and CreateTransformJob -> model, register and transform stages."""

from __future__ import annotations

from typing import Any

from stagewright.migration.converted import Stage
from stagewright.migration.requests.request import Request
from stagewright.migration.requests.scripts import script_mode

APPROVALS = {"PendingManualApproval": "manual", "Approved": "approved", "Rejected": "rejected"}
OF_SDK = ("SAGEMAKER_CONTAINER_LOG_LEVEL", "SAGEMAKER_REGION")
"""Variables that the stage sets itself."""
DESCRIPTIVE = ("Framework", "FrameworkVersion", "NearestModelName", "ModelInput", "ContainerHostname", "Mode")
"""Fields of a container that describe it. A serving container does not read them."""
PROGRAM, SOURCE = "SAGEMAKER_PROGRAM", "SAGEMAKER_SUBMIT_DIRECTORY"
DAY = 86_400


def model(of: Request) -> Stage:
    containers = of.mappings("Containers")
    container = of.take("PrimaryContainer") or (containers[0] if len(containers) == 1 else None)
    if not container:
        of.refuse("Containers", "an inference pipeline cannot be converted", "use one container")
        return {}
    stage = {"kind": "model", **_container(of, container), **of.network()}
    of.drop()
    return stage | of.rest()


def register(of: Request) -> Stage:
    inference = "InferenceSpecification"
    containers = of.mappings(inference, "Containers")
    if len(containers) != 1:
        of.refuse(f"{inference}.Containers", "only one container can be converted", "register one model")
        return {}
    stage = {"kind": "register", **_container(of, containers[0])}
    group = of.fixed(of.take("ModelPackageGroupName"), "ModelPackageGroupName")
    stage |= {"group": group} if group else {}
    status = of.fixed(of.take("ModelApprovalStatus"), "ModelApprovalStatus")
    stage |= {"approval": APPROVALS.get(status or "PendingManualApproval", "manual")}
    stage |= _listed(of, inference)
    metrics = of.take("ModelMetrics", "ModelQuality", "Statistics") or {}
    stage |= {"metrics": metrics["S3Uri"]} if metrics.get("S3Uri") else {}
    if of.data.get("SkipModelValidation") == "None":
        of.take("SkipModelValidation")
    of.drop()
    return stage | of.rest()


def _listed(of: Request, inference: str) -> Stage:
    fields = {
        "content_types": "SupportedContentTypes",
        "response_types": "SupportedResponseMIMETypes",
        "instance_types": "SupportedRealtimeInferenceInstanceTypes",
    }
    values = {field: of.fixed(of.take(inference, name), name) for field, name in fields.items()}
    return {field: value for field, value in values.items() if value}


def _container(of: Request, container: dict[str, Any]) -> Stage:
    """Model, image, script and variables of a serving container."""
    variables = dict(container.get("Environment") or {})
    program, source = variables.pop(PROGRAM, None), variables.pop(SOURCE, None)
    kept = {name: value for name, value in variables.items() if name not in OF_SDK}
    for name in container.keys() & set(DESCRIPTIVE):
        of.note(name, "dropped: it only describes the container", "add it to `request`")
    known = {"Image", "ModelDataUrl", "Environment", "ImageDigest", *DESCRIPTIVE}
    for name in sorted(container.keys() - known):
        of.refuse(name, "this field of a container cannot be converted", "leave it out")
    stage: Stage = {"model": container.get("ModelDataUrl") or ""}
    if not stage["model"]:
        of.refuse("ModelDataUrl", "the container has no model", "name the artifact of a step")
    if str(source or "").startswith("/opt/ml/model"):
        kept |= {PROGRAM: program, SOURCE: source}
        program = None
    stage |= of.compute(container.get("Image"))
    stage |= script_mode(of, program, source, "Environment")
    return stage | ({"environment": kept} if kept else {})


def transform(of: Request) -> Stage:
    """Absent settings have SageMaker's defaults: whole files, one request at a time."""
    source, target = "TransformInput", "TransformOutput"
    split = of.take(source, "SplitType") or "None"
    fields = {
        "model": of.take("ModelName"),
        "input": of.take(source, "DataSource", "S3DataSource", "S3Uri"),
        "content_type": of.take(source, "ContentType"),
        "accept": of.take(target, "Accept"),
        "split_by": split,
        "assemble_with": of.take(target, "AssembleWith") or "None",
        "strategy": of.take("BatchStrategy") if split != "None" else None,
        "max_payload_mb": of.take("MaxPayloadInMB"),
        "max_concurrent": of.take("MaxConcurrentTransforms"),
        "input_filter": of.take("DataProcessing", "InputFilter"),
        "output_filter": of.take("DataProcessing", "OutputFilter"),
        "join": of.take("DataProcessing", "JoinSource") == "Input" or None,
    }
    stage: Stage = {
        "kind": "transform",
        **{name: value for name, value in fields.items() if value is not None},
    }
    if of.take(source, "DataSource", "S3DataSource", "S3DataType") not in (None, "S3Prefix"):
        of.refuse(f"{source}.DataSource", "only S3Prefix can be converted", "use a prefix")
    uri = of.take(target, "S3OutputPath")
    if uri:
        of.note(f"{target}.S3OutputPath", f"{uri} dropped: each run writes to its own folder", "set `output`")
    if fields["content_type"] is None:
        of.note(f"{source}.ContentType", "text/csv, the default of a stage", "set `content_type`")
    stage |= of.compute(None, "TransformResources")
    of.note(
        "TransformResources",
        f"the job may take {DAY} seconds; SageMaker has no limit",
        "set max_runtime_seconds",
    )
    of.drop()
    for name in ("content_type", "accept", "split_by", "assemble_with", "strategy", "join"):
        stage |= {name: of.fixed(stage[name], name)} if name in stage else {}
    return {"kind": "transform"} | stage | {"max_runtime_seconds": DAY} | of.rest()
