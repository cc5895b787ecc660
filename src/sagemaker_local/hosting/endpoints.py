"""Endpoints: the API operations and InvokeEndpoint.

An endpoint has a copy of everything that it serves, so it does not depend on its configuration and models.
After a restart of the server, its model servers start with the first invocation from the files on disk, and
an update in progress starts again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from sagemaker_local.api.fields import Rules
from sagemaker_local.api.listing import Listing
from sagemaker_local.api.protocol import InvokeResult, invalid
from sagemaker_local.hosting import endpoint_configs, variants
from sagemaker_local.hosting.capture import Captures, Content
from sagemaker_local.hosting.cloudwatch import CloudWatch, UnreachableError
from sagemaker_local.hosting.deployment import deployment
from sagemaker_local.hosting.deployments import Deployments
from sagemaker_local.hosting.endpoint_metrics import EndpointMetrics, Source
from sagemaker_local.hosting.endpoint_records import EndpointRecords
from sagemaker_local.hosting.routing import Destination, Routing
from sagemaker_local.model_servers import runtime
from sagemaker_local.model_servers.fleet import Serving
from sagemaker_local.resource import Context, Operation, Resource, now
from sagemaker_local.store import Record

LISTING = Listing(
    result="Endpoints",
    name="EndpointName",
    status="EndpointStatus",
    orders={"Name": "EndpointName", "CreationTime": "CreationTime", "Status": "EndpointStatus"},
)
RULES: Rules = {"DesiredWeightsAndCapacities[].ServerlessUpdateConfig": ()}


class Endpoints(Resource):
    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._records = EndpointRecords(context)
        self._routing = Routing()
        self._cloudwatch = CloudWatch(context.settings)
        self._metrics = EndpointMetrics(self._cloudwatch)
        self._captures = Captures(context.storage)
        self._deployments = Deployments(context, self._records, self._routing, self._cloudwatch)

    def operations(self) -> dict[str, Operation]:
        return {
            "CreateEndpoint": self._create,
            "UpdateEndpoint": self._update,
            "UpdateEndpointWeightsAndCapacities": self._update_weights,
            "DescribeEndpoint": self._describe,
            "ListEndpoints": self._list,
            "DeleteEndpoint": self._delete,
        }

    def start(self) -> None:
        self._deployments.resume()

    def close(self) -> None:
        self._deployments.close()
        self._captures.close()
        self._metrics.close()
        self._cloudwatch.close()

    def invoke(self, endpoint: str, body: bytes, headers: Mapping[str, str]) -> InvokeResult:
        runtime.check(body, headers)
        settings, target = self.context.settings, headers.get(runtime.TARGET_VARIANT, "")
        with self._routing.request(endpoint, target) as destination:
            if destination is None:
                raise runtime.rejected(f"Endpoint {endpoint} of account {settings.account} not found.")
            started = time.monotonic()
            outcome = runtime.invoke(settings, endpoint, destination.variant, destination.pool, body, headers)
            elapsed = time.monotonic() - started
        self._metrics.record(
            Source(endpoint, destination.variant, destination.route.config), outcome.status, elapsed
        )
        if outcome.result.status == 200:
            self._capture(endpoint, destination, body, headers, outcome.result)
        return outcome.result

    def _capture(
        self,
        endpoint: str,
        destination: Destination,
        body: bytes,
        headers: Mapping[str, str],
        result: InvokeResult,
    ) -> None:
        if destination.route.capture is not None:
            sent = Content(body, headers.get("content-type", ""))
            answered = Content(result.body, result.headers["content-type"])
            inference_id = headers.get(runtime.INFERENCE_ID, "")
            variant_path = f"{endpoint}/{destination.variant}"
            self._captures.record(destination.route.capture, variant_path, sent, answered, inference_id)

    def _create(self, request: dict[str, Any]) -> dict[str, Any]:
        config = endpoint_configs.find(self.context, request["EndpointConfigName"])
        name, created = request["EndpointName"], now()
        serving = variants.served_variants(self.context, config)
        deployment_config = request.get("DeploymentConfig")
        deployment(deployment_config or {}, variants.instances(serving))
        record = {
            "EndpointName": name,
            "EndpointArn": self._records.arn(name),
            "EndpointStatus": "Creating",
            "CreationTime": created,
            "LastModifiedTime": created,
            **_pending(config, serving, 1, {}),
            "EndpointConfigName": config["EndpointConfigName"],
        }
        if deployment_config is not None:
            record["LastDeploymentConfig"] = deployment_config
        self._records.add(record)
        if request.get("Tags"):
            self.context.tags.add(record["EndpointArn"], request["Tags"])
        self._records.publish(record)
        self._deployments.deploy(name)
        return record

    def _update(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["EndpointName"]
        config = endpoint_configs.find(self.context, request["EndpointConfigName"])
        deployment_config = _deployment_config(request, self._records.require_updatable(name))
        serving = variants.served_variants(self.context, config)
        self._check_alarms(deployment_config)
        with self._records.change(name) as record:
            # Checked again in the transaction, because another update may have started.
            self._records.require_updatable(name)
            variants.retain(serving, record, request)
            deployment(deployment_config, variants.instances(serving))
            record.update(
                EndpointStatus="Updating",
                **_pending(config, serving, record["_generation"] + 1, deployment_config),
            )
            if deployment_config:
                record["LastDeploymentConfig"] = deployment_config
            record.pop("FailureReason", None)
        self._records.publish(record)
        self._deployments.deploy(name)
        return record

    def _update_weights(self, request: dict[str, Any]) -> dict[str, Any]:
        name, desired = request["EndpointName"], request["DesiredWeightsAndCapacities"]
        with self._records.change(name) as record:
            self._records.require_updatable(name)
            serving = record["_current"]["serving"]
            names = {variant["name"] for variant in serving}
            unknown = sorted({variant["VariantName"] for variant in desired} - names)
            if unknown:
                raise invalid(
                    f"Endpoint {record['EndpointArn']} has no production variant {', '.join(unknown)}."
                )
            after = variants.with_weights(serving, desired)
            record.update(
                EndpointStatus="Updating",
                ProductionVariants=variants.summaries(serving, after),
                _desired=after,
            )
            record.pop("FailureReason", None)
        self._records.publish(record)
        self._deployments.update_weights(name)
        return record

    def _describe(self, request: dict[str, Any]) -> dict[str, Any]:
        return self._records.find(request["EndpointName"])

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        return LISTING.page(self._records.all(), request)

    def _delete(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["EndpointName"]
        with self._records.change(name) as record:
            self._records.require_idle(name)
            record["EndpointStatus"] = "Deleting"
        self._records.publish(record)
        self._deployments.remove(name)
        return {}

    def _check_alarms(self, config: dict[str, Any]) -> None:
        """Reject alarms that do not exist: they could never cause a rollback."""
        alarms = config.get("AutoRollbackConfiguration", {}).get("Alarms", [])
        names = [alarm["AlarmName"] for alarm in alarms if "AlarmName" in alarm]
        if not names:
            return
        try:
            known = self._cloudwatch.alarms(names)
        except UnreachableError as error:
            raise invalid(f"The alarms of AutoRollbackConfiguration cannot be read: {error}") from error
        if missing := [name for name in names if name not in known]:
            raise invalid(f"There is no CloudWatch alarm {', '.join(missing)} (AutoRollbackConfiguration).")


def _deployment_config(request: dict[str, Any], record: Record) -> dict[str, Any]:
    deployment_config: dict[str, Any] = request.get("DeploymentConfig", {})
    if not request.get("RetainDeploymentConfig"):
        return deployment_config
    if deployment_config:
        raise invalid("Specify either DeploymentConfig or RetainDeploymentConfig, not both.")
    last: dict[str, Any] = record.get("LastDeploymentConfig", {})
    return last


def _pending(
    config: Record, serving: Serving, generation: int, deployment_config: dict[str, Any]
) -> dict[str, Any]:
    """The members of a record while a new generation is deployed."""
    name = config["EndpointConfigName"]
    return {
        "PendingDeploymentSummary": variants.pending_summary(name, serving, now()),
        "_generation": generation,
        "_pending": {
            "config": name,
            "generation": generation,
            "serving": serving,
            "capture": config.get("DataCaptureConfig"),
            "deployment": deployment_config,
        },
    }
