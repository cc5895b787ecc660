"""Cycles of upstream triggers, which a push must not close."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from stagewright.document.trigger_cycles import cycle_findings, upstreams
from stagewright.document.triggers import UpstreamTrigger
from stagewright.errors import DocumentError
from stagewright.gateway import Gateway
from stagewright.runs.documents.subscribers import Subscribers
from stagewright.syntax.findings import problems


def check(gateway: Gateway, document: Mapping[str, Any]) -> None:
    """DocumentError: this document closes a cycle with the stored documents."""
    if not any(upstreams(document)):
        return
    stored = defaultdict[str, list[str]](list)
    for subscriber, trigger in Subscribers(gateway).with_trigger(UpstreamTrigger):
        stored[subscriber.pipeline].append(trigger.pipeline)
    if cycles := problems(cycle_findings(document, lambda pipeline: stored[pipeline])):
        raise DocumentError(cycles)
