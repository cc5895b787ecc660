"""The production variants of an endpoint: what its record keeps of each, and what a caller is told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sagemaker_local.hosting import models
from sagemaker_local.hosting.deployment import Step, activated
from sagemaker_local.hosting.rollout import BAKING
from sagemaker_local.model_servers.fleet import Serving
from sagemaker_local.model_servers.serving import STARTUP_SECONDS
from sagemaker_local.resource import Context, now
from sagemaker_local.store import Record

RETAINED = (("weight", "DesiredWeight"), ("count", "DesiredInstanceCount"))


def serving_of(context: Context, config: Record) -> Serving:
    """A copy of all that the model servers need: an endpoint outlives its configuration and models."""
    serving = []
    for variant in config["ProductionVariants"]:
        container = models.find(context, variant["ModelName"])["_container"]
        serving.append(
            {
                "name": variant["VariantName"],
                "image": container["Image"],
                "model_data": container["ModelData"],
                "environment": container["Environment"],
                "weight": variant["InitialVariantWeight"],
                "count": variant["InitialInstanceCount"],
                "instance_type": variant["InstanceType"],
                "startup": variant.get("ContainerStartupHealthCheckTimeoutInSeconds", STARTUP_SECONDS),
            }
        )
    return serving


def retain(serving: Serving, record: Record, request: dict[str, Any]) -> None:
    """RetainAllVariantProperties: weights and counts as they are, not as the new configuration says."""
    if not request.get("RetainAllVariantProperties"):
        return
    excluded = {each["VariantPropertyType"] for each in request.get("ExcludeRetainedVariantProperties", [])}
    before = {each["name"]: each for each in record["_current"]["serving"]}
    for each in serving:
        for member, kind in RETAINED:
            if kind not in excluded and each["name"] in before:
                each[member] = before[each["name"]][member]


def reweighed(serving: Serving, wanted: list[dict[str, Any]]) -> Serving:
    """The same variants with the weights and counts of UpdateEndpointWeightsAndCapacities."""
    changes = {each["VariantName"]: each for each in wanted}
    return [
        {
            **each,
            **{
                member: changes[each["name"]][kind]
                for member, kind in RETAINED
                if kind in changes.get(each["name"], {})
            },
        }
        for each in serving
    ]


def instances(serving: Serving) -> int:
    return sum(each["count"] for each in serving)


def summaries(serving: Serving, wanted: Serving | None = None) -> list[dict[str, Any]]:
    """ProductionVariants of DescribeEndpoint; `wanted` is what they are being changed to."""
    return [
        {
            "VariantName": each["name"],
            "DeployedImages": _images(each),
            "CurrentWeight": each["weight"],
            "DesiredWeight": then["weight"],
            "CurrentInstanceCount": each["count"],
            "DesiredInstanceCount": then["count"],
        }
        for each, then in zip(serving, wanted or serving, strict=True)
    ]


def pending_summary(
    config: str, serving: Serving, started: float, step: Step | None = None, stage: str = ""
) -> dict[str, Any]:
    """PendingDeploymentSummary; without a step, the instances are still being launched."""
    return {
        "EndpointConfigName": config,
        "StartTime": started,
        "ProductionVariants": list(_pending_variants(serving, step, stage)),
    }


def capture_summary(config: dict[str, Any]) -> dict[str, Any]:
    """DataCaptureConfig of DescribeEndpoint."""
    enabled = config.get("EnableCapture", True)
    return {
        "EnableCapture": enabled,
        "CaptureStatus": "Started" if enabled else "Stopped",
        "CurrentSamplingPercentage": config["InitialSamplingPercentage"],
        "DestinationS3Uri": config["DestinationS3Uri"],
        "KmsKeyId": config.get("KmsKeyId", ""),
    }


def _pending_variants(serving: Serving, step: Step | None, stage: str) -> Iterator[dict[str, Any]]:
    for each in serving:
        count = activated(step.share, each["count"]) if step else 0
        status, message = (
            (stage, _message(step, stage, count))
            if step
            else ("Creating", f"Launching {each['count']} instance(s).")
        )
        yield {
            "VariantName": each["name"],
            "DeployedImages": _images(each),
            "CurrentWeight": each["weight"],
            "DesiredWeight": each["weight"],
            "CurrentInstanceCount": count,
            "DesiredInstanceCount": each["count"],
            "InstanceType": each["instance_type"],
            "VariantStatus": [{"Status": status, "StatusMessage": message, "StartTime": now()}],
        }


def _message(step: Step, stage: str, count: int) -> str:
    """In the words of the developer guide, Endpoint deployment state change."""
    capacity = f"{step.capacity} capacity of {count} instance(s)."
    if stage == BAKING:
        return f"Baking for {step.wait} seconds ({step.reason}) with traffic enabled on {capacity}"
    return f"Activating traffic on {capacity}"


def _images(variant: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"SpecifiedImage": variant["image"], "ResolutionTime": now()}]
