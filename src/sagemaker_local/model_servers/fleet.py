"""What one generation of an endpoint runs: model servers for each production variant."""

from __future__ import annotations

import random
from typing import Any

from sagemaker_local.model_servers.hosting import Hosting, StageError
from sagemaker_local.model_servers.pool import Pool
from sagemaker_local.model_servers.runtime import rejected
from sagemaker_local.model_servers.serving import StartError, Worker
from sagemaker_local.resource import Context

Serving = list[dict[str, Any]]
"""A variant each, as an endpoint's record keeps it: name, image, model_data, environment, weight, count."""

WORKERS = "SAGEMAKER_MODEL_SERVER_WORKERS"
"""Of a model's environment: how many processes serve it; one unless told. AWS takes one for each CPU."""


class DeployError(Exception):
    """A variant cannot be served. The message is the endpoint's FailureReason."""


class Fleet:
    """Workers start when `start` is called, or with their first request."""

    def __init__(self, context: Context, endpoint: str, generation: int, serving: Serving) -> None:
        self._hosting = Hosting(context, endpoint, generation)
        self._serving = serving
        self._pools = {each["name"]: self._pool(each) for each in serving}
        self._weights = {each["name"]: each["weight"] for each in serving}

    @property
    def variants(self) -> list[str]:
        return list(self._pools)

    def start(self) -> None:
        """All or nothing. DeployError names the variant that did not come up."""
        for each in self._serving:
            if not _servers(each):
                raise DeployError(
                    f"{WORKERS} of production variant {each['name']} is {each['environment'][WORKERS]!r},"
                    " not a number above zero."
                )
            try:
                self._hosting.prepare(each)
                self._pools[each["name"]].start()
            except StageError as error:
                raise DeployError(str(error)) from error
            except StartError as error:
                raise DeployError(
                    f"The primary container for production variant {each['name']} did not pass the ping"
                    f" health check. Please check CloudWatch logs for this endpoint. They end with: {error}"
                ) from error

    def check(self) -> None:
        """The health of every model server that has been started."""
        for pool in self._pools.values():
            pool.check()

    def choose(self, target: str) -> tuple[str, Pool]:
        """By weight, or the variant that the caller names."""
        if target:
            if target not in self._pools:
                raise rejected(f"Variant {target} not found for this endpoint; it has {sorted(self._pools)}.")
            return target, self._pools[target]
        names, weights = list(self._weights), list(self._weights.values())
        name = random.choices(names, weights)[0] if any(weights) else names[0]  # noqa: S311 -- spreads load
        return name, self._pools[name]

    def weigh(self, weights: dict[str, float]) -> None:
        self._weights = {**self._weights, **weights}

    def retire(self) -> None:
        """Ends the model servers after their last request, and takes their files away."""
        for pool in self._pools.values():
            pool.retire()
        self._hosting.clear()

    def close(self) -> None:
        """Ends the processes now; the files stay for the next start."""
        for pool in self._pools.values():
            pool.close()

    def discard(self) -> None:
        self.close()
        self._hosting.clear()

    def _pool(self, variant: dict[str, Any]) -> Pool:
        numbers = range(_servers(variant) or 1)
        return Pool([Worker(self._hosting.launch(variant, number)) for number in numbers])


def _servers(variant: dict[str, Any]) -> int:
    """0 where the model's environment says nothing sensible."""
    asked: str = variant["environment"].get(WORKERS, "1")
    return int(asked) if asked.isdecimal() else 0
