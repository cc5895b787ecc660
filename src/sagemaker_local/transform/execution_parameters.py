"""Execution parameters of a transform job: from the request, else the container, else the defaults.

See "Use Your Own Inference Code with Batch Transform" (developer guide, GET /execution-parameters).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

from sagemaker_local.model_servers.serving import Worker
from sagemaker_local.transform.mini_batches import MULTI, SINGLE

PATH = "/execution-parameters"
CONCURRENT_LIMIT = 100
"""The maximum of MaxConcurrentTransforms (same page)."""
PAYLOAD_LIMIT = 100
"""The maximum of MaxPayloadInMB (CreateTransformJob, API reference)."""
CONTAINER_WORDS = {"SINGLE_RECORD": SINGLE, "MULTI_RECORD": MULTI}
WORDS = {strategy: word for word, strategy in CONTAINER_WORDS.items()}


@dataclass(frozen=True)
class ExecutionParameters:
    concurrent: int
    megabytes: int
    strategy: str

    def __str__(self) -> str:
        """The text in SageMaker's log of the job."""
        return (
            f"MaxConcurrentTransforms={self.concurrent}, MaxPayloadInMB={self.megabytes},"
            f" BatchStrategy={WORDS[self.strategy]}"
        )


def decide(record: dict[str, Any], offered: dict[str, Any]) -> ExecutionParameters:
    """The parameters of a job. `offered` are the container's; they apply if the request has 0 concurrent
    transforms or none."""
    strategy = CONTAINER_WORDS.get(str(offered.get("BatchStrategy")), MULTI)
    return ExecutionParameters(
        concurrent=record.get("MaxConcurrentTransforms")
        or _whole(offered.get("MaxConcurrentTransforms"), range(1, CONCURRENT_LIMIT + 1), 1),
        megabytes=record.get(
            "MaxPayloadInMB", _whole(offered.get("MaxPayloadInMB"), range(PAYLOAD_LIMIT + 1), 6)
        ),
        strategy=record.get("BatchStrategy", strategy),
    )


def fetch(worker: Worker) -> dict[str, Any]:
    """The container's parameters; empty if it has no such path or the response is not valid."""
    try:
        reply = worker.get(PATH)
        response = json.loads(reply.body) if reply.status == 200 else {}
    except (OSError, HTTPException, ValueError, RecursionError):
        return {}
    return response if isinstance(response, dict) else {}


def variables(record: dict[str, Any]) -> dict[str, str]:
    """Environment variables for the container. They exist only for fields in the request (same page)."""
    requested = {
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": record.get("MaxPayloadInMB"),
        "SAGEMAKER_BATCH_STRATEGY": WORDS.get(record.get("BatchStrategy", "")),
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": record.get("MaxConcurrentTransforms") or None,
    }
    return {
        "SAGEMAKER_BATCH": "true",
        **{name: str(value) for name, value in requested.items() if value is not None},
    }


def _whole(value: Any, allowed: range, default: int) -> int:
    return value if isinstance(value, int) and value in allowed else default
