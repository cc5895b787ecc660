"""Requests for runs, by people and programs, through EventBridge."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from stagewright.errors import NotFoundError
from stagewright.operator_gateway import OperatorGateway
from stagewright.planner.selection import ALL, Selection
from stagewright.runs.own_events import RUN_REQUESTED, request_key
from stagewright.runs.resume import next_request
from stagewright.store.run_items import Header


def request_run(
    gateway: OperatorGateway,
    pipeline: str,
    parameters: Mapping[str, Any],
    by: str,
    *,
    force: bool = False,
    selection: Selection = ALL,
    date: str = "",
    version: str = "",
) -> str:
    """Request a run of a pipeline. Returns the trigger key, by which `history.find_run` finds the run.

    `version`: of the manifest, if not the current one. NotFoundError: the pipeline has no document.
    """
    if gateway.documents.base(pipeline) is None:
        raise NotFoundError(f"no pipeline {pipeline}", "push it first: stagewright push PATH")
    request = uuid.uuid4().hex
    options = {"force": force, "date": date, "version": version, **selection.to_json()}
    given = {name: value for name, value in options.items() if value}
    send_request(gateway, pipeline, request, by, {"parameters": dict(parameters), **given})
    return request_key("manual", request)


def request_resume(gateway: OperatorGateway, header: Header, by: str, bypass: Selection = ALL) -> str:
    """Request the run that resumes this one. Returns its trigger key; simultaneous requests share one.

    `bypass`: the controls that the new run does without.
    """
    request = next_request(gateway, header.run)
    send_request(gateway, header.pipeline, request, by, {"resumes": header.run, **bypass.to_json()})
    return request_key("resume", request)


def send_request(
    gateway: OperatorGateway, pipeline: str, request: str, by: str, more: Mapping[str, Any]
) -> None:
    """Send `Run Requested`. Repeating a `request` of the same type starts no second run.

    A request to bypass a control goes to the queue itself: SQS records who sent a message, and EventBridge
    does not.
    """
    detail = {"installation": gateway.installation.id, "pipeline": pipeline, "request": request, "by": by}
    if more.get("bypass"):
        gateway.queue.send({**detail, **more})
    else:
        gateway.events.put(RUN_REQUESTED, {**detail, **more})
