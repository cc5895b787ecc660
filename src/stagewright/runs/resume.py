"""A run that ended, and not well, goes on in another one: with the same trigger, so that date, parameters,
selection and partition are the same, and with document and code as they are by then.

What is finished is reused, as in every run. The new run names the old one in its trigger; the old one has an
item for each of the new ones.
"""

from __future__ import annotations

from dataclasses import replace

from stagewright.errors import NotFoundError, PlanError, Problem, RunFailedError
from stagewright.gateway import Gateway
from stagewright.naming import run_id
from stagewright.planner.model import Trigger
from stagewright.planner.values import event_time
from stagewright.runs import closing
from stagewright.runs.own_events import ask, request_key
from stagewright.store.runs import Header

ITEM = "resumed#"


def resumable(gateway: Gateway, run: str) -> Header:
    """NotFoundError: no such run. RunFailedError: it goes on, ended well, or another run goes on with it."""
    closing.settle(gateway, run)  # nobody may have told of its end
    header = gateway.runs.header(run)
    if header is None:
        raise NotFoundError(f"no run {run}", "list them: stagewright runs")
    if header.is_open:
        raise RunFailedError(
            f"{run} has not ended: {header.status}", f"wait for it, or stop it: stagewright stop {run}"
        )
    if header.status == "SUCCEEDED":
        raise RunFailedError(
            f"{run} ended well: there is nothing to resume",
            f"stagewright run {header.pipeline} runs it once more",
        )
    for later in resumed_by(gateway, run):
        found = gateway.runs.header(later)
        if found and (found.is_open or found.status == "SUCCEEDED"):
            raise RunFailedError(
                f"{run} was resumed already, by {later}: {found.status}", f"stagewright show {later}"
            )
    return header


def trigger_of(header: Header, key: str, by: str) -> Trigger:
    """Of a run that goes on with that one."""
    return replace(header.trigger, key=key, by=by, resumes=header.run)


def key_of(gateway: Gateway, run: str) -> str:
    return request_key("resume", _request(gateway, run))


def request(gateway: Gateway, header: Header, by: str) -> str:
    """Puts the event; its key. Two who ask at the same time get the same run."""
    wanted = _request(gateway, header.run)
    ask(gateway, header.pipeline, wanted, by, {"resumes": header.run})
    return request_key("resume", wanted)


def announced(gateway: Gateway, pipeline: str, asked: Trigger) -> Trigger:
    """The trigger of the run that resumes `asked.resumes`, once that one has its item.

    PlanError: there is no such run of the pipeline.
    """
    header = gateway.runs.header(asked.resumes)
    if header is None or header.pipeline != pipeline:
        raise PlanError((Problem("resumes", f"{pipeline} has no run {asked.resumes}"),))
    made = trigger_of(header, asked.key, asked.by)
    later = run_id(gateway.installation, pipeline, made.key, event_time(made))
    gateway.runs.put_all([{"run": header.run, "item": f"{ITEM}{later}"}])
    return made


def resumed_by(gateway: Gateway, run: str) -> tuple[str, ...]:
    """The runs that have gone on with it, or were refused."""
    return tuple(item["item"].removeprefix(ITEM) for item in gateway.runs.items(run, ITEM))


def _request(gateway: Gateway, run: str) -> str:
    return f"{run}:{len(resumed_by(gateway, run)) + 1}"
