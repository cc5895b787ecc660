"""The router's event queue and its dead-letter queue."""

from __future__ import annotations

from typing import Any

from stagewright.installation.bucket import tls_only
from stagewright.installation.functions import ROUTER
from stagewright.installation.template import TEMPLATE

DAY = 24 * 3600
VISIBILITY = 6 * ROUTER.timeout
"""Seconds. At least six times the function's timeout (Lambda guide, "Using Lambda with Amazon SQS")."""
MAX_RECEIVES = 5
BATCH = 10

EVENTS_ARN = TEMPLATE.arn("sqs", TEMPLATE.name("events"))
DEAD_ARN = TEMPLATE.arn("sqs", TEMPLATE.name("events-dead"))


def queues(senders: list[str], undelivered: list[str]) -> dict[str, Any]:
    """Return both queues.

    `senders` are the ARNs of the rules that send to `events`. `undelivered` are the ARNs of the rules whose
    undelivered events go to `events-dead`.
    """
    common = {"managed_encryption": True, "visibility_timeout": VISIBILITY}
    return {
        "events": {
            "name": TEMPLATE.name("events"),
            "arn": EVENTS_ARN,
            **common,
            "retention": 4 * DAY,
            "redrive": {"dead_letter_arn": DEAD_ARN, "max_receives": MAX_RECEIVES},
            "policy": _policy(EVENTS_ARN, [_may_send(EVENTS_ARN, senders)]),
        },
        "events-dead": {
            "name": TEMPLATE.name("events-dead"),
            "arn": DEAD_ARN,
            **common,
            "retention": 14 * DAY,
            "redrive": None,
            "policy": _policy(DEAD_ARN, [_may_send(DEAD_ARN, undelivered)]),
        },
    }


def source() -> dict[str, Any]:
    """Return the router's event source.

    A failed message returns to the queue without the rest of its batch.
    """
    return {
        "queue": "events",
        "function": ROUTER.key,
        "batch_size": BATCH,
        "batching_window": 0,
        "function_response_types": ["ReportBatchItemFailures"],
    }


def _may_send(queue: str, senders: list[str]) -> dict[str, Any]:
    return {
        "Sid": "EventRules",
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnLike": {"aws:SourceArn": senders}},
    }


def _policy(arn: str, statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [*statements, tls_only("sqs:*", [arn])]}
