"""Resume a run: a new run continues it, with the same trigger and the current document and code.

So the new run has the same date, parameters, selection and partition. It reuses the stages that are done, as
every run does. Its trigger names the old run; the old run has an item for each run that resumes it.
"""

from __future__ import annotations

from dataclasses import replace

from stagewright.errors import NotFoundError, PlanError, Problem, RunFailedError
from stagewright.gateway import Gateway
from stagewright.naming import run_id
from stagewright.planner.model import Trigger
from stagewright.planner.selection import ALL, Selection
from stagewright.planner.values import event_time
from stagewright.runs import closing
from stagewright.runs.own_events import request_key
from stagewright.store.run_items import Header

ITEM = "resumed#"


def resumable(gateway: Gateway, run: str) -> Header:
    """The header of a run that can be resumed.

    NotFoundError: the run does not exist. RunFailedError: it is still running, it succeeded, or a run that
    resumes it is running or succeeded.
    """
    closing.close_if_ended(gateway, run)  # the event of its end may be lost
    header = gateway.runs.header(run)
    if header is None:
        raise NotFoundError(f"no run {run}", "list them: stagewright runs")
    if header.is_open:
        raise RunFailedError(
            f"{run} has not ended: {header.status}", f"wait for it, or stop it: stagewright stop {run}"
        )
    if header.status == "SUCCEEDED":
        raise RunFailedError(
            f"{run} succeeded: there is nothing to resume",
            f"stagewright run {header.pipeline} runs it once more",
        )
    for later in map(gateway.runs.header, resumed_by(gateway, run)):
        if later and (later.is_open or later.status == "SUCCEEDED"):
            raise RunFailedError(
                f"{run} was resumed already, by {later.run}: {later.status}", f"stagewright show {later.run}"
            )
    return header


def trigger_of(header: Header, key: str, by: str, requested: Selection = ALL) -> Trigger:
    """The trigger of the run that resumes this one.

    Only what is `requested` anew bypasses a control: the old run's request does not.
    """
    return replace(
        header.trigger,
        key=key,
        by=by,
        resumes=header.run,
        bypass=requested.bypass,
        reason=requested.reason,
        bypassed_by="",
    )


def key_of(gateway: Gateway, run: str) -> str:
    """The trigger key of the next run that resumes this one."""
    return request_key("resume", next_request(gateway, run))


def next_request(gateway: Gateway, run: str) -> str:
    """The id of the next request to resume a run. Simultaneous requests get the same id."""
    return f"{run}:{len(resumed_by(gateway, run)) + 1}"


def link(gateway: Gateway, pipeline: str, requested: Trigger) -> Trigger:
    """Record in the old run, `requested.resumes`, which run resumes it. Returns the new run's trigger.

    PlanError: the pipeline has no such run.
    """
    header = gateway.runs.header(requested.resumes)
    if header is None or header.pipeline != pipeline:
        raise PlanError((Problem("resumes", f"{pipeline} has no run {requested.resumes}"),))
    trigger = trigger_of(header, requested.key, requested.by, requested.selection)
    trigger = replace(trigger, bypassed_by=requested.bypassed_by)
    later = run_id(gateway.installation, pipeline, trigger.key, event_time(trigger))
    gateway.runs.put_all([{"run": header.run, "item": f"{ITEM}{later}"}])
    return trigger


def resumed_by(gateway: Gateway, run: str) -> tuple[str, ...]:
    """The runs that resume this one, rejected ones included."""
    return tuple(item["item"].removeprefix(ITEM) for item in gateway.runs.items(run, ITEM))
