"""The requests of endpoint stages: CreateModel, CreateEndpointConfig, CreateEndpoint and UpdateEndpoint.

The entry `Endpoint` holds the settings that the state machine itself reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stagewright.errors import Problem
from stagewright.stages.base.request import BuildContext, Request, Requests, as_tags, without_empty
from stagewright.stages.base.stage_request import StageRequest
from stagewright.stages.base.usage import HOUR, Use
from stagewright.stages.endpoint.rules import LEAST_PART, MORE_INSTANCES
from stagewright.stages.endpoint.schema import Alarm, Capture, Endpoint, SmokeTest, Update
from stagewright.stages.model import request as model
from stagewright.syntax.durations import seconds

VARIANT = "AllTraffic"
NAMESPACE = "AWS/SageMaker"
"""Namespace of the invocation metrics ("Amazon SageMaker AI metrics in Amazon CloudWatch", SageMaker
developer guide)."""
BAKE_WITH_ALARMS = "10m"
"""Default bake time with alarms. SageMaker watches alarms only during waits."""
ROUTING = {"all-at-once": "ALL_AT_ONCE", "canary": "CANARY", "linear": "LINEAR"}
SIZES = {"canary": "CanarySize", "linear": "LinearStepSize"}


def build(stage: Endpoint, context: BuildContext) -> Requests:
    """Return the requests for an endpoint with one variant. Each run creates a new model and
    configuration."""
    name = stage.endpoint_name(context.pipeline, context.installation.environment)
    served = {"EndpointName": name, "EndpointConfigName": context.job}
    alarms = [_alarm(name, alarm_name, alarm, context) for alarm_name, alarm in stage.alarms.items()]
    deployment = _deployment(stage.update or Update(), [alarm["AlarmName"] for alarm in alarms])
    return {
        "CreateModel": model.request(stage.model, stage.entry_point, context),
        "CreateEndpointConfig": _config(stage, context),
        "CreateEndpoint": {**served, "Tags": as_tags(context.shared_tags())},
        "UpdateEndpoint": without_empty(
            {**served, "DeploymentConfig": deployment if stage.update or alarms else None}
        ),
        "Endpoint": _settings(stage, alarms),
    }


def _config(stage: Endpoint, context: BuildContext) -> Request:
    variant = {
        "VariantName": VARIANT,
        "ModelName": context.job,
        "InitialInstanceCount": stage.instance_count,
        "InstanceType": context.instance_type,
        "InitialVariantWeight": 1.0,
    }
    config = {
        "EndpointConfigName": context.job,
        "ProductionVariants": [variant],
        "DataCaptureConfig": _capture(stage.capture, context),
        "Tags": context.tag_list(),
    }
    return without_empty(config)


def _settings(stage: Endpoint, alarms: list[Request]) -> Request:
    """The settings that the state machine reads."""
    settings = {
        "keep": stage.keep,
        "time_to_live": seconds(stage.time_to_live) if stage.time_to_live else None,
        "smoke_test": _smoke_test(stage.smoke_test),
        "alarms": alarms,
    }
    return without_empty(settings)


def _alarm(endpoint: str, name: str, alarm: Alarm, context: BuildContext) -> Request:
    """The request for PutMetricAlarm. Missing data, as without traffic, does not set off the alarm."""
    latency = alarm.metric.endswith("Latency")
    return {
        "AlarmName": context.installation.alarm_name(f"{endpoint}-{name}"),
        "AlarmDescription": f"Stage {context.stage} of {context.pipeline}: it rolls back an update.",
        "Namespace": NAMESPACE,
        "MetricName": alarm.metric,
        "Dimensions": [
            {"Name": "EndpointName", "Value": endpoint},
            {"Name": "VariantName", "Value": VARIANT},
        ],
        "Statistic": alarm.statistic or ("Average" if latency else "Sum"),
        "Period": seconds(alarm.period),
        "EvaluationPeriods": alarm.evaluate,
        "Threshold": alarm.threshold,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }


def _deployment(update: Update, alarms: list[str]) -> dict[str, Any]:
    """The DeploymentConfig of UpdateEndpoint (SageMaker API reference)."""
    routing: dict[str, Any] = {"Type": ROUTING[update.type], "WaitIntervalInSeconds": 0}
    if update.type in SIZES:
        routing[SIZES[update.type]] = {
            "Type": "CAPACITY_PERCENT" if update.size else "INSTANCE_COUNT",
            "Value": update.size or update.instances,
        }
        routing["WaitIntervalInSeconds"] = seconds(update.wait)
    bake = update.bake or (BAKE_WITH_ALARMS if alarms else "")
    policy = {
        "TrafficRoutingConfiguration": routing,
        "TerminationWaitInSeconds": seconds(bake) if bake else 0,
    }
    rollback = {"Alarms": [{"AlarmName": name} for name in alarms]} if alarms else None
    return without_empty({"BlueGreenUpdatePolicy": policy, "AutoRollbackConfiguration": rollback})


def _capture(capture: Capture | None, context: BuildContext) -> dict[str, Any] | None:
    """The DataCaptureConfig. SageMaker captures other content types in Base64."""
    if capture is None:
        return None
    own = context.installation.uri(f"captured/{context.pipeline}/{context.stage}")
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": capture.percent,
        "DestinationS3Uri": capture.destination or own,
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {
            "CsvContentTypes": ["text/csv"],
            "JsonContentTypes": ["application/json"],
        },
    }


def _smoke_test(test: SmokeTest | None) -> dict[str, Any] | None:
    if test is None:
        return None
    return without_empty(
        {
            "body": test.body,
            "file": test.file,
            "content_type": test.content_type,
            "accept": test.accept,
            "contains": test.expect.contains,
            "max_latency": test.expect.max_latency,
        }
    )


def _timeout(stage: Endpoint, requests: Requests) -> int:
    return stage.max_wait_seconds + sum(_waits(requests["UpdateEndpoint"], _instances(requests)))


def _waits(request: Request, instances: int) -> Iterator[int]:
    """The seconds that an update waits for its parts and for the bake time."""
    policy = request.get("DeploymentConfig", {}).get("BlueGreenUpdatePolicy", {})
    routing = policy.get("TrafficRoutingConfiguration", {})
    yield policy.get("TerminationWaitInSeconds", 0)
    yield routing.get("WaitIntervalInSeconds", 0) * _parts(routing.get("LinearStepSize"), instances)


def _parts(step: dict[str, Any] | None, instances: int) -> int:
    if step is None:
        return 1
    whole = 100 if step["Type"] == "CAPACITY_PERCENT" else instances
    return -(-whole // int(step["Value"])) - 1


def _problems(requests: Requests) -> Iterator[Problem]:
    """The sizes of an update's parts, which must be at most half of the instances (TrafficRoutingConfig and
    RollingUpdatePolicy, API reference). A part has at least one instance."""
    instances = _instances(requests)
    config = requests["UpdateEndpoint"].get("DeploymentConfig", {})
    routing = config.get("BlueGreenUpdatePolicy", {}).get("TrafficRoutingConfiguration", {})
    rolling = config.get("RollingUpdatePolicy", {})
    for size in filter(None, (*map(routing.get, SIZES.values()), rolling.get("MaximumBatchSize"))):
        part = size["Value"] if size["Type"] == "INSTANCE_COUNT" else LEAST_PART
        if 2 * part > instances:
            message = f"a part of {part} of {instances} instances is more than half"
            yield Problem("update", message, MORE_INSTANCES)


def _instances(requests: Requests) -> int:
    """The instances of the smallest variant that has any."""
    variants = requests["CreateEndpointConfig"]["ProductionVariants"]
    return min((int(variant.get("InitialInstanceCount", LEAST_PART)) for variant in variants), default=1)


def _uses(requests: Requests, _timeout: int, _attempts: int) -> Iterator[Use]:
    """The instances of the new version, until the endpoint expires. An update holds both versions for a
    while. A serverless variant is paid by request."""
    lifetime = requests["Endpoint"].get("time_to_live")
    for variant in requests["CreateEndpointConfig"]["ProductionVariants"]:
        count = int(variant.get("InitialInstanceCount", 1))
        hours = count * lifetime / HOUR if lifetime else None
        volume = int(variant.get("VolumeSizeInGB", 0))
        yield Use("endpoint", variant.get("InstanceType", "serverless"), count, hours, volume)


REQUEST = StageRequest(
    build,
    _timeout,
    history_events=52,
    uses=_uses,
    problems=_problems,
    machine_inputs=("Endpoint",),
    image="inference",
    is_pointer=True,
    polls=True,
    field_names=(
        *model.FIELD_NAMES,
        (r"Endpoint\.(.+)", r"\1"),
        (r".*\.EndpointName", "name"),
        (r".*\.DataCaptureConfig\.DestinationS3Uri", "capture.destination"),
    ),
)
