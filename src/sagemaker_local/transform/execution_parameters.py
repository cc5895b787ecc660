"""How a transform job cuts its work: what the request says, else the container, else the defaults.

"Use Your Own Inference Code with Batch Transform" (developer guide, GET /execution-parameters).
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
"""MaxConcurrentTransforms: 1-100 (same page)."""
PAYLOAD_LIMIT = 100
"""MB (CreateTransformJob, API reference, MaxPayloadInMB)."""
CONTAINER_WORDS = {"SINGLE_RECORD": SINGLE, "MULTI_RECORD": MULTI}
WORDS = {strategy: word for word, strategy in CONTAINER_WORDS.items()}


@dataclass(frozen=True)
class ExecutionParameters:
    concurrent: int
    megabytes: int
    strategy: str

    def __str__(self) -> str:
        """As SageMaker's log of the job says it."""
        return (
            f"MaxConcurrentTransforms={self.concurrent}, MaxPayloadInMB={self.megabytes},"
            f" BatchStrategy={WORDS[self.strategy]}"
        )


def decide(record: dict[str, Any], asked: dict[str, Any]) -> ExecutionParameters:
    """`asked` is the container's answer. Zero concurrent transforms in a request means to ask."""
    strategy = CONTAINER_WORDS.get(str(asked.get("BatchStrategy")), MULTI)
    return ExecutionParameters(
        concurrent=record.get("MaxConcurrentTransforms")
        or _whole(asked.get("MaxConcurrentTransforms"), range(1, CONCURRENT_LIMIT + 1), 1),
        megabytes=record.get(
            "MaxPayloadInMB", _whole(asked.get("MaxPayloadInMB"), range(PAYLOAD_LIMIT + 1), 6)
        ),
        strategy=record.get("BatchStrategy", strategy),
    )


def ask(worker: Worker) -> dict[str, Any]:
    """Empty where the container has no such path, or no good answer."""
    try:
        reply = worker.ask(PATH)
        answer = json.loads(reply.body) if reply.status == 200 else {}
    except (OSError, HTTPException, ValueError):
        return {}
    return answer if isinstance(answer, dict) else {}


def variables(record: dict[str, Any]) -> dict[str, str]:
    """What the container is told: of the request's fields only those that it gives (same page)."""
    given = {
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": record.get("MaxPayloadInMB"),
        "SAGEMAKER_BATCH_STRATEGY": WORDS.get(record.get("BatchStrategy", "")),
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": record.get("MaxConcurrentTransforms") or None,
    }
    return {
        "SAGEMAKER_BATCH": "true",
        **{name: str(value) for name, value in given.items() if value is not None},
    }


def _whole(value: Any, allowed: range, default: int) -> int:
    return value if isinstance(value, int) and value in allowed else default
