"""."""

from __future__ import annotations

from stagewright.errors import StagewrightError
from stagewright.gateway import Gateway
from stagewright.runs import settings
from stagewright.runs.values import REASON_LIMIT
from stagewright.store.runs import Header


def notify(gateway: Gateway, header: Header, why: str, what: str = "failed") -> None:
    """Tells people that a run failed, or `what` else befell it.

    A notice that cannot be sent is logged; the record does not need it. The reason is as long as the header
    keeps it: SNS takes 256 KB (API reference of Publish).
    """
    topic, run = settings.topic(), header.run
    if not topic:
        return
    text = f"{why[:REASON_LIMIT]}\n\nrun: {run}\npipeline: {header.pipeline}\nrevision: {header.revision}\n"
    try:
        gateway.topics.publish(
            topic, f"{header.pipeline} {what}: {run}", f"{text}look: stagewright show {run}\n"
        )
    except StagewrightError as error:
        settings.logger().error("no notice sent", run=run, pipeline=header.pipeline, reason=error.message)


def said(error: StagewrightError) -> str:
    return f"{error.message} ({error.remedy})" if error.remedy else error.message


def report_refusal(gateway: Gateway, header: Header, reason: str) -> None:
    """Once: by whoever refused the run."""
    settings.logger().warning("refused", metric="Refused", value=1, run=header.run, pipeline=header.pipeline)
    notify(gateway, header, reason, "was refused")
