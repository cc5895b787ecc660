"""Endpoints: their life (Creating, InService, Updating, Failed, Deleting) and who answers an invocation.

An endpoint keeps a copy of what it serves, so that it outlives its configuration and models, and a restart of
the server: then its model servers start again with the first invocation, from the files that are still there.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from stagewright.local.sagemaker import endpoint_configs, models, runtime
from stagewright.local.sagemaker.arns import arn
from stagewright.local.sagemaker.events import announce, public
from stagewright.local.sagemaker.fields import Rules, refuse_unsupported
from stagewright.local.sagemaker.fleet import DeployError, Fleet, Serving
from stagewright.local.sagemaker.listing import Listing
from stagewright.local.sagemaker.protocol import InvokeResult, invalid
from stagewright.local.sagemaker.resource import Context, Operation, Resource, event_detail, now
from stagewright.local.sagemaker.serving import STARTUP_SECONDS
from stagewright.local.sagemaker.store import Record

KIND = "endpoint"
EVENT = "SageMaker Endpoint State Change"
EVENT_STATUS = {"InService": "IN_SERVICE"}
"""Other than the API, the event writes a status in capitals (developer guide, Endpoint state change)."""
LISTING = Listing(
    result="Endpoints",
    name="EndpointName",
    status="EndpointStatus",
    orders={"Name": "EndpointName", "CreationTime": "CreationTime", "Status": "EndpointStatus"},
)
RULES: Rules = {
    "DeploymentConfig.RollingUpdatePolicy": (),
    "DeploymentConfig.AutoRollbackConfiguration": (),
    "DeploymentConfig.BlueGreenUpdatePolicy.TrafficRoutingConfiguration.Type": ("ALL_AT_ONCE",),
    "DesiredWeightsAndCapacities[].ServerlessUpdateConfig": (),
}
"""All traffic at once, without alarms, is how it is done here."""
REASON_LIMIT = 1024
"""Characters (botocore's sagemaker model, FailureReason)."""
IN_PROGRESS = ("Creating", "Updating", "Deleting")

log = logging.getLogger(__name__)


class Endpoints(Resource):
    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._fleets: dict[str, Fleet] = {}
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._rising: set[Fleet] = set()
        self._closing = False

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
        for record in self.context.store.all(KIND):
            name = record["EndpointName"]
            if "_serving" in record and record["EndpointStatus"] != "Deleting":
                self._fleets[name] = self._fleet(record, record["_serving"])
            if "_pending" in record:
                self._background(self._deploy, name)
            if record["EndpointStatus"] == "Deleting":
                self._background(self._remove, name)

    def close(self) -> None:
        with self._lock:
            self._closing = True
            running = [*self._rising, *self._fleets.values()]
        for fleet in running:
            fleet.close()
        for thread in self._threads:
            thread.join()
        # One that became ready meanwhile.
        for fleet in self._fleets.values():
            fleet.close()

    def invoke(self, endpoint: str, body: bytes, headers: Mapping[str, str]) -> InvokeResult:
        runtime.check(body, headers)
        settings = self.context.settings
        with ExitStack() as held:
            with self._lock:
                fleet = self._fleets.get(endpoint)
                if fleet is None:
                    raise runtime.rejected(f"Endpoint {endpoint} of account {settings.account} not found.")
                variant, worker = fleet.choose(headers.get(runtime.TARGET_VARIANT, ""))
                # Before the lock is let go: whoever retires this fleet next waits for this request.
                held.enter_context(worker.request())
            return runtime.invoke(settings, endpoint, variant, worker, body, headers)

    def _create(self, request: dict[str, Any]) -> dict[str, Any]:
        refuse_unsupported(request, RULES)
        config = endpoint_configs.find(self.context, request["EndpointConfigName"])
        name, created = request["EndpointName"], now()
        record = {
            "EndpointName": name,
            "EndpointArn": arn(self.context.settings, KIND, name),
            "EndpointConfigName": config["EndpointConfigName"],
            "EndpointStatus": "Creating",
            "CreationTime": created,
            "LastModifiedTime": created,
            "_pending": self._pending(config, 1),
        }
        if not self.context.store.add(KIND, name, record):
            raise invalid(f'Cannot create already existing endpoint "{record["EndpointArn"]}".')
        if request.get("Tags"):
            self.context.tags.add(record["EndpointArn"], request["Tags"])
        self._publish(record)
        self._background(self._deploy, name)
        return record

    def _update(self, request: dict[str, Any]) -> dict[str, Any]:
        refuse_unsupported(request, RULES)
        config = endpoint_configs.find(self.context, request["EndpointConfigName"])
        with self.context.store.transaction():
            record = self._changeable(request["EndpointName"])
            pending = self._pending(config, record["_generation"] + 1)
            _retain(pending["serving"], record, request)
            record.update(EndpointStatus="Updating", LastModifiedTime=now(), _pending=pending)
            record.pop("FailureReason", None)
            self.context.store.put(KIND, record["EndpointName"], record)
        self._publish(record)
        self._background(self._deploy, record["EndpointName"])
        return record

    def _reweigh(self, request: dict[str, Any]) -> dict[str, Any]:
        wanted = {each["VariantName"]: each for each in request["DesiredWeightsAndCapacities"]}
        refuse_unsupported(request, RULES)
        with self.context.store.transaction():
            record = self._changeable(request["EndpointName"])
            unknown = sorted(wanted.keys() - {each["name"] for each in record["_serving"]})
            if unknown:
                raise invalid(
                    f"Endpoint {record['EndpointArn']} has no production variant {', '.join(unknown)}."
                )
            for each in record["_serving"]:
                change = wanted.get(each["name"], {})
                each["weight"] = change.get("DesiredWeight", each["weight"])
                each["count"] = change.get("DesiredInstanceCount", each["count"])
            record.update(LastModifiedTime=now(), ProductionVariants=_summaries(record["_serving"]))
            self.context.store.put(KIND, record["EndpointName"], record)
        with self._lock:
            self._fleets[record["EndpointName"]].weigh(
                {each["name"]: each["weight"] for each in record["_serving"]}
            )
        self._publish({**record, "EndpointStatus": "Updating"})
        self._publish(record)
        return record

    def _describe(self, request: dict[str, Any]) -> dict[str, Any]:
        return self._find(request["EndpointName"])

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        return LISTING.page(self.context.store.all(KIND), request)

    def _delete(self, request: dict[str, Any]) -> dict[str, Any]:
        with self.context.store.transaction():
            record = self._find(request["EndpointName"])
            self._not_in_progress(record)
            record.update(EndpointStatus="Deleting", LastModifiedTime=now())
            self.context.store.put(KIND, record["EndpointName"], record)
        self._publish(record)
        self._background(self._remove, record["EndpointName"])
        return {}

    def _find(self, name: str) -> Record:
        record = self.context.store.get(KIND, name)
        if record is None:
            raise invalid(f'Could not find endpoint "{arn(self.context.settings, KIND, name)}".')
        return record

    def _not_in_progress(self, record: Record) -> None:
        if record["EndpointStatus"] in IN_PROGRESS:
            raise invalid(f'Cannot update in-progress endpoint "{record["EndpointArn"]}".')

    def _changeable(self, name: str) -> Record:
        record = self._find(name)
        self._not_in_progress(record)
        if record["EndpointStatus"] == "Failed":
            raise invalid(f'Cannot update failed endpoint "{record["EndpointArn"]}"; it can only be deleted.')
        return record

    def _pending(self, config: Record, generation: int) -> dict[str, Any]:
        """A copy of all that the new generation needs."""
        serving = []
        for variant in config["ProductionVariants"]:
            container = models.find(self.context, variant["ModelName"])["_container"]
            startup = variant.get("ContainerStartupHealthCheckTimeoutInSeconds", STARTUP_SECONDS)
            serving.append(
                {
                    "name": variant["VariantName"],
                    "image": container["Image"],
                    "model_data": container["ModelData"],
                    "environment": container["Environment"],
                    "weight": variant["InitialVariantWeight"],
                    "count": variant["InitialInstanceCount"],
                    "startup": startup,
                }
            )
        return {"config": config["EndpointConfigName"], "generation": generation, "serving": serving}

    def _fleet(self, record: Record, serving: Serving) -> Fleet:
        return Fleet(self.context, record["EndpointName"], record["_generation"], serving)

    def _background(self, action: Callable[[str], None], name: str) -> None:
        """Creating, updating and deleting take their time; `close` waits for what is under way."""
        thread = threading.Thread(
            target=self._guarded, args=(action, name), name=f"endpoint-{name}", daemon=True
        )
        with self._lock:
            self._threads = [each for each in self._threads if each.is_alive()]
            self._threads.append(thread)
            thread.start()

    def _guarded(self, action: Callable[[str], None], name: str) -> None:
        try:
            action(name)
        except Exception as error:
            log.exception("endpoint %s", name)
            if not self._closing:
                self._failed(name, f"InternalServerError: {type(error).__name__}: {error}")

    def _deploy(self, name: str) -> None:
        """Brings the pending generation up, lets it answer, then ends the one before."""
        pending = self._find(name)["_pending"]
        fleet = Fleet(self.context, name, pending["generation"], pending["serving"])
        with self._lock:
            if self._closing:
                return
            self._rising.add(fleet)
        try:
            fleet.start()
        except DeployError as error:
            if not self._closing:
                fleet.discard()
                self._failed(name, str(error))
            return
        finally:
            with self._lock:
                self._rising.discard(fleet)
        self._switch(name, fleet)

    def _switch(self, name: str, fleet: Fleet) -> None:
        with self.context.store.transaction():
            record = self._find(name)
            pending = record.pop("_pending")
            record.update(
                EndpointStatus="InService",
                EndpointConfigName=pending["config"],
                LastModifiedTime=now(),
                ProductionVariants=_summaries(pending["serving"]),
                _serving=pending["serving"],
                _generation=pending["generation"],
            )
            with self._lock:
                before = self._fleets.get(name)
                self._fleets[name] = fleet
            self.context.store.put(KIND, name, record)
        self._publish(record)
        if before is not None:
            before.retire()

    def _failed(self, name: str, reason: str) -> None:
        """An endpoint that served before goes on serving that, and says why it did not change."""
        with self.context.store.transaction():
            record = self._find(name)
            record.pop("_pending", None)
            record.update(
                EndpointStatus="InService" if "_serving" in record else "Failed",
                FailureReason=reason[:REASON_LIMIT],
                LastModifiedTime=now(),
            )
            self.context.store.put(KIND, name, record)
        self._publish(record)

    def _remove(self, name: str) -> None:
        with self._lock:
            fleet = self._fleets.pop(name, None)
        if fleet is not None:
            fleet.retire()
        record = self._find(name)
        self.context.store.delete(KIND, name)
        self.context.tags.forget(record["EndpointArn"])

    def _publish(self, record: Record) -> None:
        detail = public(record)
        status = record["EndpointStatus"]
        detail["EndpointStatus"] = EVENT_STATUS.get(status, status.upper())
        announce(self.context, EVENT, event_detail({**detail, "Tags": {}}))


def _retain(serving: Serving, record: Record, request: dict[str, Any]) -> None:
    """RetainAllVariantProperties: weights and counts as they are, not as the new configuration says."""
    if not request.get("RetainAllVariantProperties"):
        return
    excluded = {each["VariantPropertyType"] for each in request.get("ExcludeRetainedVariantProperties", [])}
    before = {each["name"]: each for each in record["_serving"]}
    for each in serving:
        for member, kind in (("weight", "DesiredWeight"), ("count", "DesiredInstanceCount")):
            if kind not in excluded and each["name"] in before:
                each[member] = before[each["name"]][member]


def _summaries(serving: Serving) -> list[dict[str, Any]]:
    return [
        {
            "VariantName": each["name"],
            "DeployedImages": [{"SpecifiedImage": each["image"], "ResolutionTime": now()}],
            "CurrentWeight": each["weight"],
            "DesiredWeight": each["weight"],
            "CurrentInstanceCount": each["count"],
            "DesiredInstanceCount": each["count"],
        }
        for each in serving
    ]
