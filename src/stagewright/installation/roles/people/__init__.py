"""The policies of people and of CI: what each may do with the command line, and nothing else.

Code comes from objects of the bucket only, overrides are items of the table `documents`, and decisions are
attributes of items of the table `runs`. So these are different permissions (docs/security.md).

infra/modules/people creates them. An administrator applies it, as infra/modules/ci.
"""

from __future__ import annotations

from typing import Any

from stagewright.installation.roles.options import DATA_BUCKETS, DATA_KEYS, KEY, Options, role_options
from stagewright.installation.roles.people.approver import APPROVER
from stagewright.installation.roles.people.data_scientist import DATA_SCIENTIST
from stagewright.installation.roles.people.doctor import DOCTOR
from stagewright.installation.roles.people.guardrails import GUARDRAILS
from stagewright.installation.roles.people.operator import OPERATOR
from stagewright.installation.roles.people.push import PUSH
from stagewright.installation.roles.people.viewer import VIEWER

FORMAT = 1
PEOPLE = (VIEWER, DATA_SCIENTIST, APPROVER, OPERATOR, PUSH, DOCTOR)
OPTIONS: Options = {
    "kms_key": {policy.key: (KEY,) for policy in PEOPLE},
    "data_keys": {VIEWER.key: (DATA_KEYS,)},
    "data_buckets": {VIEWER.key: (DATA_BUCKETS,)},
}


def people() -> dict[str, Any]:
    """Return the policies, the statements that options add to them, and the guardrails, with placeholders."""
    return {
        "format": FORMAT,
        "policies": {policy.key: policy.to_json() for policy in PEOPLE},
        "options": role_options(OPTIONS),
        "guardrails": [guardrail.to_json() for guardrail in GUARDRAILS],
    }
