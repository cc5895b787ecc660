"""CloudWatch metrics of an endpoint's invocations (developer guide, Endpoint invocation metrics)."""

from __future__ import annotations

import logging
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sagemaker_local.hosting.cloudwatch import CloudWatch, UnreachableError
from sagemaker_local.hosting.periodic import Periodic

NAMESPACE = "AWS/SageMaker"
SECONDS = 1.0
"""SageMaker sends every minute. Deployments are faster here, and their alarms need the metrics in time."""
VALUES_LIMIT = 150
"""The maximum number of distinct values in one datum (PutMetricData, API reference, MetricDatum)."""
UNITS = {
    "Invocations": "None",
    "Invocation4XXErrors": "None",
    "Invocation5XXErrors": "None",
    "ModelLatency": "Microseconds",
}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """The variant that handled an invocation."""

    endpoint: str
    variant: str
    config: str

    def dimensions(self) -> list[list[dict[str, str]]]:
        """The dimensions of the metrics. Those with the configuration tell the two fleets of an update
        apart."""
        both = [
            {"Name": "EndpointName", "Value": self.endpoint},
            {"Name": "VariantName", "Value": self.variant},
        ]
        return [both, [*both, {"Name": "EndpointConfigName", "Value": self.config}]]


class EndpointMetrics:
    """Collects metrics and sends them every SECONDS. Stops if there is no CloudWatch."""

    def __init__(self, cloudwatch: CloudWatch) -> None:
        self._cloudwatch = cloudwatch
        self._lock = threading.Lock()
        self._collected: dict[tuple[Source, str], Counter[float]] = defaultdict(Counter)
        self._stopped = False
        self._sender = Periodic("endpoint-metrics", SECONDS, self._send)

    def record(self, source: Source, status: int, seconds: float) -> None:
        """Record an invocation. `status` is the container's HTTP status, or 0 if it did not respond in time.

        The latency has two significant digits, so that many requests have few distinct values.
        """
        if self._stopped:
            return
        client_error = 400 <= status < 500
        values = {
            "Invocations": 1.0,
            "Invocation4XXErrors": float(client_error),
            "Invocation5XXErrors": float(not client_error and not 200 <= status < 300),
            "ModelLatency": float(f"{seconds * 1_000_000:.1e}"),
        }
        with self._lock:
            for metric, value in values.items():
                self._collected[source, metric][value] += 1
        self._sender.start()

    def close(self) -> None:
        """Send the remaining metrics and stop."""
        self._sender.close()
        self._send()

    def _send(self) -> None:
        with self._lock:
            collected, self._collected = self._collected, defaultdict(Counter)
        if not collected or self._stopped:
            return
        data = [
            datum for (source, metric), counts in collected.items() for datum in _data(source, metric, counts)
        ]
        try:
            self._cloudwatch.put(NAMESPACE, data)
        except UnreachableError as error:
            log.warning("endpoints have no metrics: %s", error)
            self._stopped = True


def _data(source: Source, metric: str, counts: Counter[float]) -> Iterator[dict[str, Any]]:
    values = list(counts)
    for dimensions in source.dimensions():
        for start in range(0, len(values), VALUES_LIMIT):
            some = values[start : start + VALUES_LIMIT]
            yield {
                "MetricName": metric,
                "Dimensions": dimensions,
                "Unit": UNITS[metric],
                "Values": some,
                "Counts": [float(counts[value]) for value in some],
            }
