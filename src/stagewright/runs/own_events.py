"""Asking for a run: by hand, or because one of a document's triggers says so."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from typing import Any

from stagewright.document.triggers import AnyTrigger
from stagewright.errors import NotFoundError
from stagewright.gateway import Gateway
from stagewright.naming import Installation
from stagewright.planner.model import Trigger
from stagewright.planner.selection import ALL, Selection
from stagewright.planner.values import trigger_values
from stagewright.syntax.references import render


def hash_of(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()[:32]


RUN_REQUESTED = "Run Requested"
TRIGGER_FIRED = "Trigger Fired"
DATA_SETTLING = "Data Settling"


def request_key(kind: str, request: str) -> str:
    """Of the run that somebody asks for. `kind`: manual, backfill or resume."""
    return f"{kind}:{request}"


def request_run(
    gateway: Gateway,
    pipeline: str,
    parameters: Mapping[str, Any],
    by: str,
    *,
    force: bool = False,
    selection: Selection = ALL,
    date: str = "",
) -> str:
    """Puts the event; its key, by which `history.find_run` finds the run. NotFoundError: no document."""
    if gateway.documents.base(pipeline) is None:
        raise NotFoundError(f"no pipeline {pipeline}", "push it first: stagewright push PATH")
    request = uuid.uuid4().hex
    maybe = {"force": force, "date": date, **selection.to_json()}
    asked = {"parameters": dict(parameters), **{name: value for name, value in maybe.items() if value}}
    ask(gateway, pipeline, request, by, asked)
    return request_key("manual", request)


def ask(gateway: Gateway, pipeline: str, request: str, by: str, more: Mapping[str, Any]) -> None:
    """Puts the event. The same `request` again, with the same `type`, starts nothing more."""
    detail = {"installation": gateway.installation.id, "pipeline": pipeline, "request": request, "by": by}
    gateway.events.put(RUN_REQUESTED, {**detail, **more})


def fired(place: Installation, pipeline: str, listens: Mapping[str, Any], trigger: Trigger) -> dict[str, Any]:
    """The event for the queue that says: this trigger of that pipeline wants its run now.

    `listens`: what the trigger listens to, by which the router finds it in the document.
    """
    return own_event(
        place,
        TRIGGER_FIRED,
        trigger.time,
        {"pipeline": pipeline, "listens": dict(listens), **trigger.to_json()},
    )


def own_event(place: Installation, kind: str, time: str, detail: Mapping[str, Any]) -> dict[str, Any]:
    """An event of ours as EventBridge would write it into the queue."""
    return {
        "version": "0",
        "source": "stagewright",
        "detail-type": kind,
        "time": time,
        "detail": {"installation": place.id, **detail},
    }


def parameters(trigger: AnyTrigger, event: Trigger) -> dict[str, Any]:
    """Of the run that this event starts: what the trigger says, under what the event itself brought."""
    values = trigger_values(event)
    asked = render(dict(trigger.parameters), lambda reference: values[reference.path])
    return {**asked, **event.parameters}


TURN_CAME = "Turn Came"
