"""From an event to a run: the function behind the queue `events`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from stagewright.aws.queue import Message
from stagewright.functions import environment
from stagewright.functions.sqs_records import delivered, put_off
from stagewright.gateway import Gateway
from stagewright.naming import pipeline_of, timestamp
from stagewright.runs import settings
from stagewright.runs.intake import run_requests
from stagewright.runs.lifecycle import route_all
from stagewright.runs.triggers.subscriptions import Catalogue


def handler(event: Mapping[str, Any], context: Any) -> dict[str, list[dict[str, str]]]:
    """For an SQS event source with ReportBatchItemFailures: what failed is delivered again, the rest is done.

    A message that never succeeds ends in the dead-letter queue (maxReceiveCount). One that cannot be read
    goes there at once, since it never will be.
    """
    gateway = environment.gateway(environment.installation(context))
    catalogue = Catalogue(gateway)
    failures = [
        {"itemIdentifier": record["messageId"]}
        for record in event["Records"]
        if not _done(gateway, record, catalogue)
    ]
    return {"batchItemFailures": failures}


def _done(gateway: Gateway, record: Mapping[str, Any], catalogue: Catalogue) -> bool:
    try:
        _routed(gateway, delivered(record), catalogue)
    except Exception:
        # One message must not take the others of its batch with it, whatever is wrong.
        settings.logger().exception("not routed; it will be delivered again", message_id=record["messageId"])
        _put_off(gateway, record)
        return False
    return True


def _put_off(gateway: Gateway, record: Mapping[str, Any]) -> None:
    """Where that fails the message comes when the queue's visibility timeout is over."""
    try:
        put_off(gateway, record)
    except Exception as error:
        settings.logger().warning("not put off", message_id=record["messageId"], reason=str(error))


def _routed(gateway: Gateway, message: Message, catalogue: Catalogue) -> None:
    logger = settings.logger()
    try:
        started = route_all(gateway, message.body, message.origin, _sent(message), catalogue)
    except run_requests.MalformedError as error:
        logger.warning("malformed message", message_id=message.origin, reason=str(error))
        gateway.dead_letters.send_again(replace(message, reason=str(error)))
        return
    for each in started:
        ids: dict[str, Any] = {
            "run": each.run,
            "pipeline": pipeline_of(each.run),
            "execution": each.execution,
        }
        logger.info("routed", message_id=message.origin, new=each.new, **ids)
    if not started:
        logger.debug("no run asked for", message_id=message.origin)


def _sent(message: Message) -> str:
    return timestamp(datetime.fromtimestamp(message.sent, UTC)) if message.sent else ""
