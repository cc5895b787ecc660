"""The state machine resource and the log groups. The definition is a separate artifact."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from typing import Any

from stagewright.installation.functions import FUNCTIONS, RETENTION_DAYS
from stagewright.installation.template import TEMPLATE
from stagewright.state_machine.builder import build

DEFINITION = "workflow.asl.json"
LOG_GROUP = f"/aws/vendedlogs/states/{TEMPLATE.name('workflow')}"
"""The Step Functions guide recommends `/aws/vendedlogs/`: CloudWatch's resource policy has a size limit."""


def definition() -> bytes:
    """Return the file `DEFINITION`: the state machine, with placeholders."""
    return (json.dumps(build(), indent=1, ensure_ascii=False) + "\n").encode()


@cache
def definition_digest() -> str:
    """Return the SHA-256 of the definition. It pairs the functions' code with a version of the machine."""
    return hashlib.sha256(definition()).hexdigest()


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
    groups = {function.key: function.log_group for function in FUNCTIONS} | {"workflow": LOG_GROUP}
    return {what: {"name": name, "retention_days": RETENTION_DAYS} for what, name in groups.items()}
