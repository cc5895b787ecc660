"""What one generation of an endpoint runs: a model server for each production variant."""

from __future__ import annotations

import random
from typing import Any

from stagewright.local.sagemaker.hosting import Hosting, StageError
from stagewright.local.sagemaker.resource import Context
from stagewright.local.sagemaker.runtime import rejected
from stagewright.local.sagemaker.serving import StartError, Worker

Serving = list[dict[str, Any]]
"""A variant each, as an endpoint's record keeps it: name, image, model_data, environment, weight, count."""


class DeployError(Exception):
    """A variant cannot be served. The message is the endpoint's FailureReason."""


class Fleet:
    """Workers start when `start` is called, or with their first request."""

    def __init__(self, context: Context, endpoint: str, generation: int, serving: Serving) -> None:
        self._hosting = Hosting(context, endpoint, generation)
        self._serving = serving
        self._workers = {each["name"]: Worker(self._hosting.launch(each)) for each in serving}
        self._weights = {each["name"]: each["weight"] for each in serving}

    def start(self) -> None:
        """All or nothing. DeployError names the variant that did not come up."""
        for each in self._serving:
            try:
                self._hosting.prepare(each)
                self._workers[each["name"]].start()
            except StageError as error:
                raise DeployError(str(error)) from error
            except StartError as error:
                raise DeployError(
                    f"The primary container for production variant {each['name']} did not pass the ping"
                    f" health check. Please check CloudWatch logs for this endpoint. They end with: {error}"
                ) from error

    def choose(self, target: str) -> tuple[str, Worker]:
        """By weight, or the variant that the caller names."""
        if target:
            if target not in self._workers:
                raise rejected(
                    f"Variant {target} not found for this endpoint; it has {sorted(self._workers)}."
                )
            return target, self._workers[target]
        names, weights = list(self._weights), list(self._weights.values())
        name = random.choices(names, weights)[0] if any(weights) else names[0]  # noqa: S311 -- spreads load
        return name, self._workers[name]

    def weigh(self, weights: dict[str, float]) -> None:
        self._weights = {**self._weights, **weights}

    def retire(self) -> None:
        """Ends each worker after its last request, and takes its files away."""
        for worker in self._workers.values():
            worker.retire()
        self._hosting.clear()

    def close(self) -> None:
        """Ends the processes now; the files stay for the next start."""
        for worker in self._workers.values():
            worker.close()

    def discard(self) -> None:
        self.close()
        self._hosting.clear()
