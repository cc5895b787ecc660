"""Endpoint configurations: the models that an endpoint serves, and their weights."""

from __future__ import annotations

from typing import Any

from sagemaker_local.api.fields import Rules
from sagemaker_local.api.listing import Listing
from sagemaker_local.api.protocol import invalid, unsupported
from sagemaker_local.arns import arn
from sagemaker_local.events import announce
from sagemaker_local.hosting import models
from sagemaker_local.resource import Context, Operation, Resource, event_detail, now
from sagemaker_local.store import Record

KIND = "endpoint-config"
EVENT = "SageMaker Endpoint Config State Change"
LISTING = Listing(
    result="EndpointConfigs",
    name="EndpointConfigName",
    status="",
    orders={"Name": "EndpointConfigName", "CreationTime": "CreationTime"},
)
RULES: Rules = {
    "AsyncInferenceConfig": (),
    "ExplainerConfig": (),
    "ShadowProductionVariants[]": (),
    "ExecutionRoleArn": (),
    "ProductionVariants[].ServerlessConfig": (),
    "ProductionVariants[].InstancePools": (),
}
"""Fields for instances, volumes, keys and networks are not in here: they cannot change a response."""
IDLE_FIELDS = (
    *(
        f"ProductionVariants[].{member}"
        for member in (
            "AcceleratorType",
            "CapacityReservationConfig",
            "CoreDumpConfig",
            "EnableSSMAccess",
            "InferenceAmiVersion",
            "ModelDataDownloadTimeoutInSeconds",
            "RoutingConfig",
            "VariantInstanceProvisionTimeoutInSeconds",
        )
    ),
    "DataCaptureConfig.KmsKeyId",
    "EnableNetworkIsolation",
    "KmsKeyId",
    "MetricsConfig",
    "VpcConfig",
)


def find(context: Context, name: str) -> Record:
    """The record of a configuration. ValidationException if it does not exist."""
    record = context.store.get(KIND, name)
    if record is None:
        raise invalid(f'Could not find endpoint configuration "{arn(context.settings, KIND, name)}".')
    return record


class EndpointConfigs(Resource):
    def operations(self) -> dict[str, Operation]:
        return {
            "CreateEndpointConfig": self._create,
            "DescribeEndpointConfig": self._describe,
            "ListEndpointConfigs": self._list,
            "DeleteEndpointConfig": self._delete,
        }

    def _create(self, request: dict[str, Any]) -> dict[str, Any]:
        _check(request)
        for variant in request["ProductionVariants"]:
            models.find(self.context, variant["ModelName"])
        name = request["EndpointConfigName"]
        record = {
            **{key: value for key, value in request.items() if key != "Tags"},
            "ProductionVariants": [
                {"InitialVariantWeight": 1.0, **variant} for variant in request["ProductionVariants"]
            ],
            "EndpointConfigArn": arn(self.context.settings, KIND, name),
            "CreationTime": now(),
            "EnableNetworkIsolation": request.get("EnableNetworkIsolation", False),
        }
        if not self.context.store.add(KIND, name, record):
            raise invalid(
                f'Cannot create already existing endpoint configuration "{record["EndpointConfigArn"]}".'
            )
        if request.get("Tags"):
            self.context.tags.add(record["EndpointConfigArn"], request["Tags"])
        self._publish(record)
        return record

    def _describe(self, request: dict[str, Any]) -> dict[str, Any]:
        return find(self.context, request["EndpointConfigName"])

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        return LISTING.page(self.context.store.all(KIND), request)

    def _delete(self, request: dict[str, Any]) -> dict[str, Any]:
        record = find(self.context, request["EndpointConfigName"])
        self.context.store.delete(KIND, record["EndpointConfigName"])
        self.context.tags.delete(record["EndpointConfigArn"])
        self._publish(record)
        return {}

    def _publish(self, record: Record) -> None:
        announce(self.context, EVENT, event_detail({**record, "Tags": {}}))


def _check(request: dict[str, Any]) -> None:
    destination = request.get("DataCaptureConfig", {}).get("DestinationS3Uri", "s3://")
    if not destination.startswith("s3://"):
        raise unsupported(f"DataCaptureConfig.DestinationS3Uri={destination} (only s3://)")
    for variant in request["ProductionVariants"]:
        path = f"ProductionVariants.{variant['VariantName']}"
        if "ModelName" not in variant:
            raise unsupported(f"{path} without ModelName (inference components)")
        if "InstanceType" not in variant or "InitialInstanceCount" not in variant:
            raise invalid(f"{path} needs InstanceType and InitialInstanceCount.")
