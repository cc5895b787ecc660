"""Going back to an earlier version of an endpoint.

The update is asked for here, as the last good deployment's plan has it: its DeploymentConfig, its smoke
test, its patience. An alarm on the whole endpoint that the old fleet trips ends the update (SageMaker
developer guide, "Auto-Rollback Configuration and Monitoring"). So one that is tripped already, most likely by
the version that is to go, is not watched, and told.

Who, when and why is recorded before the update, so that nothing that has been asked for is unknown. The next
plan finds it there (`active_rollback`).
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
from stagewright.runs.endpoints import last_deployment
from stagewright.runs.endpoints import smoke_test as smoke
from stagewright.runs.endpoints.deployed import deployed
from stagewright.runs.endpoints.expiry import AT_REST
from stagewright.runs.endpoints.last_deployment import LastDeployment
from stagewright.store.endpoints import EndpointRecord, Rollback

SERVES = "serves"
"""The outcome of a rollback that went well."""
RECORDED = 20
"""Rollbacks that an endpoint's item keeps."""
WHY_LIMIT = 1_000
"""Characters of a reason."""
LONGEST_POLL = 15
"""Seconds between two looks at the endpoint."""


def find(gateway: Gateway, place: str, stage: str | None = None) -> EndpointRecord:
    """The endpoint that the newest run of a pipeline has, or that `place` is. NotFoundError unless there is
    one."""
    names = deployed(gateway, place, stage)
    items = gateway.endpoint_records.all()
    found = [item for item in items if item.name in names]
    found = found or [item for item in items if item.name == place and stage in (None, item.stage)]
    if len(found) == 1:
        return gateway.endpoint_records.get(found[0].name) or found[0]  # the index lags behind
    if not found:
        where = f" in stage {stage}" if stage else ""
        raise NotFoundError(
            f"{place} has deployed no endpoint{where}", "stagewright endpoints lists those that are there"
        )
    listed = ", ".join(f"{item.name} of {names[item.name][1]}" for item in found)
    raise NotFoundError(f"{place} has deployed {len(found)} endpoints: {listed}", "name the stage: --stage")


@dataclass(frozen=True)
class Return:
    """A rollback that can be: `origin` serves, `to` is kept and there. `unwatched`: alarms of the deployment
    that are tripped or gone -> their state."""

    gateway: Gateway
    item: EndpointRecord
    origin: str
    to: str
    last: LastDeployment
    unwatched: Mapping[str, str]

    def go(self, by: str, why: str, smoke_test: bool = True) -> Rollback:
        """Returns once the endpoint serves `to`. TargetError where it was undone, or takes too long."""
        back = Rollback(self.origin, self.to, by, timestamp(datetime.now(UTC)), why, self.item.deployed_by)
        if not self.gateway.endpoint_records.replace_rollbacks(
            self.item, (back, *self.item.rollbacks)[:RECORDED]
        ):
            raise TargetError(f"somebody else is rolling {self.item.name} back now", "stagewright endpoints")
        try:
            self._update(self.to, self.last.config(self.unwatched))
            if smoke_test and (wrong := smoke.wrong(self.gateway, self.item.name, self.last.smoke_test)):
                self._undo(wrong)
        except TargetError as error:
            self._end(back, error.message)
            raise
        return self._end(back, SERVES)

    def _update(self, config: str, deployment: Mapping[str, Any]) -> None:
        self.gateway.endpoints.update(self.item.name, config, deployment)
        began = time.monotonic()
        while (endpoint := self._look(config)).status != "InService" or endpoint.config != config:
            waited = time.monotonic() - began
            if waited > self.last.timeout:
                raise TargetError(
                    f"endpoint {self.item.name} is still {endpoint.status} after {waited:.0f} seconds",
                    "the update goes on: stagewright endpoints",
                )
            time.sleep(min(LONGEST_POLL, 0.2 + waited / 10))

    def _look(self, config: str) -> Endpoint:
        """TargetError where the update has come to nothing."""
        name = self.item.name
        endpoint = self.gateway.endpoints.describe(name)
        if endpoint is None:
            raise TargetError(f"endpoint {name} was deleted meanwhile")
        if endpoint.status == "InService" and endpoint.config != config and endpoint.reason:
            raise TargetError(self._undone(endpoint), "another rollback does not watch what is tripped then")
        if endpoint.status != "InService" and endpoint.status in AT_REST:
            raise TargetError(f"endpoint {name} is {endpoint.status}: {endpoint.reason}")
        return endpoint

    def _undone(self, endpoint: Endpoint) -> str:
        names = ", ".join(each for each in self.last.alarms if each not in self.unwatched)
        return (
            f"the update was undone, and endpoint {endpoint.name} serves {endpoint.config}: {endpoint.reason}"
            + (f" (rolls back on: {names})" if names else "")
        )

    def _undo(self, wrong: str) -> None:
        message = f"the smoke test of endpoint {self.item.name} failed: {wrong}"
        try:
            self._update(self.origin, {})
        except TargetError as error:
            raise TargetError(f"{message}; {self.origin} could not be put back: {error.message}") from error
        remedy = "--no-smoke-test goes back without it, --to goes back to another version"
        raise TargetError(f"{message}; {self.origin} serves again", remedy)

    def _end(self, back: Rollback, outcome: str) -> Rollback:
        """The record with its outcome; left as it is where somebody has written since."""
        ended = replace(back, outcome=outcome)
        item = self.gateway.endpoint_records.get(self.item.name)
        if item and item.rollbacks[:1] == (back,):
            self.gateway.endpoint_records.replace_rollbacks(item, (ended, *item.rollbacks[1:]))
        return ended


