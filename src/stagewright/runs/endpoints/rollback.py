"""Roll an endpoint back to an earlier version.

The command makes the update itself, with the DeploymentConfig, the smoke test and the time limit of the last
successful deployment's plan. An alarm that the current version already trips would end the update at once
(SageMaker developer guide, "Auto-Rollback Configuration and Monitoring"). So tripped alarms are left out, and
the caller names them to the user.

The rollback is recorded before the update starts: who, when and why. The next plan reads the record and
keeps the rollback.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from stagewright.aws.endpoints import Endpoint
from stagewright.errors import NotFoundError, TargetError
from stagewright.gateway import Gateway
from stagewright.naming import OWNER_TAG, pipeline_of, timestamp
from stagewright.runs.endpoints import last_deployment, registered_model, smoke_check
from stagewright.runs.endpoints.expiry import AT_REST
from stagewright.runs.endpoints.last_deployment import LastDeployment
from stagewright.runs.history.run_history import deployed_endpoints
from stagewright.store.endpoints import SERVES, EndpointRecord, Rollback

RECORDED = 20
"""The number of newest rollbacks in an endpoint's record."""
WHY_LIMIT = 1_000
"""Characters of a reason."""
LONGEST_POLL = 15
"""Seconds between two looks at the endpoint."""


def find_endpoint(gateway: Gateway, name: str, stage: str | None = None) -> EndpointRecord:
    """Return the endpoint of a pipeline's newest run, or the endpoint `name` itself.

    Raises NotFoundError unless there is exactly one.
    """
    deployed = deployed_endpoints(gateway, name, stage)
    records = gateway.endpoint_records.all()
    candidates = [record for record in records if record.name in deployed]
    candidates = candidates or [
        record for record in records if record.name == name and stage in (None, record.stage)
    ]
    if len(candidates) == 1:
        return gateway.endpoint_records.get(candidates[0].name) or candidates[0]  # the index may be older
    if not candidates:
        where = f" in stage {stage}" if stage else ""
        raise NotFoundError(
            f"{name} has deployed no endpoint{where}", "stagewright endpoints lists all endpoints"
        )
    listed = ", ".join(f"{record.name} of {deployed[record.name][1]}" for record in candidates)
    raise NotFoundError(
        f"{name} has deployed {len(candidates)} endpoints: {listed}", "name the stage: --stage"
    )


@dataclass(frozen=True)
class PreparedRollback:
    """A rollback that is possible now. The configuration `origin` serves; the version `to` exists.

    `unwatched` maps the alarms of the deployment that are tripped or deleted to their state.
    """

    gateway: Gateway
    record: EndpointRecord
    origin: str
    to: str
    last: LastDeployment
    unwatched: Mapping[str, str]

    def execute(self, by: str, why: str, smoke_test: bool = True) -> Rollback:
        """Update the endpoint, and return when it serves `to`.

        Raises TargetError if the update is undone, fails or takes too long, or if the smoke test fails; the
        endpoint is then set back to `origin`.
        """
        rollback = Rollback(
            self.origin, self.to, by, timestamp(datetime.now(UTC)), why, self.record.deployed_by
        )
        rollbacks = (rollback, *self.record.rollbacks)[:RECORDED]
        if not self.gateway.endpoint_records.replace_rollbacks(self.record, rollbacks):
            raise TargetError(
                f"another rollback of {self.record.name} has just started", "see it: stagewright endpoints"
            )
        try:
            self._update(self.to, self.last.config(self.unwatched))
            if smoke_test and (
                failure := smoke_check.failure(self.gateway, self.record.name, self.last.smoke_test)
            ):
                self._undo(failure)
        except TargetError as error:
            self._record_outcome(rollback, error.message)
            raise
        return self._record_outcome(rollback, SERVES)

    def _update(self, config: str, deployment: Mapping[str, Any]) -> None:
        self.gateway.endpoints.update(self.record.name, config, deployment)
        started = time.monotonic()
        while (endpoint := self._look(config)).status != "InService" or endpoint.config != config:
            waited = time.monotonic() - started
            if waited > self.last.timeout:
                raise TargetError(
                    f"endpoint {self.record.name} is still {endpoint.status} after {waited:.0f} seconds",
                    "the update continues; see it: stagewright endpoints",
                )
            time.sleep(min(LONGEST_POLL, 0.2 + waited / 10))

    def _look(self, config: str) -> Endpoint:
        """Return the endpoint during the update. Raises TargetError if the update has failed."""
        name = self.record.name
        endpoint = self.gateway.endpoints.describe(name)
        if endpoint is None:
            raise TargetError(
                f"endpoint {name} was deleted during the update", "a run of its pipeline creates it"
            )
        if endpoint.status == "InService" and endpoint.config != config and endpoint.reason:
            raise TargetError(
                self._undone(endpoint), "repeat the rollback; it ignores alarms that are tripped by then"
            )
        if endpoint.status != "InService" and endpoint.status in AT_REST:
            raise TargetError(f"endpoint {name} is {endpoint.status}: {endpoint.reason}")
        return endpoint

    def _undone(self, endpoint: Endpoint) -> str:
        names = ", ".join(name for name in self.last.alarms if name not in self.unwatched)
        return (
            f"the update was undone, and endpoint {endpoint.name} serves {endpoint.config}: {endpoint.reason}"
            + (f" (rolls back on: {names})" if names else "")
        )

    def _undo(self, failure: str) -> None:
        message = f"the smoke test of endpoint {self.record.name} failed: {failure}"
        try:
            self._update(self.origin, {})
        except TargetError as error:
            raise TargetError(f"{message}; {self.origin} could not be restored: {error.message}") from error
        remedy = "--no-smoke-test rolls back without it, --to rolls back to another version"
        raise TargetError(f"{message}; {self.origin} serves again", remedy)

    def _record_outcome(self, rollback: Rollback, outcome: str) -> Rollback:
        """Record the outcome, unless a newer rollback is recorded."""
        ended = replace(rollback, outcome=outcome)
        record = self.gateway.endpoint_records.get(self.record.name)
        if record and record.rollbacks[:1] == (rollback,):
            self.gateway.endpoint_records.replace_rollbacks(record, (ended, *record.rollbacks[1:]))
        return ended


