"""The model servers of one generation of an endpoint, for each production variant."""

from __future__ import annotations

import random
from typing import Any

from sagemaker_local.model_servers.hosting import ArtifactError, Hosting
from sagemaker_local.model_servers.pool import Pool
from sagemaker_local.model_servers.runtime import rejected
from sagemaker_local.model_servers.serving import StartError, Worker
from sagemaker_local.resource import Context

Serving = list[dict[str, Any]]
"""The variants in an endpoint's record: name, image, model_data, environment, weight, count."""

WORKERS = "SAGEMAKER_MODEL_SERVER_WORKERS"
"""The environment variable of a model with its number of server processes. The default here is 1; AWS uses
one per CPU."""


class DeployError(Exception):
    """A variant cannot be served. The message is the endpoint's FailureReason."""


class Fleet:
    """The model servers of one generation. They start with `start`, or with their first request."""

    def __init__(self, context: Context, endpoint: str, generation: int, serving: Serving) -> None:
        self._hosting = Hosting(context, endpoint, generation)
        self._serving = serving
        self._pools = {variant["name"]: self._pool(variant) for variant in serving}
        self._weights = {variant["name"]: variant["weight"] for variant in serving}

    @property
    def variants(self) -> list[str]:
        return list(self._pools)

    def start(self) -> None:
        """Start all model servers. DeployError names a variant that does not become healthy."""
        for variant in self._serving:
            if not _servers(variant):
                raise DeployError(
                    f"{WORKERS} of production variant {variant['name']} is"
                    f" {variant['environment'][WORKERS]!r}, not a number above zero."
                )
            try:
                self._hosting.prepare(variant)
                self._pools[variant["name"]].start()
            except ArtifactError as error:
                raise DeployError(str(error)) from error
            except StartError as error:
                raise DeployError(
                    f"The primary container for production variant {variant['name']} did not pass the ping"
                    f" health check. Please check CloudWatch logs for this endpoint. They end with: {error}"
                ) from error

    def check(self) -> None:
        """Check the health of every started model server."""
        for pool in self._pools.values():
            pool.check()

    def choose(self, target: str) -> tuple[str, Pool]:
        """The named variant, or one chosen by weight."""
        if target:
            if target not in self._pools:
                raise rejected(f"Variant {target} not found for this endpoint; it has {sorted(self._pools)}.")
            return target, self._pools[target]
        names, weights = list(self._weights), list(self._weights.values())
        name = random.choices(names, weights)[0] if any(weights) else names[0]  # noqa: S311 -- load balancing
        return name, self._pools[name]

    def set_weights(self, weights: dict[str, float]) -> None:
        self._weights = {**self._weights, **weights}

    def retire(self) -> None:
        """Stop the model servers after their last request, and delete their files."""
        for pool in self._pools.values():
            pool.retire()
        self._hosting.clear()

    def close(self) -> None:
        """Stop the processes now. The files stay for the next start."""
        for pool in self._pools.values():
            pool.close()

    def discard(self) -> None:
        self.close()
        self._hosting.clear()

    def _pool(self, variant: dict[str, Any]) -> Pool:
        return Pool([Worker(self._hosting.launch(variant)) for _ in range(_servers(variant) or 1)])


def _servers(variant: dict[str, Any]) -> int:
    """The number of server processes; 0 if the variable is not a number above zero."""
    count: str = variant["environment"].get(WORKERS, "1")
    return int(count) if count.isdecimal() else 0
