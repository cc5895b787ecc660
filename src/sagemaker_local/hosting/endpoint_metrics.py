"""What CloudWatch is told of an endpoint's invocations (developer guide, Endpoint invocation metrics)."""

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
"""SageMaker sends every minute; here waits are short, and an alarm has to see it in time."""
VALUES_LIMIT = 150
"""Different values in one datum (PutMetricData, API reference, MetricDatum)."""
UNITS = {
    "Invocations": "None",
    "Invocation4XXErrors": "None",
    "Invocation5XXErrors": "None",
    "ModelLatency": "Microseconds",
}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """Who answered."""

    endpoint: str
    variant: str
    config: str

    def dimensions(self) -> list[list[dict[str, str]]]:
        """Also with the configuration, which tells the two fleets of an update apart."""
        both = [
            {"Name": "EndpointName", "Value": self.endpoint},
            {"Name": "VariantName", "Value": self.variant},
        ]
        return [both, [*both, {"Name": "EndpointConfigName", "Value": self.config}]]


class EndpointMetrics:
    """Gathers, and sends every second. Without CloudWatch it stops trying."""

    def __init__(self, cloudwatch: CloudWatch) -> None:
        self._cloudwatch = cloudwatch
        self._lock = threading.Lock()
        self._gathered: dict[tuple[Source, str], Counter[float]] = defaultdict(Counter)
        self._dead = False
        self._sender = Periodic("endpoint-metrics", SECONDS, self._send)

    def record(self, source: Source, status: int, seconds: float) -> None:
        """`status` is the container's, 0 where it did not answer in time.

        Two digits of the latency are kept, so that many requests make few values.
        """
        if self._dead:
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
                self._gathered[source, metric][value] += 1
        self._sender.begin()

    def close(self) -> None:
        """What is waiting is sent first."""
        self._sender.close()
        self._send()

    def _send(self) -> None:
        with self._lock:
            gathered, self._gathered = self._gathered, defaultdict(Counter)
        if not gathered or self._dead:
            return
        data = [
            datum for (source, metric), counts in gathered.items() for datum in _data(source, metric, counts)
        ]
        try:
            self._cloudwatch.put(NAMESPACE, data)
        except UnreachableError as error:
            log.warning("endpoints have no metrics: %s", error)
            self._dead = True


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
