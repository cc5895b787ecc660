"""How an endpoint gets to what it was asked for: beside the call that asked, and again after a restart.

A record's `_generation` is the number of the latest generation, `_current` the one that serves, `_pending`
the one that is to.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from sagemaker_local.hosting import variants
from sagemaker_local.hosting.capture import Capture
from sagemaker_local.hosting.cloudwatch import CloudWatch
from sagemaker_local.hosting.deployment import Step, deployment
from sagemaker_local.hosting.endpoint_records import DEPLOYMENT_EVENT, EndpointRecords
from sagemaker_local.hosting.periodic import Periodic
from sagemaker_local.hosting.rollout import InterruptedRolloutError, RolledBackError, Rollout
from sagemaker_local.hosting.routing import Lane, Routing
from sagemaker_local.model_servers.fleet import DeployError, Fleet
from sagemaker_local.resource import Context

HEALTH_SECONDS = 2.0
REASON_LIMIT = 1024
"""Characters (botocore's sagemaker model, FailureReason)."""

log = logging.getLogger(__name__)


class Deployments:
    def __init__(
        self, context: Context, records: EndpointRecords, routing: Routing, cloudwatch: CloudWatch
    ) -> None:
        self._context = context
        self._records = records
        self._routing = routing
        self._cloudwatch = cloudwatch
        self._health = Periodic("endpoint-health", HEALTH_SECONDS, self._check)
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._rising: set[Fleet] = set()
        self._closing = threading.Event()

    def resume(self) -> None:
        for record in self._records.all():
            name = record["EndpointName"]
            if record["EndpointStatus"] == "Deleting":
                self.remove(name)
                continue
            if "_current" in record:
                self._routing.settle(name, self._lane(name, record["_current"]))
                self._health.begin()
            if "_pending" in record:
                self.deploy(name)
            if "_wanted" in record:
                self.reweigh(name)

    def close(self) -> None:
        """Ends every model server; what was under way goes on after a restart."""
        with self._lock:
            self._closing.set()
            running = [*self._rising, *self._routing.fleets()]
        for fleet in running:
            fleet.close()
        self._health.close()
        for thread in self._threads:
            thread.join()
        # One that became ready meanwhile.
        for fleet in self._routing.fleets():
            fleet.close()

    def deploy(self, name: str) -> None:
        """Brings the pending generation up, moves the traffic, then ends the one before."""
        self._background(self._deploy, name)

    def reweigh(self, name: str) -> None:
        self._background(self._reweigh, name)

    def remove(self, name: str) -> None:
        self._background(self._remove, name)

    def _check(self) -> None:
        for fleet in self._routing.fleets():
            fleet.check()

    def _lane(self, name: str, generation: dict[str, Any]) -> Lane:
        fleet = Fleet(self._context, name, generation["generation"], generation["serving"])
        return Lane(fleet, generation["config"], Capture.of(generation["capture"]))

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
            if not self._closing.is_set():
                self._failed(name, f"InternalServerError: {type(error).__name__}: {error}")

    def _deploy(self, name: str) -> None:
        record = self._records.find(name)
        pending = record["_pending"]
        lane = self._lane(name, pending)
        with self._lock:
            if self._closing.is_set():
                return
            self._rising.add(lane.fleet)
        try:
            lane.fleet.start()
            self._health.begin()
            if "_current" in record:
                self._roll_out(name, lane, pending)
        except InterruptedRolloutError:
            return
        except DeployError as error:
            if not self._closing.is_set():
                lane.fleet.discard()
                self._failed(name, str(error))
            return
        except RolledBackError as error:
            if not self._closing.is_set():
                self._roll_back(name, lane, str(error))
            return
        except Exception:
            self._withdraw(name, lane)
            raise
        finally:
            with self._lock:
                self._rising.discard(lane.fleet)
        self._switch(name, lane)

    def _roll_out(self, name: str, lane: Lane, pending: dict[str, Any]) -> None:
        Rollout(
            deployment(pending["deployment"], variants.instances(pending["serving"])),
            self._cloudwatch,
            self._closing,
            self._context.settings.wait_scale,
            shift=lambda share: self._routing.shift(name, lane, share),
            show=lambda step, stage: self._show(name, step, stage),
        ).run()

    def _show(self, name: str, step: Step, stage: str) -> None:
        with self._records.change(name) as record:
            pending, begun = record["_pending"], record["PendingDeploymentSummary"]["StartTime"]
            record["PendingDeploymentSummary"] = variants.pending_summary(
                pending["config"], pending["serving"], begun, step, stage
            )
        self._records.publish(record, DEPLOYMENT_EVENT)

    def _switch(self, name: str, lane: Lane) -> None:
        with self._records.change(name) as record:
            current = record.pop("_pending")
            record.pop("PendingDeploymentSummary")
            record.pop("DataCaptureConfig", None)
            if current["capture"]:
                record["DataCaptureConfig"] = variants.capture_summary(current["capture"])
            record.update(
                EndpointStatus="InService",
                EndpointConfigName=current["config"],
                ProductionVariants=variants.summaries(current["serving"]),
                _current=current,
            )
            before = self._routing.settle(name, lane)
        self._records.publish(record)
        for fleet in before:
            fleet.retire()

    def _roll_back(self, name: str, lane: Lane, reason: str) -> None:
        old = self._routing.serving(name)
        try:
            old.fleet.start()
        except DeployError as error:
            # Both go on with the shares that they have, as after a rollback of SageMaker's that failed.
            if not self._closing.is_set():
                self._failed(name, f"{reason}. The rollback failed: {error}", "UpdateRollbackFailed")
            return
        self._routing.shift(name, lane, 0.0)
        self._failed(name, reason)
        self._withdraw(name, lane)

    def _withdraw(self, name: str, lane: Lane) -> None:
        self._routing.withdraw(name, lane)
        if self._closing.is_set():
            lane.fleet.close()
        else:
            lane.fleet.retire()

    def _failed(self, name: str, reason: str, status: str = "InService") -> None:
        """An endpoint that served before goes on serving that, and says why it did not change."""
        with self._records.change(name) as record:
            for member in ("_pending", "_wanted", "PendingDeploymentSummary"):
                record.pop(member, None)
            record.update(
                EndpointStatus=status if "_current" in record else "Failed",
                FailureReason=reason[:REASON_LIMIT],
            )
        self._records.publish(record)

    def _reweigh(self, name: str) -> None:
        with self._records.change(name) as record:
            serving = record.pop("_wanted")
            record["_current"]["serving"] = serving
            record.update(EndpointStatus="InService", ProductionVariants=variants.summaries(serving))
            weights = {each["name"]: each["weight"] for each in serving}
            self._routing.serving(name).fleet.weigh(weights)
        self._records.publish(record)

    def _remove(self, name: str) -> None:
        for fleet in self._routing.drop(name):
            fleet.retire()
        self._records.delete(self._records.find(name))
