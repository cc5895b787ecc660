"""Notices to people about runs, by SNS."""

from __future__ import annotations

from stagewright.errors import StagewrightError
from stagewright.runs.settings import Runtime
from stagewright.runs.values import REASON_LIMIT
from stagewright.store.runs import Header


def notify(runtime: Runtime, header: Header, reason: str, event: str = "failed") -> bool:
    """Send a notice that a run failed, or that another `event` happened to it. False: it was not sent.

    An error of SNS is logged and not raised: the run's record does not depend on the notice. The reason is
    cut to what the header stores; SNS accepts at most 256 KB (API reference of Publish).
    """
    if not runtime.topic:
        return False
    run, pipeline = header.run, header.pipeline
    text = f"{reason[:REASON_LIMIT]}\n\nrun: {run}\npipeline: {pipeline}\nrevision: {header.revision}\n"
    try:
        runtime.gateway.topics.publish(
            runtime.topic, f"{pipeline} {event}: {run}", f"{text}look: stagewright show {run}\n"
        )
    except StagewrightError as error:
        runtime.log.exception("notice not sent", run=run, pipeline=pipeline, reason=error.message)
        return False
    return True


def report_rejection(runtime: Runtime, header: Header, reason: str) -> None:
    """Log that a run was rejected, and notify people. Call it once, after the write that rejects the run."""
    runtime.log.warning("rejected", metric="Rejected", value=1, run=header.run, pipeline=header.pipeline)
    notify(runtime, header, reason, "was rejected")


def describe(error: Exception) -> str:
    """One sentence for a header or a notice: the message, with the remedy in parentheses."""
    if not isinstance(error, StagewrightError):
        return f"{type(error).__name__}: {error}"
    return f"{error.message} ({error.remedy})" if error.remedy else error.message
