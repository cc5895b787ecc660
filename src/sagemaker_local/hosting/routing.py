"""Selects the fleet and variant for each request to an endpoint."""

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
class Route:
    """One generation of an endpoint: its fleet, its configuration and its data capture."""

    fleet: Fleet
    config: str
    capture: Capture | None


@dataclass(frozen=True)
class Destination:
    route: Route
    variant: str
    pool: Pool


class Routing:
    """The routes of all endpoints. During an update an endpoint has two, each with a share of the traffic."""

    def __init__(self) -> None:
        self._routes: dict[str, list[tuple[Route, float]]] = {}
        self._lock = threading.Lock()

    def fleets(self) -> list[Fleet]:
        with self._lock:
            return [route.fleet for routes in self._routes.values() for route, _ in routes]

    def serving(self, endpoint: str) -> Route:
        """The current generation, whatever its share of the traffic."""
        with self._lock:
            return self._routes[endpoint][0][0]

    @contextmanager
    def request(self, endpoint: str, target: str) -> Iterator[Destination | None]:
        """The destination of a request, by weight or by the named variant. None if there is no such endpoint.

        The destination's fleet is not retired before the block ends.
        """
        with ExitStack() as held:
            with self._lock:
                destination = self._choose(endpoint, target)
                if destination is not None:
                    # Registered under the lock, so that retiring this fleet waits for the request.
                    held.enter_context(destination.pool.request())
            yield destination

    def shift(self, endpoint: str, route: Route, share: float) -> None:
        """Give the route this share of the traffic, and the current generation the rest."""
        with self._lock:
            before = [known for known, _ in self._routes.get(endpoint, []) if known is not route]
            rest = [(before[0], 1.0 - share)] if before else []
            self._routes[endpoint] = [*rest, *[(known, 0.0) for known in before[1:]], (route, share)]

    def route_all(self, endpoint: str, route: Route) -> list[Fleet]:
        """Give the route all traffic. Returns the fleets that no longer have any."""
        with self._lock:
            before = self._routes.get(endpoint, [])
            self._routes[endpoint] = [(route, 1.0)]
            return [known.fleet for known, _ in before if known is not route]

    def withdraw(self, endpoint: str, route: Route) -> None:
        """Remove a route and give its traffic back to the current generation."""
        with self._lock:
            rest = [known for known, _ in self._routes.get(endpoint, []) if known is not route]
            if rest:
                self._routes[endpoint] = [(rest[0], 1.0), *[(known, 0.0) for known in rest[1:]]]
            else:
                self._routes.pop(endpoint, None)

    def remove(self, endpoint: str) -> list[Fleet]:
        with self._lock:
            return [route.fleet for route, _ in self._routes.pop(endpoint, [])]

    def _choose(self, endpoint: str, target: str) -> Destination | None:
        routes = self._routes.get(endpoint)
        if not routes:
            return None
        if target:
            # If only one of the two fleets has the variant, that fleet gets the request.
            routes = [entry for entry in routes if target in entry[0].fleet.variants] or routes
        shares = [share for _, share in routes]
        route, _ = random.choices(routes, shares)[0] if any(shares) else routes[0]  # noqa: S311 -- load balancing
        variant, pool = route.fleet.choose(target)
        return Destination(route, variant, pool)
