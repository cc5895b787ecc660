"""Of the function that writes down how runs ended."""

from __future__ import annotations

from stagewright.installation.functions import RECORDER as FUNCTION
from stagewright.installation.roles.role import Role
from stagewright.installation.roles.shared import (
    CATALOGUE,
    READ_DOCUMENTS,
    RUN_ITEMS,
    logs,
    look,
    notify,
    send,
)

RECORDER = Role(
    "recorder",
    "lambda.amazonaws.com",
    (
        logs(FUNCTION),
        RUN_ITEMS,
        READ_DOCUMENTS,
        CATALOGUE,
        send("asks for the runs that wait for this one"),
        look(),
        notify(),
    ),
)
