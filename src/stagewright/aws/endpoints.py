"""Endpoints: how they stand, asking them, and removing them; the models that they and transform jobs use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from stagewright.aws.errors import code_of, is_missing, translated
from stagewright.errors import TargetError

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient


@dataclass(frozen=True)
class Endpoint:
    """`status`: Creating, Updating, InService, Failed, Deleting and others of DescribeEndpoint."""

    name: str
    arn: str
    status: str
    config: str
    reason: str


@dataclass(frozen=True)
class Answer:
    body: bytes
    content_type: str
    variant: str


@dataclass(frozen=True)
class Endpoints:
    client: SageMakerClient
    connect_runtime: Callable[[], SageMakerRuntimeClient]

    @cached_property
    def runtime(self) -> SageMakerRuntimeClient:
        return self.connect_runtime()

    def describe(self, name: str) -> Endpoint | None:
        """None where there is no such endpoint."""
        with translated("sagemaker", f"the endpoint {name}"):
            try:
                answer = self.client.describe_endpoint(EndpointName=name)
            except ClientError as error:
                if not is_missing(error):
                    raise
                return None
        return Endpoint(
            answer["EndpointName"],
            answer["EndpointArn"],
            answer["EndpointStatus"],
            answer.get("EndpointConfigName", ""),
            answer.get("FailureReason", ""),
        )

    def has_model(self, name: str) -> bool:
        """Whether there is such a SageMaker model."""
        with translated("sagemaker", f"the model {name}"):
            try:
                self.client.describe_model(ModelName=name)
            except ClientError as error:
                if not is_missing(error):
                    raise
                return False
        return True

    def has_version(self, name: str) -> bool:
        """Whether there is such a configuration, and the model of its name."""
        with translated("sagemaker", f"the endpoint configuration {name}"):
            try:
                self.client.describe_endpoint_config(EndpointConfigName=name)
            except ClientError as error:
                if not is_missing(error):
                    raise
                return False
        return self.has_model(name)

    def update(self, name: str, config: str, deployment: Mapping[str, Any]) -> None:
        """Asks for it; DescribeEndpoint tells how it ends. `deployment`: DeploymentConfig, or empty."""
        more: Any = {"DeploymentConfig": deployment} if deployment else {}
        with translated("sagemaker", f"the endpoint {name}"):
            self.client.update_endpoint(EndpointName=name, EndpointConfigName=config, **more)

    def tags(self, arn: str) -> dict[str, str]:
        with translated("sagemaker", f"the tags of {arn}"):
            return {tag["Key"]: tag["Value"] for tag in self.client.list_tags(ResourceArn=arn)["Tags"]}

    def delete(self, name: str) -> None:
        with translated("sagemaker", f"the endpoint {name}"):
            self.client.delete_endpoint(EndpointName=name)

    def delete_version(self, name: str) -> None:
        """A configuration and the model of its name; either may be gone."""
        with translated("sagemaker", f"the endpoint configuration and model {name}"):
            self._delete(lambda: self.client.delete_endpoint_config(EndpointConfigName=name))
            self._delete(lambda: self.client.delete_model(ModelName=name))

    def _delete(self, delete: Callable[[], object]) -> None:
        try:
            delete()
        except ClientError as error:
            if not is_missing(error):
                raise

    def invoke(self, name: str, body: bytes, content_type: str, accept: str = "application/json") -> Answer:
        """At most 25 MB in; the model's own failure (ModelError) is a TargetError with its message."""
        with translated("sagemaker", f"the endpoint {name}"):
            try:
                answer = self.runtime.invoke_endpoint(
                    EndpointName=name, Body=body, ContentType=content_type, Accept=accept
                )
            except ClientError as error:
                if code_of(error) != "ModelError":
                    raise
                message = error.response.get("OriginalMessage") or error.response["Error"].get("Message", "")
                remedy = "see that the input is what the model's input_fn reads"
                raise TargetError(f"the model behind {name} failed: {message}", remedy) from error
            content = answer["Body"].read()
        return Answer(content, answer.get("ContentType", ""), answer.get("InvokedProductionVariant", ""))
