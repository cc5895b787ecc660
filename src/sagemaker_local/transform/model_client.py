"""Sends a transform job's requests to its model server, with the timeout and retries of ModelClientConfig."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sagemaker_local.model_servers.serving import LostError, Reply, StartError, TimedOutError, Worker

TIMEOUT_SECONDS = 600
RETRIES = 3
"""The defaults of ModelClientConfig (API reference)."""
CLIENT, ALGORITHM = "ClientError", "AlgorithmError"


class InvocationError(Exception):
    """The model did not respond to a request.

    `blame` starts the job's FailureReason; `lines` are for its log.
    """

    def __init__(self, blame: str, *lines: str) -> None:
        super().__init__(*lines)
        self.blame = blame
        self.lines = lines


@dataclass(frozen=True)
class ModelClient:
    worker: Worker
    headers: Mapping[str, str]
    timeout: float
    retries: int
    stopping: Callable[[], bool]

    def invoke(self, payload: bytes) -> bytes:
        """The response. InvocationError after the last retry, or at once if the request is invalid."""
        attempts = 1 + self.retries
        while True:
            attempts -= 1
            try:
                return self._once(payload)
            except InvocationError as error:
                if error.blame == CLIENT or not attempts or self.stopping():
                    raise

    def _once(self, payload: bytes) -> bytes:
        try:
            reply = self.worker.exchange(payload, self.headers, self.timeout)
        except TimedOutError as error:
            message = f"Unable to get response from algorithm: none within {self.timeout:g} seconds"
            raise InvocationError(ALGORITHM, message) from error
        except (LostError, StartError) as error:
            raise InvocationError(ALGORITHM, f"Unable to get response from algorithm: {error}") from error
        if reply.status >= 300:
            raise _rejected(reply)
        return reply.body


def _rejected(reply: Reply) -> InvocationError:
    """The error with the lines of SageMaker's own log."""
    text = reply.body.decode("utf-8", "replace")
    if 400 <= reply.status < 500:
        return InvocationError(CLIENT, f"ClientError: {reply.status}", "", "Message:", *text.splitlines())
    status = f"Bad HTTP status received from algorithm: {reply.status}"
    return InvocationError(ALGORITHM, status, "", "Message:", *text.splitlines())


def client(worker: Worker, record: dict[str, Any], stopping: Callable[[], bool]) -> ModelClient:
    config = record.get("ModelClientConfig", {})
    headers = {
        "Content-Type": record["TransformInput"].get("ContentType", ""),
        "Accept": record["TransformOutput"].get("Accept", ""),
    }
    return ModelClient(
        worker,
        {name: value for name, value in headers.items() if value},
        config.get("InvocationsTimeoutInSeconds", TIMEOUT_SECONDS),
        config.get("InvocationsMaxRetries", RETRIES),
        stopping,
    )
