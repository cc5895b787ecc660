"""Of the function that writes down how runs ended."""

from __future__ import annotations

from stagewright.installation.functions import RECORDER as FUNCTION
from stagewright.installation.roles.role import Role
from stagewright.installation.roles.shared import (
    CATALOGUE,
    READ_DOCUMENTS,
    logs,
    look,
    notify,
    run_items,
    send,
)

RECORDER = Role(
    "recorder",
    "lambda.amazonaws.com",
    (
        logs(FUNCTION),
        run_items("writes how a run ended, and hands its lease to the next in line"),
        READ_DOCUMENTS,
        CATALOGUE,
        send("asks for the runs that wait for this one"),
        look(),
        notify(),
    ),
)
