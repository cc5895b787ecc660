"""The role of the recorder, the function that records the end of a run."""

from __future__ import annotations

from stagewright.installation.functions import RECORDER as FUNCTION
from stagewright.installation.roles.role import Role
from stagewright.installation.roles.shared import (
    LIST_DOCUMENTS,
    READ_DOCUMENTS,
    describe_executions,
    logs,
    notify,
    read_manifests,
    read_used_time,
    run_items,
    send,
)

RECORDER = Role(
    "recorder",
    "lambda.amazonaws.com",
    (
        logs(FUNCTION),
        run_items("Records the end of a run and grants its lease to the next run in the queue."),
        READ_DOCUMENTS,
        LIST_DOCUMENTS,
        *read_manifests("Reads which upstream triggers were in force when a run ended."),
        send("Requests runs of the pipelines that this pipeline triggers."),
        describe_executions(),
        notify(),
        *read_used_time(),
    ),
)
