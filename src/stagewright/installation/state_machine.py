"""The state machine as a resource; its definition is a file of its own."""

from __future__ import annotations

from typing import Any

from stagewright.installation.functions import FUNCTIONS, RETENTION_DAYS
from stagewright.installation.template import TEMPLATE

DEFINITION = "workflow.asl.json"
LOG_GROUP = f"/aws/vendedlogs/states/{TEMPLATE.name('workflow')}"
"""`/aws/vendedlogs/` as Step Functions' guide asks, since CloudWatch's resource policy is limited in size."""


def machine() -> dict[str, Any]:
    return {
        "name": TEMPLATE.name("workflow"),
        "arn": TEMPLATE.state_machine_arn,
        "type": "STANDARD",
        "definition": DEFINITION,
        "role": "workflow",
        "logging": {"level": "ERROR", "include_execution_data": False, "log_group": LOG_GROUP},
        "publish": True,
    }


def log_groups() -> dict[str, Any]:
    groups = {function.what: function.log_group for function in FUNCTIONS} | {"workflow": LOG_GROUP}
    return {what: {"name": name, "retention_days": RETENTION_DAYS} for what, name in groups.items()}
