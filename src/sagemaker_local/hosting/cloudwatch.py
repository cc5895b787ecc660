"""CloudWatch for endpoints: it receives their metrics and has the alarms of deployments."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from threading import Lock
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from sagemaker_local.session import session
from sagemaker_local.settings import Settings

DATA_LIMIT = 1_000
"""The maximum number of data in one PutMetricData (CloudWatch service quotas)."""
KINDS = ["MetricAlarm", "CompositeAlarm"]


class UnreachableError(Exception):
    """The endpoint has no CloudWatch, or it rejected a request."""


class CloudWatch:
    """A CloudWatch client. Methods raise UnreachableError."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = Lock()

    @cached_property
    def _client(self) -> Any:
        config = Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 2}, proxies={})
        return session(self._settings).client("cloudwatch", endpoint_url=self._settings.url, config=config)

    def put(self, namespace: str, data: Sequence[dict[str, Any]]) -> None:
        for start in range(0, len(data), DATA_LIMIT):
            self._call(
                "put_metric_data", Namespace=namespace, MetricData=list(data[start : start + DATA_LIMIT])
            )

    def alarms(self, names: Sequence[str]) -> dict[str, str]:
        """The state of each existing alarm by name: OK, ALARM or INSUFFICIENT_DATA."""
        response = self._call("describe_alarms", AlarmNames=list(names), AlarmTypes=KINDS)
        alarms = [*response.get("MetricAlarms", []), *response.get("CompositeAlarms", [])]
        return {alarm["AlarmName"]: alarm["StateValue"] for alarm in alarms}

    def close(self) -> None:
        with self._lock:
            if "_client" in self.__dict__:
                self._client.close()

    def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        with self._lock:
            client = self._client
        try:
            response: dict[str, Any] = getattr(client, operation)(**arguments)
        except (ClientError, BotoCoreError) as error:
            raise UnreachableError(f"no CloudWatch at {self._settings.url}: {error}") from error
        return response
