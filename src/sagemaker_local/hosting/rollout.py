"""Moves an endpoint's traffic to a new fleet in steps, and rolls back if an alarm trips."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from sagemaker_local.hosting.cloudwatch import CloudWatch, UnreachableError
from sagemaker_local.hosting.deployment import Deployment, Step

POLL_SECONDS = 0.25
ATTEMPTS = 4
ACTIVATING, BAKING = "ActivatingTraffic", "Baking"


class RolledBackError(Exception):
    """The old fleet has to keep serving. The message is the endpoint's FailureReason."""


class InterruptedRolloutError(Exception):
    """The server is stopping. The update starts again after a restart."""


class Rollout:
    """One rollout. `shift` sets the new fleet's share of the traffic; `show` reports each step and stage."""

    def __init__(
        self,
        deployment: Deployment,
        cloudwatch: CloudWatch,
        closing: threading.Event,
        scale: float,
        shift: Callable[[float], None],
        show: Callable[[Step, str], None],
    ) -> None:
        self._deployment = deployment
        self._cloudwatch = cloudwatch
        self._closing = closing
        self._scale = scale
        self._shift = shift
        self._show = show
        self._started = time.monotonic()
        self._skipped = 0.0

    def run(self) -> None:
        """Return when the new fleet has all traffic and no alarm tripped. Otherwise raise RolledBackError."""
        for step in self._deployment.steps:
            self._check_timeout()
            self._show(step, ACTIVATING)
            self._shift(step.share)
            self._show(step, BAKING)
            self._bake(step.wait * self._scale)
            self._skipped += step.wait * (1 - self._scale)
        self._check_timeout()

    def _bake(self, left: float) -> None:
        self._check_alarms()
        while left > 0:
            part = min(left, POLL_SECONDS)
            self._pause(part)
            left -= part
            self._check_alarms()

    def _pause(self, seconds: float) -> None:
        if self._closing.wait(seconds):
            raise InterruptedRolloutError

    def _check_alarms(self) -> None:
        names = self._deployment.alarms
        if not names:
            return
        states = self._states(names)
        tripped = [name for name in names if states.get(name) == "ALARM"]
        if tripped:
            raise RolledBackError(
                "One or more configured alarm(s) for automatic rollback deployment tripped: "
                + ", ".join(tripped)
            )

    def _states(self, names: tuple[str, ...]) -> dict[str, str]:
        """The states of alarms. Retries, because a server that is stopping stops answering first."""
        for _ in range(ATTEMPTS):
            try:
                return self._cloudwatch.alarms(names)
            except UnreachableError as error:
                last = error
                self._pause(POLL_SECONDS)
        raise RolledBackError(f"The alarms of the deployment cannot be read: {last}") from last

    def _check_timeout(self) -> None:
        """Raise RolledBackError if the deployment took too long. Shortened waits count in full."""
        elapsed, limit = time.monotonic() - self._started + self._skipped, self._deployment.timeout
        if limit is not None and elapsed > limit:
            raise RolledBackError(
                f"The deployment took longer than its MaximumExecutionTimeoutInSeconds of {limit}."
            )
