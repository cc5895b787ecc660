"""What is changed in ministack's services beside its Step Functions engine, each for a reason of its own.

- Lambda workers are given this server's key instead of an account number, and are ready within milliseconds;
- S3's events carry the object's version, as they do on AWS;
- queue URLs do not depend on the port, so that queues survive a change of port;
- an alarm sees the metric of exactly its dimensions.
"""

from __future__ import annotations

import contextvars
import json
import time
from functools import partialmethod
from importlib import import_module
from types import FunctionType, ModuleType
from typing import Any

from sagemaker_local.state_folder import ACCOUNT, REGION

QUEUE_NETLOC_PORT = "4566"

_version: contextvars.ContextVar[str] = contextvars.ContextVar("_version", default="")


def give_workers_our_key(lambda_svc: ModuleType, access_key: str, secret_key: str) -> None:
    key = {"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret_key}
    for module in (lambda_svc, import_module("ministack.core.lambda_runtime")):
        module.execution_credentials = lambda _config: key  # type: ignore[attr-defined]


def hurry(lambda_svc: ModuleType, runtime: ModuleType) -> None:
    """A function is ready, and an event reaches it, within milliseconds.

    One batch of a queue at a time: a second one would wait longer for its new process than for the first.
    """
    lambda_svc._LAMBDA_STATE_TRANSITION_DELAY = 0.005  # type: ignore[attr-defined]
    lambda_svc._ESM_IDLE_WAKE_GAP_SECONDS = 0.002  # type: ignore[attr-defined]
    lambda_svc._ESM_SQS_DEFAULT_CONCURRENCY = 1  # type: ignore[attr-defined]
    drain = runtime.Worker._drain_stderr_bounded
    runtime.Worker._drain_stderr_bounded = partialmethod(drain, first_line_wait=0.01)


def pin_queue_urls(sqs: ModuleType) -> None:
    """Queues are kept by URL; what a caller sees is rewritten to the host and port that it asked at."""
    sqs.DEFAULT_PORT = QUEUE_NETLOC_PORT  # type: ignore[attr-defined]
    sqs._CANONICAL_NETLOC = f"{sqs.DEFAULT_HOST}:{QUEUE_NETLOC_PORT}"  # type: ignore[attr-defined]


def carry_versions(s3: ModuleType, eventbridge: ModuleType) -> None:
    """`object.version-id` of S3's events (S3 user guide, "EventBridge event message structure")."""
    fire, dispatch = s3._fire_s3_event, eventbridge._dispatch_event

    def fire_event(*arguments: Any, **keywords: Any) -> None:
        _version.set(keywords.get("version_id") or "")
        fire(*arguments, **keywords)

    def dispatch_event(event: dict[str, Any], *arguments: Any, **keywords: Any) -> Any:
        if event["Source"] == "aws.s3" and _version.get():
            detail = json.loads(event["Detail"])
            detail["object"]["version-id"] = _version.get()
            event = {**event, "Detail": json.dumps(detail)}
        return dispatch(event, *arguments, **keywords)

    s3._fire_s3_event = fire_event  # type: ignore[attr-defined]
    eventbridge._dispatch_event = dispatch_event  # type: ignore[attr-defined]


def alarm_on_own_metric(cloudwatch: ModuleType) -> None:
    """An alarm sees the metric of exactly its dimensions; ministack takes every metric of that name."""
    evaluate = cloudwatch._evaluate_alarm

    def evaluate_alarm(alarm: dict[str, Any]) -> None:
        own = cloudwatch._dims_key({each["Name"]: each["Value"] for each in alarm.get("Dimensions") or ()})
        metrics = {key: points for key, points in cloudwatch._metrics.items() if key[2] == own}
        # The same function over fewer metrics: others may read the module's own meanwhile.
        FunctionType(evaluate.__code__, {**vars(cloudwatch), "_metrics": metrics})(alarm)

    cloudwatch._evaluate_alarm = evaluate_alarm  # type: ignore[attr-defined]


ALGORITHM = "x-amz-server-side-encryption"
KEY = f"{ALGORITHM}-aws-kms-key-id"
ACCOUNT_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/aws/s3"


def use_account_key(s3: ModuleType) -> None:
    """AWS takes the account's own key, aws/s3; ministack refuses. SageMaker's SDK uploads code like that."""
    resolve = s3._resolve_sse_write_headers

    def resolved(headers: dict[str, str], bucket: str) -> Any:
        if headers.get(ALGORITHM) == "aws:kms" and not headers.get(KEY):
            headers = {**headers, KEY: ACCOUNT_KEY}
        return resolve(headers, bucket)

    s3._resolve_sse_write_headers = resolved  # type: ignore[attr-defined]


def mend(module: ModuleType) -> None:
    """`module`: jsonata.timebox. Expressions that are made from now on are measured so."""

    class Timebox(module.Timebox):  # type: ignore[misc, name-defined]
        time: float

        def __init__(self, *given: Any) -> None:
            self.began = time.thread_time()
            super().__init__(*given)

        def check_runaway(self) -> None:
            now = self.current_milli_time()
            if self.timeout is not None and now - self.time > self.timeout:
                self.time = now - 1000 * (time.thread_time() - self.began)
            super().check_runaway()

    module.Timebox = Timebox  # type: ignore[attr-defined]
