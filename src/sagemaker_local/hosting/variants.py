"""The production variants of an endpoint: their records and their descriptions."""

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


def served_variants(context: Context, config: Record) -> Serving:
    """What the model servers need. A copy, because an endpoint outlives its configuration and models."""
    serving = []
    for variant in config["ProductionVariants"]:
        container = models.find(context, variant["ModelName"])["_container"]
        serving.append(
            {
                "name": variant["VariantName"],
                "image": container["Image"],
                "model_data": container["ModelData"],
                "isolated": container.get("Isolated", False),
                "environment": container["Environment"],
                "weight": variant["InitialVariantWeight"],
                "count": variant["InitialInstanceCount"],
                "instance_type": variant["InstanceType"],
                "startup": variant.get("ContainerStartupHealthCheckTimeoutInSeconds", STARTUP_SECONDS),
            }
        )
    return serving


def retain(serving: Serving, record: Record, request: dict[str, Any]) -> None:
    """RetainAllVariantProperties: keep the current weights and counts instead of the new configuration's."""
    if not request.get("RetainAllVariantProperties"):
        return
    excluded = {item["VariantPropertyType"] for item in request.get("ExcludeRetainedVariantProperties", [])}
    before = {variant["name"]: variant for variant in record["_current"]["serving"]}
    for variant in serving:
        for member, kind in RETAINED:
            if kind not in excluded and variant["name"] in before:
                variant[member] = before[variant["name"]][member]


def with_weights(serving: Serving, desired: list[dict[str, Any]]) -> Serving:
    """The variants with the weights and counts of UpdateEndpointWeightsAndCapacities."""
    changes = {variant["VariantName"]: variant for variant in desired}
    return [
        {
            **variant,
            **{
                member: changes[variant["name"]][kind]
                for member, kind in RETAINED
                if kind in changes.get(variant["name"], {})
            },
        }
        for variant in serving
    ]


def instances(serving: Serving) -> int:
    return sum(variant["count"] for variant in serving)


def summaries(serving: Serving, desired: Serving | None = None) -> list[dict[str, Any]]:
    """ProductionVariants in DescribeEndpoint. `desired` are the variants after the change in progress."""
    return [
        {
            "VariantName": variant["name"],
            "DeployedImages": _images(variant),
            "CurrentWeight": variant["weight"],
            "DesiredWeight": after["weight"],
            "CurrentInstanceCount": variant["count"],
            "DesiredInstanceCount": after["count"],
        }
        for variant, after in zip(serving, desired or serving, strict=True)
    ]


def pending_summary(
    config: str, serving: Serving, started: float, step: Step | None = None, stage: str = ""
) -> dict[str, Any]:
    """PendingDeploymentSummary. Without a step, the instances are still being launched."""
    return {
        "EndpointConfigName": config,
        "StartTime": started,
        "ProductionVariants": list(_pending_variants(serving, step, stage)),
    }


def capture_summary(config: dict[str, Any]) -> dict[str, Any]:
    """DataCaptureConfig in DescribeEndpoint."""
    enabled = config.get("EnableCapture", True)
    return {
        "EnableCapture": enabled,
        "CaptureStatus": "Started" if enabled else "Stopped",
        "CurrentSamplingPercentage": config["InitialSamplingPercentage"],
        "DestinationS3Uri": config["DestinationS3Uri"],
        "KmsKeyId": config.get("KmsKeyId", ""),
    }


def _pending_variants(serving: Serving, step: Step | None, stage: str) -> Iterator[dict[str, Any]]:
    for variant in serving:
        count = activated(step.share, variant["count"]) if step else 0
        status, message = (
            (stage, _message(step, stage, count))
            if step
            else ("Creating", f"Launching {variant['count']} instance(s).")
        )
        yield {
            "VariantName": variant["name"],
            "DeployedImages": _images(variant),
            "CurrentWeight": variant["weight"],
            "DesiredWeight": variant["weight"],
            "CurrentInstanceCount": count,
            "DesiredInstanceCount": variant["count"],
            "InstanceType": variant["instance_type"],
            "VariantStatus": [{"Status": status, "StatusMessage": message, "StartTime": now()}],
        }


def _message(step: Step, stage: str, count: int) -> str:
    """A status message as in the developer guide, Endpoint deployment state change."""
    capacity = f"{step.capacity} capacity of {count} instance(s)."
    if stage == BAKING:
        return f"Baking for {step.wait} seconds ({step.reason}) with traffic enabled on {capacity}"
    return f"Activating traffic on {capacity}"


def _images(variant: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"SpecifiedImage": variant["image"], "ResolutionTime": now()}]