def prepare(gateway: Gateway, record: EndpointRecord, to: str | None = None) -> PreparedRollback:
    """Check a rollback to the version `to`, or to the version before the current one. Changes nothing.

    Raises TargetError or NotFoundError if the rollback is not possible.
    """
    endpoint = _updatable_endpoint(gateway, record)
    if record.deploying_run and gateway.runs.is_open(record.deploying_run):
        message = f"run {record.deploying_run} is deploying to endpoint {record.name}"
        raise TargetError(message, f"wait for its end, or stop it: stagewright stop {record.deploying_run}")
    version = _kept_version(record, endpoint.config, to)
    if not gateway.endpoints.has_version(version):
        raise NotFoundError(
            f"{version} is recorded as kept, but somebody has deleted its configuration or model",
            "--to names another version; stagewright endpoints lists them",
        )
    registered_model.require_unchanged(gateway, version)
    last = last_deployment.read(gateway, record)
    states = gateway.alarms.states(last.alarms)
    states = {name: states.get(name, "gone") for name in last.alarms}
    unwatched = {name: state for name, state in states.items() if state in ("ALARM", "gone")}
    return PreparedRollback(gateway, record, endpoint.config, version, last, unwatched)


def _updatable_endpoint(gateway: Gateway, record: EndpointRecord) -> Endpoint:
    """Return the endpoint if it exists, belongs to the installation, and is in service."""
    endpoint = gateway.endpoints.describe(record.name)
    if endpoint is None:
        raise NotFoundError(f"endpoint {record.name} does not exist", "a run of its pipeline creates it")
    owner = gateway.installation.id
    if gateway.endpoints.tags(endpoint.arn).get(OWNER_TAG) != owner:
        raise TargetError(
            f"endpoint {record.name} is not this installation's (its tag {OWNER_TAG} is not {owner})",
            "its owner can change it",
        )
    if endpoint.status not in AT_REST:
        raise TargetError(
            f"endpoint {record.name} is being changed now: it is {endpoint.status}",
            "wait until it is InService: stagewright endpoints",
        )
    if endpoint.status != "InService":
        raise TargetError(
            f"endpoint {record.name} is {endpoint.status}, and such an endpoint cannot be updated",
            f"stagewright run {pipeline_of(record.deployed_by)} --from {record.stage} replaces it",
        )
    return endpoint


def _kept_version(record: EndpointRecord, serving: str, to: str | None) -> str:
    """Return the version to roll back to: `to`, or the version before the one that serves."""
    kept = [version for version in record.configurations if version != serving]
    listed = ", ".join(kept)
    if not kept:
        raise NotFoundError(
            f"no earlier version of endpoint {record.name} was kept",
            f"stages.{record.stage}.keep sets their number, from the next deployment on",
        )
    if to:
        if to not in kept:
            why = "serves already" if to == serving else "is not kept"
            raise NotFoundError(f"{to} {why} (endpoint {record.name})", f"kept: {listed}")
        return to
    if serving not in record.configurations:
        message = f"endpoint {record.name} serves {serving}, which is not a recorded version"
        raise NotFoundError(message, f"name a version: --to; kept: {listed}")
    older = record.configurations[record.configurations.index(serving) + 1 :]
    if not older:
        raise NotFoundError(
            f"{serving}, which endpoint {record.name} serves, is the oldest version that is kept",
            f"restore a newer one: stagewright rollback-endpoint {record.name} --to {kept[-1]}",
        )
    return older[0]