def prepare(gateway: Gateway, item: EndpointRecord, to: str | None = None) -> Return:
    """Going back to `to`, or to the version before the one that serves. TargetError or NotFoundError where
    that cannot be, and nothing has been changed."""
    endpoint = _at_rest(gateway, item)
    if item.deploying_run and gateway.runs.is_open(item.deploying_run):
        message = f"run {item.deploying_run} is deploying to endpoint {item.name}"
        raise TargetError(message, f"wait for its end, or stop it: stagewright stop {item.deploying_run}")
    version = _kept(item, endpoint.config, to)
    if not gateway.endpoints.has_version(version):
        raise NotFoundError(
            f"{version} is recorded as kept, but somebody has deleted its configuration or model",
            "--to names another version; stagewright endpoints lists them",
        )
    last = last_deployment.read(gateway, item)
    states = gateway.alarms.states(last.alarms)
    unwatched = {name: states.get(name, "gone") for name in last.alarms}
    unwatched = {name: state for name, state in unwatched.items() if state in ("ALARM", "gone")}
    return Return(gateway, item, endpoint.config, version, last, unwatched)


def _at_rest(gateway: Gateway, item: EndpointRecord) -> Endpoint:
    """The endpoint, if it is there, ours, and in service."""
    endpoint = gateway.endpoints.describe(item.name)
    if endpoint is None:
        raise NotFoundError(f"endpoint {item.name} is not there any more", "a run of its pipeline makes it")
    owner = gateway.installation.id
    if gateway.endpoints.tags(endpoint.arn).get(OWNER_TAG) != owner:
        raise TargetError(
            f"endpoint {item.name} is not this installation's (its tag {OWNER_TAG} is not {owner})",
            "whoever has made it can change it",
        )
    if endpoint.status not in AT_REST:
        raise TargetError(
            f"endpoint {item.name} is being changed now: it is {endpoint.status}",
            "wait until it is InService: stagewright endpoints",
        )
    if endpoint.status != "InService":
        raise TargetError(
            f"endpoint {item.name} is {endpoint.status}, and such an endpoint cannot be updated",
            f"stagewright run {pipeline_of(item.deployed_by)} --from {item.stage} replaces it",
        )
    return endpoint


def _kept(item: EndpointRecord, serving: str, to: str | None) -> str:
    """The configuration to go back to."""
    kept = [each for each in item.configurations if each != serving]
    listed = ", ".join(kept)
    if not kept:
        raise NotFoundError(
            f"no earlier version of endpoint {item.name} was kept",
            f"stages.{item.stage}.keep says how many are, from the next deployment on",
        )
    if to:
        if to not in kept:
            why = "serves already" if to == serving else "is not kept"
            raise NotFoundError(f"{to} {why} (endpoint {item.name})", f"kept: {listed}")
        return to
    if serving not in item.configurations:
        message = f"endpoint {item.name} serves {serving}, which is no version that was recorded"
        raise NotFoundError(message, f"say which one: --to; kept: {listed}")
    older = item.configurations[item.configurations.index(serving) + 1 :]
    if not older:
        message = f"{serving}, which endpoint {item.name} serves, is the oldest version that is kept"
        raise NotFoundError(message, f"--to goes to a newer one: {listed}")
    return older[0]
