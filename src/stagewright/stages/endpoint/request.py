"""CreateModel, CreateEndpointConfig, CreateEndpoint or UpdateEndpoint, and what the machine does around
them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stagewright.stages.base.request import BuildContext, Request, Requests, as_tags, without_empty
from stagewright.stages.base.stage_request import StageRequest
from stagewright.stages.base.usage import Use
from stagewright.stages.endpoint.schema import Alarm, Capture, Endpoint, SmokeTest, Update
from stagewright.stages.model import request as model
from stagewright.syntax.durations import seconds

VARIANT = "AllTraffic"
NAMESPACE = "AWS/SageMaker"
"""Of the metrics of invocations (SageMaker developer guide, "Amazon SageMaker AI metrics in Amazon
CloudWatch")."""
BAKE_WITH_ALARMS = "10m"
"""Alarms are watched while an update waits: without a wait they would never bring one back."""
ROUTING = {"all-at-once": "ALL_AT_ONCE", "canary": "CANARY", "linear": "LINEAR"}
SIZES = {"canary": "CanarySize", "linear": "LinearStepSize"}


def build(stage: Endpoint, context: BuildContext) -> Requests:
    """An endpoint with one variant. Its model and configuration are new with each run; its own name is
    stable."""
    name = stage.endpoint_name(context.pipeline, context.installation.environment)
    served = {"EndpointName": name, "EndpointConfigName": context.job}
    alarms = [_alarm(name, each, alarm, context) for each, alarm in stage.alarms.items()]
    deployment = _deployment(stage.update or Update(), [alarm["AlarmName"] for alarm in alarms])
    return {
        "CreateModel": model.request(stage.model, stage.entry_point, context),
        "CreateEndpointConfig": _config(stage, context),
        "CreateEndpoint": {**served, "Tags": as_tags(context.shared_tags())},
        "UpdateEndpoint": without_empty(
            {**served, "DeploymentConfig": deployment if stage.update or alarms else None}
        ),
        "Endpoint": _ours(stage, alarms),
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


def _ours(stage: Endpoint, alarms: list[Request]) -> Request:
    """What no service is sent as it is."""
    given = {
        "keep": stage.keep,
        "time_to_live": seconds(stage.time_to_live) if stage.time_to_live else None,
        "smoke_test": _smoke_test(stage.smoke_test),
        "alarms": alarms,
    }
    return without_empty(given)


def _alarm(endpoint: str, name: str, alarm: Alarm, context: BuildContext) -> Request:
    """PutMetricAlarm. Without traffic there are no values, and that is no alarm."""
    latency = alarm.metric.endswith("Latency")
    return {
        "AlarmName": context.installation.alarm_name(f"{endpoint}-{name}"),
        "AlarmDescription": f"Stage {context.stage} of {context.pipeline}: an update rolls back on it.",
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
    """DeploymentConfig (API reference of SageMaker)."""
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
    """DataCaptureConfig. Content types that are not named there are captured in Base64."""
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
    return stage.max_wait_seconds + sum(_waits(requests["UpdateEndpoint"], stage.instance_count))


def _waits(request: Request, instances: int | str) -> Iterator[int]:
    """Seconds that an update waits on purpose."""
    policy = request.get("DeploymentConfig", {}).get("BlueGreenUpdatePolicy", {})
    routing = policy.get("TrafficRoutingConfiguration", {})
    yield policy.get("TerminationWaitInSeconds", 0)
    yield routing.get("WaitIntervalInSeconds", 0) * _parts(routing.get("LinearStepSize"), int(instances))


def _parts(step: dict[str, Any] | None, instances: int) -> int:
    if step is None:
        return 1
    whole = 100 if step["Type"] == "CAPACITY_PERCENT" else instances
    return -(-whole // int(step["Value"])) - 1


def _uses(requests: Requests, _timeout: int, _attempts: int) -> Iterator[Use]:
    for variant in requests["CreateEndpointConfig"]["ProductionVariants"]:
        if "InstanceType" in variant:
            yield Use("endpoint", variant["InstanceType"], variant["InitialInstanceCount"], None)


REQUEST = StageRequest(
    build,
    _timeout,
    history_events=40,
    uses=_uses,
    machine_inputs=("Endpoint",),
    image="inference",
    is_pointer=True,
    polls=True,
    field_names=(
        *model.FIELD_NAMES,
        (r"Endpoint\.(.+)", r"\1"),
        (r".*\.EndpointName", "name"),
    ),
)
