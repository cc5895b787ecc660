"""Asking for a run by hand."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from stagewright.errors import NotFoundError
from stagewright.run.gateway import Gateway

RUN_REQUESTED = "Run Requested"


def manual_key(request: str) -> str:
    return f"manual:{request}"


def has_code_trigger(document: Mapping[str, Any]) -> bool:
    """Whether a pushed release of this document (as JSON has it) starts a run."""
    return any(trigger.get("type") == "code" for trigger in document.get("triggers", ()))


def request_run(
    gateway: Gateway, pipeline: str, parameters: Mapping[str, Any], by: str, *, force: bool = False
) -> str:
    """Puts the event; its key, by which `history.find_run` finds the run. NotFoundError: no document."""
    if gateway.documents.base(pipeline) is None:
        raise NotFoundError(f"no pipeline {pipeline}", "push it first: stagewright push PATH")
    request = uuid.uuid4().hex
    detail = {
        "installation": gateway.installation.id,
        "pipeline": pipeline,
        "request": request,
        "parameters": dict(parameters),
        "by": by,
    }
    gateway.events.put(RUN_REQUESTED, detail | ({"force": True} if force else {}))
    return manual_key(request)
