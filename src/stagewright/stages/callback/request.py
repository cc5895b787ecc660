"""The request of callback stages: the queue and the payload of the message."""

from __future__ import annotations

from stagewright.naming import DNS_SUFFIXES
from stagewright.stages.base.request import BuildContext, Requests
from stagewright.stages.base.stage_request import StageRequest
from stagewright.stages.callback.schema import Callback
from stagewright.syntax.durations import seconds


def build(stage: Callback, context: BuildContext) -> Requests:
    """Return the message. The timeout is not part of it, so a new timeout does not repeat the message."""
    return {"Message": {"queue": _url(stage.queue, context), "payload": stage.payload}}


def _url(queue: str, context: BuildContext) -> str:
    """The URL of a queue of the installation's account (SQS developer guide, "Queue and message
    identifiers"). A URL stays as it is."""
    if "/" in queue:
        return queue
    installation = context.installation
    host = f"sqs.{installation.region}.{DNS_SUFFIXES[installation.partition]}"
    return f"https://{host}/{installation.account}/{queue}"


REQUEST = StageRequest(
    build,
    lambda stage, _requests: seconds(stage.timeout),
    history_events=14,
    machine_inputs=("Message",),
    field_names=(
        (r"Message\.queue", "queue"),
        (r"Message\.payload\.(.+)", r"payload.\1"),
    ),
)
