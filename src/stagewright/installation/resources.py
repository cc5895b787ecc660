"""Every resource of an installation in one JSON object, with placeholders in names and ARNs."""

from __future__ import annotations

from typing import Any

from stagewright.installation.alarms import ALARMS, LOG_METRICS
from stagewright.installation.bucket import bucket
from stagewright.installation.dashboard import dashboard
from stagewright.installation.functions import FUNCTIONS, Function
from stagewright.installation.glue_jobs import GLUE_JOBS
from stagewright.installation.powertools_layer import layers
from stagewright.installation.queues import queues, source
from stagewright.installation.roles import ROLES
from stagewright.installation.roles.options import MANAGED_OPTIONS, role_options
from stagewright.installation.rules import ACCOUNT_RULES, RULES
from stagewright.installation.state_machine import definition_digest, log_groups, machine
from stagewright.installation.tables import TABLES
from stagewright.installation.topics import topics

FORMAT = 1


def resources() -> dict[str, Any]:
    """Return the settings per kind of resource and key. The bucket and the state machine have no key."""
    return {
        "format": FORMAT,
        "bucket": bucket(),
        "tables": {name: table.to_json() for name, table in TABLES.items()},
        "queues": queues(
            [ACCOUNT_RULES, *(rule.arn for rule in RULES if rule.target[0] == "queue")],
            [ACCOUNT_RULES, *(rule.arn for rule in RULES if rule.dead_letter_arn)],
        ),
        "rules": {rule.key: rule.to_json() for rule in RULES},
        "functions": {function.key: _function(function) for function in FUNCTIONS},
        "event_sources": {"events": source()},
        "topics": topics(),
        "log_groups": log_groups(),
        "glue_jobs": {job.key: job.to_json() for job in GLUE_JOBS},
        "state_machine": machine(),
        "roles": {role.key: role.to_json() for role in ROLES},
        "role_options": role_options(),
        "managed_options": MANAGED_OPTIONS,
        "layers": layers(),
        "log_metrics": {metric.key: metric.to_json() for metric in LOG_METRICS},
        "alarms": {alarm.key: alarm.to_json() for alarm in ALARMS},
        "dashboard": dashboard(),
    }


def _function(function: Function) -> dict[str, Any]:
    settings = function.to_json()
    settings["environment"]["STAGEWRIGHT_DEFINITION"] = definition_digest()
    return settings
