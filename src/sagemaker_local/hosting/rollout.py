"""An endpoint's traffic on its way to a new fleet, step by step, unless an alarm says otherwise."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from sagemaker_local.hosting.cloudwatch import CloudWatch, UnreachableError
from sagemaker_local.hosting.deployment import Deployment, Step

POLL_SECONDS = 0.25
TRIES = 4
ACTIVATING, BAKING = "ActivatingTraffic", "Baking"


class RolledBackError(Exception):
    """The old fleet has to serve on. The message is the endpoint's FailureReason."""


class InterruptedRolloutError(Exception):
    """The server is stopping; the next one starts this update again."""


class Rollout:
    """`shift` sends a share of the traffic to the new fleet; `show` is told of every stage."""

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
        self._scaled_away = 0.0

    def run(self) -> None:
        """Returns when the new fleet has all of the traffic and has proved itself. RolledBackError."""
        for step in self._deployment.steps:
            self._in_time()
            self._show(step, ACTIVATING)
            self._shift(step.share)
            self._show(step, BAKING)
            self._bake(step.wait * self._scale)
            self._scaled_away += step.wait * (1 - self._scale)
        self._in_time()

    def _bake(self, left: float) -> None:
        self._alarms_quiet()
        while left > 0:
            part = min(left, POLL_SECONDS)
            self._pause(part)
            left -= part
            self._alarms_quiet()

    def _pause(self, seconds: float) -> None:
        if self._closing.wait(seconds):
            raise InterruptedRolloutError

    def _alarms_quiet(self) -> None:
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
        """Asks more than once, since a server that is stopping answers no more before it tells us."""
        for _ in range(TRIES):
            try:
                return self._cloudwatch.alarms(names)
            except UnreachableError as error:
                last = error
                self._pause(POLL_SECONDS)
        raise RolledBackError(f"The alarms of the deployment cannot be read: {last}") from last

    def _in_time(self) -> None:
        """A wait counts in full here, and work as long as it took."""
        taken, limit = time.monotonic() - self._started + self._scaled_away, self._deployment.timeout
        if limit is not None and taken > limit:
            raise RolledBackError(
                f"The deployment took longer than its MaximumExecutionTimeoutInSeconds of {limit}."
            )
