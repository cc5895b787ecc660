"""All of an installation in one JSON object: names and ARNs with placeholders, nothing decided elsewhere."""

from __future__ import annotations

from typing import Any

from stagewright.installation.bucket import bucket
from stagewright.installation.functions import FUNCTIONS, TOPIC, TOPIC_ARN
from stagewright.installation.glue import GLUE_JOBS
from stagewright.installation.machine import log_groups, machine
from stagewright.installation.queues import queues, source
from stagewright.installation.roles import ROLES
from stagewright.installation.rules import RULES
from stagewright.installation.tables import TABLES

FORMAT = 1


def resources() -> dict[str, Any]:
    """`format`, then per kind: short name -> settings (the bucket and the state machine are one each)."""
    return {
        "format": FORMAT,
        "bucket": bucket(),
        "tables": {name: table.to_json() for name, table in TABLES.items()},
        "queues": queues([rule.arn for rule in RULES if rule.target[0] == "queue"]),
        "rules": {rule.what: rule.to_json() for rule in RULES},
        "functions": {function.what: function.to_json() for function in FUNCTIONS},
        "event_sources": {"events": source()},
        "topics": {"notifications": {**TOPIC, "arn": TOPIC_ARN}},
        "log_groups": log_groups(),
        "glue_jobs": {job.what: job.to_json() for job in GLUE_JOBS},
        "state_machine": machine(),
        "roles": {role.what: role.to_json() for role in ROLES},
    }
