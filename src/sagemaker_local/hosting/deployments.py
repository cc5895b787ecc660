"""Creates, updates and deletes endpoints in background threads, and resumes after a restart.

In a record, `_generation` is the number of the latest generation, `_current` is the generation that serves,
and `_pending` is the one that is being deployed.
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
from sagemaker_local.hosting.routing import Route, Routing
from sagemaker_local.jobs.failure_reason import reason_of
from sagemaker_local.model_servers.fleet import DeployError, Fleet
from sagemaker_local.resource import Context

HEALTH_SECONDS = 2.0
REASON_LIMIT = 1024
"""The maximum length of FailureReason in characters (botocore's SageMaker model)."""

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
        self._starting: set[Fleet] = set()
        self._closing = threading.Event()

    def resume(self) -> None:
        for record in self._records.all():
            name = record["EndpointName"]
            if record["EndpointStatus"] == "Deleting":
                self.remove(name)
                continue
            if "_current" in record:
                self._routing.route_all(name, self._route(name, record["_current"]))
                self._health.start()
            if "_pending" in record:
                self.deploy(name)
            if "_desired" in record:
                self.update_weights(name)

    def close(self) -> None:
        """Stop every model server. Deployments in progress continue after a restart."""
        with self._lock:
            self._closing.set()
            running = [*self._starting, *self._routing.fleets()]
        for fleet in running:
            fleet.close()
        self._health.close()
        for thread in self._threads:
            thread.join()
        # A fleet may have become ready meanwhile.
        for fleet in self._routing.fleets():
            fleet.close()

    def deploy(self, name: str) -> None:
        """Start the pending generation, move the traffic to it, then stop the previous generation."""
        self._background(self._deploy, name)

    def update_weights(self, name: str) -> None:
        self._background(self._update_weights, name)

    def remove(self, name: str) -> None:
        self._background(self._remove, name)

    def _check(self) -> None:
        for fleet in self._routing.fleets():
            fleet.check()

    def _route(self, name: str, generation: dict[str, Any]) -> Route:
        fleet = Fleet(self._context, name, generation["generation"], generation["serving"])
        return Route(fleet, generation["config"], Capture.of(generation["capture"]))

    def _background(self, action: Callable[[str], None], name: str) -> None:
        """Run an action in a thread. `close` waits for it."""
        thread = threading.Thread(
            target=self._guarded, args=(action, name), name=f"endpoint-{name}", daemon=True
        )
        with self._lock:
            self._threads = [thread for thread in self._threads if thread.is_alive()]
            self._threads.append(thread)
            thread.start()

    def _guarded(self, action: Callable[[str], None], name: str) -> None:
        try:
            action(name)
        except Exception as error:
            log.exception("endpoint %s", name)
            if not self._closing.is_set():
                folder = self._context.settings.root / "endpoints" / name
                self._failed(name, reason_of(error, {folder: "the endpoint's folder"}))

    def _deploy(self, name: str) -> None:
        record = self._records.find(name)
        pending = record["_pending"]
        route = self._route(name, pending)
        with self._lock:
            if self._closing.is_set():
                return
            self._starting.add(route.fleet)
        try:
            route.fleet.start()
            self._health.start()
            if "_current" in record:
                self._roll_out(name, route, pending)
        except InterruptedRolloutError:
            return
        except DeployError as error:
            if not self._closing.is_set():
                route.fleet.discard()
                self._failed(name, str(error))
            return
        except RolledBackError as error:
            if not self._closing.is_set():
                self._roll_back(name, route, str(error))
            return
        except Exception:
            self._withdraw(name, route)
            raise
        finally:
            with self._lock:
                self._starting.discard(route.fleet)
        self._switch(name, route)

    def _roll_out(self, name: str, route: Route, pending: dict[str, Any]) -> None:
        Rollout(
            deployment(pending["deployment"], variants.instances(pending["serving"])),
            self._cloudwatch,
            self._closing,
            self._context.settings.wait_scale,
            shift=lambda share: self._routing.shift(name, route, share),
            show=lambda step, stage: self._show(name, step, stage),
        ).run()

    def _show(self, name: str, step: Step, stage: str) -> None:
        with self._records.change(name) as record:
            pending, started = record["_pending"], record["PendingDeploymentSummary"]["StartTime"]
            record["PendingDeploymentSummary"] = variants.pending_summary(
                pending["config"], pending["serving"], started, step, stage
            )
        self._records.publish(record, DEPLOYMENT_EVENT)

    def _switch(self, name: str, route: Route) -> None:
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
            before = self._routing.route_all(name, route)
        self._records.publish(record)
        for fleet in before:
            fleet.retire()

    def _roll_back(self, name: str, route: Route, reason: str) -> None:
        old = self._routing.serving(name)
        try:
            old.fleet.start()
        except DeployError as error:
            # Both fleets keep their shares, as after a failed rollback in SageMaker.
            if not self._closing.is_set():
                self._failed(name, f"{reason}. The rollback failed: {error}", "UpdateRollbackFailed")
            return
        self._routing.shift(name, route, 0.0)
        self._failed(name, reason)
        self._withdraw(name, route)

    def _withdraw(self, name: str, route: Route) -> None:
        self._routing.withdraw(name, route)
        if self._closing.is_set():
            route.fleet.close()
        else:
            route.fleet.retire()

    def _failed(self, name: str, reason: str, status: str = "InService") -> None:
        """Record the failure. An endpoint that served before keeps serving its previous generation."""
        with self._records.change(name) as record:
            for member in ("_pending", "_desired", "PendingDeploymentSummary"):
                record.pop(member, None)
            record.update(
                EndpointStatus=status if "_current" in record else "Failed",
                FailureReason=reason[:REASON_LIMIT],
            )
        self._records.publish(record)

    def _update_weights(self, name: str) -> None:
        with self._records.change(name) as record:
            serving = record.pop("_desired")
            record["_current"]["serving"] = serving
            record.update(EndpointStatus="InService", ProductionVariants=variants.summaries(serving))
            weights = {variant["name"]: variant["weight"] for variant in serving}
            self._routing.serving(name).fleet.set_weights(weights)
        self._records.publish(record)

    def _remove(self, name: str) -> None:
        for fleet in self._routing.remove(name):
            fleet.retire()
        self._records.delete(self._records.find(name))
