"""The permission to request runs, which several policies have."""

from __future__ import annotations

from stagewright.installation.roles.role import Statement
from stagewright.installation.template import TEMPLATE

REQUEST_RUNS = Statement(
    "RequestRuns",
    "Sends `Run Requested` to the event bus. The router decides what runs.",
    ("events:PutEvents",),
    (TEMPLATE.arn("events", "event-bus/default"),),
    {"StringEquals": {"events:source": "stagewright", "events:detail-type": "Run Requested"}},
)
