"""CreateProcessingJob -> a processing stage."""

from __future__ import annotations

from typing import Any

from stagewright.migration.converted import Stage
from stagewright.migration.requests.request import Request
from stagewright.migration.requests.scripts import processing_script

LONGEST = 86_400
"""Seconds without a StoppingCondition: CreateProcessingJob, API reference, one day."""
SHARDED = {"FullyReplicated": "full", "ShardedByS3Key": "sharded"}
UPLOADS = {"EndOfJob": "end_of_job", "Continuous": "continuous"}
ONLY = {"S3DataType": "S3Prefix", "S3InputMode": "File", "S3CompressionType": "None"}
FOLDER = "/opt/ml/processing"


def processing(of: Request) -> Stage:
    command = [str(word) for word in of.take("AppSpecification", "ContainerEntrypoint") or []]
    arguments = [str(word) for word in of.take("AppSpecification", "ContainerArguments") or []]
    inputs = of.mappings("ProcessingInputs")
    image = of.take("AppSpecification", "ImageUri")
    stage: Stage = {"kind": "processing", **of.compute(image, "ProcessingResources", "ClusterConfig")}
    stage |= processing_script(of, command, inputs)
    stage |= {"arguments": arguments} if arguments else {}
    stage |= of.environment("Environment")
    stage |= _inputs(of, inputs) | _outputs(of) | of.network("NetworkConfig")
    stage["max_runtime_seconds"] = of.take("StoppingCondition", "MaxRuntimeInSeconds") or LONGEST
    of.take("AppManaged")
    of.drop()
    return stage | of.rest()


def _inputs(of: Request, inputs: list[dict[str, Any]]) -> Stage:
    written = {}
    for item in inputs:
        name = of.name(item.get("InputName", "input"), "ProcessingInputs")
        source = dict(item.get("S3Input") or {})
        field = f"ProcessingInputs.{name}"
        if not source or item.get("DatasetDefinition"):
            of.refuse(field, "only an input from S3 can be converted", "write its result to S3 first")
            continue
        _require(of, field, source)
        written[name] = _input(name, source)
    return {"inputs": written} if written else {}


def _input(name: str, source: dict[str, Any]) -> Any:
    path, uri = str(source.get("LocalPath") or "").rstrip("/"), source.get("S3Uri")
    sharded = SHARDED.get(source.get("S3DataDistributionType") or "FullyReplicated", "full")
    details = {"path": path} if path and path != f"{FOLDER}/input/{name}" else {}
    details |= {"distribution": sharded} if sharded != "full" else {}
    return {"uri": uri, **details} if details else uri


def _require(of: Request, field: str, source: dict[str, Any]) -> None:
    """Report a setting with another value than the only one that a stage has."""
    for name, value in ONLY.items():
        if source.get(name) not in (None, value):
            of.refuse(f"{field}.{name}", f"{source[name]} cannot be converted", f"use {value}")


def _outputs(of: Request) -> Stage:
    written = {}
    for item in of.mappings("ProcessingOutputConfig", "Outputs"):
        name = of.name(item.get("OutputName", "output"), "ProcessingOutputConfig")
        target = item.get("S3Output")
        if not isinstance(target, dict):
            message = "only an output to S3 can be converted"
            of.refuse(f"ProcessingOutputConfig.{name}", message, "write it with a script")
            continue
        written[name] = _output(of, name, target)
    of.take("ProcessingOutputConfig")
    return {"outputs": written} if written else {}


def _output(of: Request, name: str, target: dict[str, Any]) -> dict[str, str]:
    uri, path = str(target.get("S3Uri") or ""), str(target.get("LocalPath") or "").rstrip("/")
    if uri and not uri.rstrip("/").endswith(f"/output/{name}"):
        of.note(
            f"ProcessingOutputConfig.{name}", f"{uri} dropped: each run writes to its own folder", "set `uri`"
        )
    upload = UPLOADS.get(target.get("S3UploadMode") or "EndOfJob", "end_of_job")
    details = {"path": path or f"{FOLDER}/output/{name}"}
    return details | ({"upload": upload} if upload != "end_of_job" else {})
