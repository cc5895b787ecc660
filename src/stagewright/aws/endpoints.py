"""Endpoints, endpoint configurations and models in Amazon SageMaker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from stagewright.aws.errors import error_code, if_exists, translate_errors
from stagewright.errors import TargetError

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient


TIMED_OUT = "timed out while waiting for a response"
"""In the message of a ModelError after 60 s (InvokeEndpoint, SageMaker runtime API reference)."""


@dataclass(frozen=True)
class Endpoint:
    """One endpoint. `status` is an EndpointStatus of DescribeEndpoint, such as InService or Updating."""

    name: str
    arn: str
    status: str
    config: str
    reason: str


@dataclass(frozen=True)
class Answer:
    """The response of an endpoint, and the production variant that gave it."""

    body: bytes
    content_type: str
    variant: str


@dataclass(frozen=True)
class Endpoints:
    """Reads, updates, invokes and deletes endpoints.

    A version is an endpoint configuration and the model of the same name. `connect_runtime` creates the
    client of the runtime API at its first use.
    """

    client: SageMakerClient
    connect_runtime: Callable[[], SageMakerRuntimeClient]

    @cached_property
    def runtime(self) -> SageMakerRuntimeClient:
        return self.connect_runtime()

    def describe(self, name: str) -> Endpoint | None:
        """Return an endpoint, or None if there is none. Calls DescribeEndpoint."""
        with translate_errors("sagemaker", f"the endpoint {name}"):
            answer = if_exists(self.client.describe_endpoint, EndpointName=name)
        if answer is None:
            return None
        return Endpoint(
            answer["EndpointName"],
            answer["EndpointArn"],
            answer["EndpointStatus"],
            answer.get("EndpointConfigName", ""),
            answer.get("FailureReason", ""),
        )

    def has_model(self, name: str) -> bool:
        """Return whether there is a model of this name. Calls DescribeModel."""
        with translate_errors("sagemaker", f"the model {name}"):
            return if_exists(self.client.describe_model, ModelName=name) is not None

    def package_of(self, name: str) -> str:
        """Return the model package of a model, "" if it has none or does not exist. Calls DescribeModel."""
        with translate_errors("sagemaker", f"the model {name}"):
            answer = if_exists(self.client.describe_model, ModelName=name)
        return answer.get("PrimaryContainer", {}).get("ModelPackageName", "") if answer else ""

    def has_version(self, name: str) -> bool:
        """Return whether there are a configuration and a model of this name.

        Calls DescribeEndpointConfig and DescribeModel.
        """
        with translate_errors("sagemaker", f"the endpoint configuration {name}"):
            config = if_exists(self.client.describe_endpoint_config, EndpointConfigName=name)
        return config is not None and self.has_model(name)

    def update(self, name: str, config: str, deployment: Mapping[str, Any]) -> None:
        """Start an update to another configuration. `deployment` is its DeploymentConfig, or empty.

        Calls UpdateEndpoint, which returns at once. `describe` shows how the update ends.
        """
        optional: Any = {"DeploymentConfig": deployment} if deployment else {}
        with translate_errors("sagemaker", f"the endpoint {name}"):
            self.client.update_endpoint(EndpointName=name, EndpointConfigName=config, **optional)

    def tags(self, arn: str) -> dict[str, str]:
        """Return the tags of a resource. Calls ListTags."""
        with translate_errors("sagemaker", f"the tags of {arn}"):
            return {tag["Key"]: tag["Value"] for tag in self.client.list_tags(ResourceArn=arn)["Tags"]}

    def delete(self, name: str) -> None:
        """Delete an endpoint. Calls DeleteEndpoint. Raises NotFoundError if there is none."""
        with translate_errors("sagemaker", f"the endpoint {name}"):
            self.client.delete_endpoint(EndpointName=name)

    def delete_version(self, name: str) -> None:
        """Delete a configuration and the model of its name, each if it exists.

        Calls DeleteEndpointConfig and DeleteModel.
        """
        with translate_errors("sagemaker", f"the endpoint configuration and model {name}"):
            if_exists(self.client.delete_endpoint_config, EndpointConfigName=name)
            if_exists(self.client.delete_model, ModelName=name)

    def invoke(self, name: str, body: bytes, content_type: str, accept: str = "application/json") -> Answer:
        """Send a request of at most 25 MB to the model. Return its response.

        Calls InvokeEndpoint, which answers within 60 seconds (SageMaker runtime API reference). A failure of
        the model itself (ModelError) raises TargetError with the model's message.
        """
        with translate_errors("sagemaker", f"the endpoint {name}"):
            try:
                answer = self.runtime.invoke_endpoint(
                    EndpointName=name, Body=body, ContentType=content_type, Accept=accept
                )
            except ClientError as error:
                if error_code(error) != "ModelError":
                    raise
                raise _model_error(name, error) from error
            content = answer["Body"].read()
        return Answer(content, answer.get("ContentType", ""), answer.get("InvokedProductionVariant", ""))


def _model_error(endpoint: str, error: ClientError) -> TargetError:
    message = str(error.response.get("OriginalMessage") or error.response["Error"].get("Message", ""))
    if TIMED_OUT in message:
        return TargetError(
            f"the model behind {endpoint} did not answer within 60 s, the limit of InvokeEndpoint",
            "send less data at once, make the model faster, or score with a transform stage",
        )
    remedy = "see that the input is what the model's input_fn reads"
    return TargetError(f"the model behind {endpoint} failed: {message}", remedy)
