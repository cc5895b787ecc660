"""Models: an image, an artifact and environment variables. Endpoints take a copy of them."""

from __future__ import annotations

from typing import Any

from sagemaker_local.api.fields import Rules, refuse_unsupported, under
from sagemaker_local.api.listing import Listing
from sagemaker_local.api.protocol import invalid, unsupported
from sagemaker_local.arns import arn
from sagemaker_local.errors import JobFailure
from sagemaker_local.events import announce, public
from sagemaker_local.registry import model_packages
from sagemaker_local.resource import Context, Operation, Resource, event_detail, now
from sagemaker_local.store import Record

KIND = "model"
EVENT = "SageMaker Model State Change"
LISTING = Listing(
    result="Models",
    name="ModelName",
    status="",
    orders={"Name": "ModelName", "CreationTime": "CreationTime"},
)
CONTAINER: Rules = {
    "AdditionalModelDataSources": (),
    "InferenceSpecificationName": (),
    "MultiModelConfig": (),
    "Mode": ("SingleModel",),
    "ModelDataSource.S3DataSource.S3DataType": ("S3Object",),
    "ModelDataSource.S3DataSource.CompressionType": ("Gzip",),
    "ModelDataSource.S3DataSource.HubAccessConfig": (),
    "ModelDataSource.S3DataSource.ManifestS3Uri": (),
    "ModelDataSource.S3DataSource.ETag": (),
    "ModelDataSource.S3DataSource.ManifestEtag": (),
}
"""The rejected fields of a container definition."""
RULES: Rules = {**under("PrimaryContainer", CONTAINER), **under("Containers[]", CONTAINER)}
IDLE_FIELDS = (
    *(
        f"{container}.{member}"
        for container in ("PrimaryContainer", "Containers[]")
        for member in (
            "ContainerHostname",
            "ImageConfig",
            "ModelDataSource.S3DataSource.ModelAccessConfig",
            "ContainerMetricsConfig",
        )
    ),
    "InferenceExecutionConfig",
    "VpcConfig",
)


def find(context: Context, name: str) -> Record:
    """The record of a model. ValidationException if it does not exist."""
    record = context.store.get(KIND, name)
    if record is None:
        raise invalid(f'Could not find model "{arn(context.settings, KIND, name)}".')
    return record


class Models(Resource):
    def operations(self) -> dict[str, Operation]:
        return {
            "CreateModel": self._create,
            "DescribeModel": self._describe,
            "ListModels": self._list,
            "DeleteModel": self._delete,
        }

    def _create(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["ModelName"]
        record = {
            **{key: value for key, value in request.items() if key != "Tags"},
            "ModelArn": arn(self.context.settings, KIND, name),
            "CreationTime": now(),
            "EnableNetworkIsolation": request.get("EnableNetworkIsolation", False),
            "_container": self._container(_only_container(request), request),
        }
        if not self.context.store.add(KIND, name, record):
            raise invalid(f'Cannot create already existing model "{record["ModelArn"]}".')
        if request.get("Tags"):
            self.context.tags.add(record["ModelArn"], request["Tags"])
        self._publish(record)
        return record

    def _container(self, container: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
        """What an endpoint runs: `{Image, ModelData, Environment, Isolated}`, from a model package if one is
        named."""
        environment = container.get("Environment", {})
        if "ModelPackageName" in container:
            container = self._packaged(container["ModelPackageName"])
            environment = {**container.get("Environment", {}), **environment}
        elif "Image" not in container:
            raise invalid("A container definition needs an Image, or a ModelPackageName.")
        source = _source(container)
        if source and not self._readable(source):
            raise invalid(
                _unreadable(source, request.get("ExecutionRoleArn", ""), self.context.settings.region)
            )
        return {
            "Image": container["Image"],
            "ModelData": source,
            "Environment": environment,
            "Isolated": request.get("EnableNetworkIsolation", False),
        }

    def _readable(self, uri: str) -> bool:
        try:
            return self.context.storage.exists(uri)
        except JobFailure:
            return False

    def _packaged(self, name: str) -> dict[str, Any]:
        package = model_packages.find(self.context, name)
        package_arn = package["ModelPackageArn"]
        if package["ModelPackageStatus"] != "Completed":
            raise invalid(f"Model package {package_arn} is {package['ModelPackageStatus']}, not Completed.")
        if package.get("ModelApprovalStatus", "Approved") != "Approved":
            raise invalid(
                f"Model package {package_arn} is {package['ModelApprovalStatus']};"
                " only Approved can be deployed."
            )
        containers = package.get("InferenceSpecification", {}).get("Containers", [])
        if len(containers) != 1:
            raise unsupported(f"a model package with {len(containers)} containers ({package_arn})")
        container: dict[str, Any] = containers[0]
        refuse_unsupported(container, CONTAINER)
        if "Image" not in container:
            raise invalid(f"The container of model package {package_arn} has no Image.")
        return container

    def _describe(self, request: dict[str, Any]) -> dict[str, Any]:
        return find(self.context, request["ModelName"])

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        return LISTING.page(self.context.store.all(KIND), request)

    def _delete(self, request: dict[str, Any]) -> dict[str, Any]:
        record = find(self.context, request["ModelName"])
        self.context.store.delete(KIND, record["ModelName"])
        self.context.tags.delete(record["ModelArn"])
        self._publish(record)
        return {}

    def _publish(self, record: Record) -> None:
        """Publish the event for a created or deleted model (developer guide, SageMaker model state
        change)."""
        announce(self.context, EVENT, event_detail({**public(record), "Tags": {}}))


def _only_container(request: dict[str, Any]) -> dict[str, Any]:
    primary, several = request.get("PrimaryContainer"), request.get("Containers", [])
    containers = [primary] if primary is not None else several
    if len(containers) > 1:
        raise unsupported("containers with more than one member (an inference pipeline)")
    container: dict[str, Any] = containers[0]
    return container


def _source(container: dict[str, Any]) -> str:
    source: dict[str, Any] = container.get("ModelDataSource", {}).get("S3DataSource", {})
    uri: str = container.get("ModelDataUrl") or source.get("S3Uri", "")
    return uri


def _unreadable(uri: str, role: str, region: str) -> str:
    """SageMaker's message for model data that does not exist. It blames the role."""
    return (
        f'Could not access model data at {uri}. Please ensure that the role "{role}" exists and that its'
        ' trust relationship policy allows the action "sts:AssumeRole" for the service principal'
        ' "sagemaker.amazonaws.com". Also ensure that the role has "s3:GetObject" permissions and that the'
        f" object is located in {region}."
    )
