"""CloudWatch as endpoints need it: their metrics go there, and the alarms of a deployment are read there."""

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
"""Of one PutMetricData (CloudWatch service quotas)."""
KINDS = ["MetricAlarm", "CompositeAlarm"]


class UnreachableError(Exception):
    """The endpoint has no CloudWatch, or it refused. The message says which."""


class CloudWatch:
    """Everything raises UnreachableError."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = Lock()

    @cached_property
    def _made(self) -> Any:
        config = Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 2}, proxies={})
        return session(self._settings).client("cloudwatch", endpoint_url=self._settings.url, config=config)

    def put(self, namespace: str, data: Sequence[dict[str, Any]]) -> None:
        for start in range(0, len(data), DATA_LIMIT):
            self._call(
                "put_metric_data", Namespace=namespace, MetricData=list(data[start : start + DATA_LIMIT])
            )

    def alarms(self, names: Sequence[str]) -> dict[str, str]:
        """Name -> state (OK, ALARM, INSUFFICIENT_DATA) of those that exist."""
        found = self._call("describe_alarms", AlarmNames=list(names), AlarmTypes=KINDS)
        listed = [*found.get("MetricAlarms", []), *found.get("CompositeAlarms", [])]
        return {alarm["AlarmName"]: alarm["StateValue"] for alarm in listed}

    def close(self) -> None:
        with self._lock:
            if "_made" in self.__dict__:
                self._made.close()

    def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        with self._lock:
            client = self._made
        try:
            answer: dict[str, Any] = getattr(client, operation)(**arguments)
        except (ClientError, BotoCoreError) as error:
            raise UnreachableError(f"no CloudWatch at {self._settings.url}: {error}") from error
        return answer
