"""Notices to people about runs, by SNS."""

from __future__ import annotations

from stagewright.errors import StagewrightError
from stagewright.runs.settings import Runtime
from stagewright.runs.values import REASON_LIMIT
from stagewright.store.run_items import Header

NOTICES = {"FAILED": "failed", "REJECTED": "was rejected"}
"""Status of an ended run -> what its notice says. Other statuses send none."""


def notify(runtime: Runtime, header: Header, reason: str, event: str) -> bool:
    """Send a notice that an `event` happened to a run. False: it was not sent.

    An error of SNS is logged and not raised: the run's record does not depend on the notice. The reason is
    cut to what the header stores; SNS accepts at most 256 KB (API reference of Publish).
    """
    if not runtime.topic:
        return False
    run, pipeline = header.run, header.pipeline
    text = f"{reason[:REASON_LIMIT]}\n\nrun: {run}\npipeline: {pipeline}\nrevision: {header.revision}\n"
    if header.trigger.bypass:
        text += f"control: {header.trigger.bypass_note}\n"
    try:
        runtime.gateway.topics.publish(
            runtime.topic, f"{pipeline} {event}: {run}", f"{text}look: stagewright show {run}\n"
        )
    except StagewrightError as error:
        runtime.log.exception("notice not sent", run=run, pipeline=pipeline, reason=error.message)
        return False
    return True


def report_bypass(runtime: Runtime, header: Header) -> bool:
    """Log that a claimed run bypasses a control, notify people, and record that. Safe to repeat.

    False: the notice could not be sent. The sweeper tries again.
    """
    if note := header.trigger.bypass_note:
        runtime.log.warning("control bypassed", run=header.run, pipeline=header.pipeline, note=note)
        if runtime.topic and not notify(runtime, header, note, "bypasses a control"):
            return False
        runtime.gateway.runs.mark_announced(header.run)
    return True


def notify_end(runtime: Runtime, header: Header) -> bool:
    """Notify people of a run that failed or was rejected, if there is a topic. False: that failed."""
    if header.status == "REJECTED":
        runtime.log.warning("rejected", metric="Rejected", value=1, run=header.run, pipeline=header.pipeline)
    event = NOTICES.get(header.status)
    return event is None or not runtime.topic or notify(runtime, header, header.reason, event)


def describe(error: Exception) -> str:
    """One sentence for a header or a notice: the message, with the remedy in parentheses."""
    if not isinstance(error, StagewrightError):
        return f"{type(error).__name__}: {error}"
    return f"{error.message} ({error.remedy})" if error.remedy else error.message
