"""Endpoints: what the API does with them, and who answers an invocation.

An endpoint keeps a copy of what it serves, so that it outlives its configuration and models, and a restart of
the server: then its model servers start again with the first invocation, from the files that are still there,
and an update that was under way starts again.
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
from sagemaker_local.hosting.routing import Chosen, Routing
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
            "UpdateEndpointWeightsAndCapacities": self._reweigh,
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
        with self._routing.request(endpoint, target) as chosen:
            if chosen is None:
                raise runtime.rejected(f"Endpoint {endpoint} of account {settings.account} not found.")
            began = time.monotonic()
            outcome = runtime.invoke(settings, endpoint, chosen.variant, chosen.pool, body, headers)
            taken = time.monotonic() - began
        self._metrics.record(Source(endpoint, chosen.variant, chosen.lane.config), outcome.status, taken)
        if outcome.result.status == 200:
            self._capture(endpoint, chosen, body, headers, outcome.result)
        return outcome.result

    def _capture(
        self, endpoint: str, chosen: Chosen, body: bytes, headers: Mapping[str, str], result: InvokeResult
    ) -> None:
        if chosen.lane.capture is not None:
            sent = Content(body, headers.get("content-type", ""))
            answered = Content(result.body, result.headers["content-type"])
            inference_id = headers.get(runtime.INFERENCE_ID, "")
            place = f"{endpoint}/{chosen.variant}"
            self._captures.record(chosen.lane.capture, place, sent, answered, inference_id)

    def _create(self, request: dict[str, Any]) -> dict[str, Any]:
        config = endpoint_configs.find(self.context, request["EndpointConfigName"])
        name, created = request["EndpointName"], now()
        serving = variants.serving_of(self.context, config)
        asked = request.get("DeploymentConfig")
        deployment(asked or {}, variants.instances(serving))
        record = {
            "EndpointName": name,
            "EndpointArn": self._records.arn(name),
            "EndpointStatus": "Creating",
            "CreationTime": created,
            "LastModifiedTime": created,
            **_pending(config, serving, 1, {}),
            "EndpointConfigName": config["EndpointConfigName"],
        }
        if asked is not None:
            record["LastDeploymentConfig"] = asked
        self._records.add(record)
        if request.get("Tags"):
            self.context.tags.add(record["EndpointArn"], request["Tags"])
        self._records.publish(record)
        self._deployments.deploy(name)
        return record

    def _update(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["EndpointName"]
        config = endpoint_configs.find(self.context, request["EndpointConfigName"])
        asked = _deployment_config(request, self._records.changeable(name))
        serving = variants.serving_of(self.context, config)
        self._known_alarms(asked)
        with self._records.change(name) as record:
            # Again, since another update may have come first.
            self._records.changeable(name)
            variants.retain(serving, record, request)
            deployment(asked, variants.instances(serving))
            record.update(
                EndpointStatus="Updating",
                **_pending(config, serving, record["_generation"] + 1, asked),
            )
            if asked:
                record["LastDeploymentConfig"] = asked
            record.pop("FailureReason", None)
        self._records.publish(record)
        self._deployments.deploy(name)
        return record

    def _reweigh(self, request: dict[str, Any]) -> dict[str, Any]:
        name, wanted = request["EndpointName"], request["DesiredWeightsAndCapacities"]
        with self._records.change(name) as record:
            self._records.changeable(name)
            serving = record["_current"]["serving"]
            known = {each["name"] for each in serving}
            unknown = sorted({each["VariantName"] for each in wanted} - known)
            if unknown:
                raise invalid(
                    f"Endpoint {record['EndpointArn']} has no production variant {', '.join(unknown)}."
                )
            then = variants.reweighed(serving, wanted)
            record.update(
                EndpointStatus="Updating",
                ProductionVariants=variants.summaries(serving, then),
                _wanted=then,
            )
            record.pop("FailureReason", None)
        self._records.publish(record)
        self._deployments.reweigh(name)
        return record

    def _describe(self, request: dict[str, Any]) -> dict[str, Any]:
        return self._records.find(request["EndpointName"])

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        return LISTING.page(self._records.all(), request)

    def _delete(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["EndpointName"]
        with self._records.change(name) as record:
            self._records.at_rest(name)
            record["EndpointStatus"] = "Deleting"
        self._records.publish(record)
        self._deployments.remove(name)
        return {}

    def _known_alarms(self, config: dict[str, Any]) -> None:
        """An alarm that nothing can trip would make a rollback that never comes."""
        listed = config.get("AutoRollbackConfiguration", {}).get("Alarms", [])
        names = [alarm["AlarmName"] for alarm in listed if "AlarmName" in alarm]
        if not names:
            return
        try:
            known = self._cloudwatch.alarms(names)
        except UnreachableError as error:
            raise invalid(f"The alarms of AutoRollbackConfiguration cannot be read: {error}") from error
        if missing := [name for name in names if name not in known]:
            raise invalid(f"There is no CloudWatch alarm {', '.join(missing)} (AutoRollbackConfiguration).")


def _deployment_config(request: dict[str, Any], record: Record) -> dict[str, Any]:
    asked: dict[str, Any] = request.get("DeploymentConfig", {})
    if not request.get("RetainDeploymentConfig"):
        return asked
    if asked:
        raise invalid("Specify either DeploymentConfig or RetainDeploymentConfig, not both.")
    last: dict[str, Any] = record.get("LastDeploymentConfig", {})
    return last


def _pending(config: Record, serving: Serving, generation: int, asked: dict[str, Any]) -> dict[str, Any]:
    """What a record keeps while a new generation comes up."""
    name = config["EndpointConfigName"]
    return {
        "PendingDeploymentSummary": variants.pending_summary(name, serving, now()),
        "_generation": generation,
        "_pending": {
            "config": name,
            "generation": generation,
            "serving": serving,
            "capture": config.get("DataCaptureConfig"),
            "deployment": asked,
        },
    }
