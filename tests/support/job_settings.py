"""The options in installation.json for given settings of jobs, filled in as Terraform does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from stagewright.installation.roles.options import role_options
from stagewright.installation.template import fill
from stagewright.naming import Installation
from stagewright.stages.base.job_settings import JobSettings

OPTIONS = {
    "enforce_vpc": "subnets",
    "enforce_network_isolation": "network_isolation",
    "enforce_encrypt_traffic": "encrypt_traffic",
    "enforce_volume_key": "kms_volume_key",
    "enforce_output_key": "kms_output_key",
    "enforce_instance_types": "instance_types",
}
"""Option of the roles module -> the setting that it needs."""


def enforced_statements(place: Installation, settings: JobSettings) -> list[dict[str, Any]]:
    """The statements that deny what lacks the settings, in IAM's policy grammar."""
    options = json.loads(fill(json.dumps(role_options()), place))
    wanted = [name for name in options if getattr(settings, OPTIONS.get(name, ""), None)]
    return [_filled(statement, settings) for name in wanted for statement in options[name]["workflow"]]


def _filled(statement: dict[str, Any], settings: JobSettings) -> dict[str, Any]:
    conditions = {
        operator: {key: list(_values(values, settings)) for key, values in keys.items()}
        for operator, keys in statement["conditions"].items()
    }
    return {
        "Sid": statement["sid"],
        "Effect": statement["effect"],
        "Action": statement["actions"],
        "Resource": statement["resources"],
        "Condition": conditions,
    }


def _values(values: Any, settings: JobSettings) -> Iterator[str]:
    named = {
        "job_subnets": settings.subnets,
        "job_security_groups": settings.security_groups,
        "job_instance_types": settings.instance_types,
        "job_volume_key": (settings.kms_volume_key,),
        "job_output_key": (settings.kms_output_key,),
    }
    for value in [values] if isinstance(values, str) else values:
        yield from named.get(value, (value,))
