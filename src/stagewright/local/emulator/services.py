"""Patches of Lambda, SQS and S3."""

from __future__ import annotations

import contextvars
import json
from dataclasses import replace as replace_fields
from functools import partialmethod
from typing import Any

from sagemaker_local.state_folder import ACCOUNT, REGION
from stagewright.local.emulator.patches import replace
from stagewright.naming import SAMPLE

QUEUE_PORT = "4566"
ALGORITHM = "x-amz-server-side-encryption"
KEY = f"{ALGORITHM}-aws-kms-key-id"
ACCOUNT_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/aws/s3"

_version: contextvars.ContextVar[str] = contextvars.ContextVar("_version", default="")


def use_server_key(functions: Any, runtime: Any, access_key: str, secret_key: str) -> None:
    """Let Lambda functions sign with the server's key. ministack gives them an account number as the key."""
    key = {"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret_key}
    for module in (functions, runtime):
        replace(module, "execution_credentials", lambda _config: key)


def accept_server_key(s3: Any, access_key: str, secret_key: str) -> None:
    """Let S3 verify presigned URLs of functions and jobs. ministack knows only the key of its environment."""
    resolve = s3.resolve_credential

    def resolved(key: str, *rest: Any) -> Any:
        if key != access_key:
            return resolve(key, *rest)
        credential = resolve("", *rest)
        is_error = not hasattr(credential, "secret_access_key")
        return credential if is_error else replace_fields(credential, secret_access_key=secret_key)

    replace(s3, "resolve_credential", resolved)


def shorten_delays(functions: Any, runtime: Any) -> None:
    """Make a function ready, and deliver messages to it, within milliseconds.

    A queue delivers one batch at a time. A second batch would start a second process, which takes longer to
    start than the first batch takes to finish.
    """
    replace(functions, "_LAMBDA_STATE_TRANSITION_DELAY", 0.005)
    replace(functions, "_ESM_IDLE_WAKE_GAP_SECONDS", 0.002)
    replace(functions, "_ESM_SQS_DEFAULT_CONCURRENCY", 1)
    drain = partialmethod(runtime.Worker._drain_stderr_bounded, first_line_wait=0.01)
    replace(runtime.Worker, "_drain_stderr_bounded", drain)


def start_with_bytecode(runtime: Any, archive: bytes, compiled: bytes) -> None:
    """Start functions whose code is `archive` from `compiled`: the same files with their bytecode."""
    spawn = runtime.Worker._spawn

    def spawn_worker(worker: Any) -> None:
        code = worker.code_zip
        worker.code_zip = compiled if code == archive else code
        try:
            spawn(worker)
        finally:
            worker.code_zip = code

    replace(runtime.Worker, "_spawn", spawn_worker)


def fix_queue_port(sqs: Any) -> None:
    """Store queues under a fixed port. Callers see the host and the port of their request."""
    replace(sqs, "DEFAULT_PORT", QUEUE_PORT)
    replace(sqs, "_CANONICAL_NETLOC", f"{sqs.DEFAULT_HOST}:{QUEUE_PORT}")


def complete_events(s3: Any, eventbridge: Any) -> None:
    """Set `object.version-id` of S3's events (S3 user guide, "EventBridge event message structure").

    The sample data that a command uploads sends no event: the command starts its run itself.
    """
    fire, dispatch = s3._fire_s3_event, eventbridge._dispatch_event

    def fire_event(*arguments: Any, **keywords: Any) -> None:
        version = keywords.get("version_id") or ""
        bucket, key = arguments[:2]
        if not _is_sample(s3, bucket, key, version):
            _version.set(version)
            fire(*arguments, **keywords)

    def dispatch_event(event: dict[str, Any], *arguments: Any, **keywords: Any) -> Any:
        if event["Source"] == "aws.s3" and _version.get():
            detail = json.loads(event["Detail"])
            detail["object"]["version-id"] = _version.get()
            event = {**event, "Detail": json.dumps(detail)}
        return dispatch(event, *arguments, **keywords)

    replace(s3, "_fire_s3_event", fire_event)
    replace(eventbridge, "_dispatch_event", dispatch_event)


def _is_sample(s3: Any, bucket: str, key: str, version: str) -> bool:
    (name,) = SAMPLE
    versions = s3._object_versions.get((bucket, key), ())
    stored: Any = next((entry for entry in versions if entry["version_id"] == version), {})
    return f"x-amz-meta-{name}" in stored.get("metadata", {})


def use_account_key(s3: Any) -> None:
    """Use the account's key `aws/s3` when an upload with `aws:kms` names no key, as AWS does.

    ministack rejects such an upload. The SageMaker SDK uploads code without naming a key.
    """
    resolve = s3._resolve_sse_write_headers

    def resolved(headers: dict[str, str], bucket: str) -> Any:
        if headers.get(ALGORITHM) == "aws:kms" and not headers.get(KEY):
            headers = {**headers, KEY: ACCOUNT_KEY}
        return resolve(headers, bucket)

    replace(s3, "_resolve_sse_write_headers", resolved)
