"""The end of an execution becomes the end of its run: the function behind the rule `run-status`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stagewright.errors import StagewrightError
from stagewright.router import settings
from stagewright.run.close import close, reason
from stagewright.run.gateway import Gateway
from stagewright.run.gateway.runs import Header
from stagewright.run.start import REASON_LIMIT


def handler(event: Mapping[str, Any], context: Any) -> dict[str, str]:
    """For *Step Functions Execution Status Change* events, straight from EventBridge."""
    place = settings.installation(context)
    status = record(settings.gateway(place), event["detail"]["executionArn"])
    return {"status": status or "unchanged"}


def record(gateway: Gateway, arn: str) -> str | None:
    """Closes the run of an execution that has ended; None where nothing was to do.

    Events come late, twice or not at all: so the execution itself is asked, not the event, and a run that is
    closed stays so. Whoever closes a failed run tells people, once.
    """
    logger = settings.logger()
    run = arn.rsplit(":", 1)[-1]
    header = gateway.runs.header(run)
    if header is None:
        logger.warning("an execution without a run", execution=arn)
        return None
    execution = gateway.executions.describe(arn)
    status = close(gateway, header, execution)
    logger.info(
        "recorded",
        run=run,
        pipeline=header.pipeline,
        execution_status=execution.status,
        status=status or "unchanged",
    )
    if status == "FAILED":
        notify(gateway, header, reason(execution))
    return status


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
