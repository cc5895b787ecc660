"""The router: turns events into runs. Lambda invokes it with messages of the SQS queue `events`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stagewright.aws.queue import Message
from stagewright.formats import FormatError
from stagewright.functions import environment, sqs_records
from stagewright.naming import pipeline_of
from stagewright.runs.intake.run_requests import MalformedError
from stagewright.runs.lifecycle import ATTEMPTS, accept
from stagewright.runs.settings import Runtime
from stagewright.runs.triggers.subscriptions import Subscriptions


def handler(event: Mapping[str, Any], context: Any) -> dict[str, list[dict[str, str]]]:
    """Handle a batch of SQS messages. Returns those to deliver again (ReportBatchItemFailures).

    A message that keeps failing goes to the dead-letter queue after `maxReceiveCount` deliveries. A malformed
    one goes there at once.
    """
    runtime = environment.runtime(context)
    subscriptions = Subscriptions(runtime.gateway)
    failures = [
        {"itemIdentifier": record["messageId"]}
        for record in event["Records"]
        if not _is_accepted(runtime, record, subscriptions)
    ]
    return {"batchItemFailures": failures}


def _is_accepted(runtime: Runtime, record: Mapping[str, Any], subscriptions: Subscriptions) -> bool:
    """False: deliver the record again. An error in one record must not fail the others of its batch."""
    try:
        environment.require_one_version()
        _accept(runtime, sqs_records.message_of(record), subscriptions)
    except Exception:
        runtime.log.exception("message failed; it will be delivered again", message_id=record["messageId"])
        _delay_retry(runtime, record)
        return False
    return True


def _accept(runtime: Runtime, message: Message, subscriptions: Subscriptions) -> None:
    try:
        started = accept(runtime, message, subscriptions)
    except MalformedError as error:
        runtime.log.warning("malformed message", message_id=message.origin, reason=str(error))
        runtime.gateway.dead_letters.send_again(replace(message, reason=str(error)))
        return
    except FormatError as error:  # during an upgrade, a later delivery meets the function that reads the item
        if message.receives < ATTEMPTS:
            raise
        runtime.log.warning("item of a later version", message_id=message.origin, reason=str(error))
        runtime.gateway.dead_letters.send_again(replace(message, reason=str(error)))
        return
    for run in started:
        ids: dict[str, Any] = {"run": run.run, "pipeline": pipeline_of(run.run), "execution": run.execution}
        runtime.log.info("run accepted", message_id=message.origin, new=run.new, **ids)
    if not started:
        runtime.log.debug("no run requested", message_id=message.origin)


def _delay_retry(runtime: Runtime, record: Mapping[str, Any]) -> None:
    """If that fails, the message is delivered again after the queue's visibility timeout."""
    try:
        sqs_records.delay_retry(runtime.gateway, record)
    except Exception as error:
        runtime.log.warning("retry not delayed", message_id=record["messageId"], reason=str(error))
