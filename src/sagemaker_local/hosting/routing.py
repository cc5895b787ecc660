"""Which fleet answers an endpoint's next request."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from sagemaker_local.hosting.capture import Capture
from sagemaker_local.model_servers.fleet import Fleet
from sagemaker_local.model_servers.pool import Pool


@dataclass(frozen=True, eq=False)
class Lane:
    """One generation of an endpoint: its model servers, its configuration, what is kept of its requests."""

    fleet: Fleet
    config: str
    capture: Capture | None


@dataclass(frozen=True)
class Chosen:
    lane: Lane
    variant: str
    pool: Pool


class Routing:
    """Of every endpoint: the lane that serves it, and during an update a second with a share of traffic."""

    def __init__(self) -> None:
        self._lanes: dict[str, list[tuple[Lane, float]]] = {}
        self._lock = threading.Lock()

    def fleets(self) -> list[Fleet]:
        with self._lock:
            return [lane.fleet for lanes in self._lanes.values() for lane, _ in lanes]

    def serving(self, endpoint: str) -> Lane:
        """The one that serves it, whatever share an update has taken from it."""
        with self._lock:
            return self._lanes[endpoint][0][0]

    @contextmanager
    def request(self, endpoint: str, target: str) -> Iterator[Chosen | None]:
        """Who answers, held until it has: by weight, or the variant that is named. None: no such endpoint."""
        with ExitStack() as held:
            with self._lock:
                chosen = self._choose(endpoint, target)
                if chosen is not None:
                    # Before the lock is let go: whoever retires this fleet next waits for this request.
                    held.enter_context(chosen.pool.request())
            yield chosen

    def shift(self, endpoint: str, lane: Lane, share: float) -> None:
        """`share` of the traffic to this lane, the rest to the one that serves."""
        with self._lock:
            before = [known for known, _ in self._lanes.get(endpoint, []) if known is not lane]
            rest = [(before[0], 1.0 - share)] if before else []
            self._lanes[endpoint] = [*rest, *[(known, 0.0) for known in before[1:]], (lane, share)]

    def settle(self, endpoint: str, lane: Lane) -> list[Fleet]:
        """All traffic to this lane. Answers the fleets that have none any more."""
        with self._lock:
            before = self._lanes.get(endpoint, [])
            self._lanes[endpoint] = [(lane, 1.0)]
            return [known.fleet for known, _ in before if known is not lane]

    def withdraw(self, endpoint: str, lane: Lane) -> None:
        """No more traffic to this lane: the one that serves has it again."""
        with self._lock:
            rest = [known for known, _ in self._lanes.get(endpoint, []) if known is not lane]
            if rest:
                self._lanes[endpoint] = [(rest[0], 1.0), *[(known, 0.0) for known in rest[1:]]]
            else:
                self._lanes.pop(endpoint, None)

    def drop(self, endpoint: str) -> list[Fleet]:
        with self._lock:
            return [lane.fleet for lane, _ in self._lanes.pop(endpoint, [])]

    def _choose(self, endpoint: str, target: str) -> Chosen | None:
        lanes = self._lanes.get(endpoint)
        if not lanes:
            return None
        if target:
            # A variant that only one of the two fleets has is that fleet's alone.
            lanes = [each for each in lanes if target in each[0].fleet.variants] or lanes
        shares = [share for _, share in lanes]
        picked = random.choices(lanes, shares)[0] if any(shares) else lanes[0]  # noqa: S311 -- spreads load
        lane = picked[0]
        variant, pool = lane.fleet.choose(target)
        return Chosen(lane, variant, pool)
