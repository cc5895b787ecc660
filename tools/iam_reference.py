"""docs/iam.md: every role, statement by statement, from the one table that both targets use."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from stagewright.installation.resources import resources
from stagewright.installation.roles.doctor import DOCTOR as DOCTOR_ROLE
from stagewright.installation.roles.exceptions import BROADER

INTRODUCTION = """\
# Roles and what they may do

Generated from `stagewright.installation.roles` (`make docs`), which Terraform and the local target read as
well. `${prefix}`, `${environment}`, `${bucket}`, `${region}`, `${account}` and `${partition}` are those of
the installation.

Jobs, models and endpoints are named after pipelines, so no name prefix can narrow them down. What is created
must carry the tag `stagewright:installation` with the installation's name (prefix and environment), and is
changed, stopped or deleted only where it does.

Every statement is held to AWS's service authorization reference by a test: actions exist, the resources are
of types that they take, and conditions use keys that they know. That reference is data, not AWS's answer:
**no policy here has been evaluated by AWS itself** ([fidelity.md](fidelity.md)).
"""
OPTIONS = {
    "kms_key": "with a key of one's own (`kms_key_arn`)",
    "data_keys": "with keys beside the installation's own (`data_key_arns`)",
    "vpc": "in a VPC",
    "data_buckets": "with buckets beside the installation's own (`data_buckets`)",
    "model_accounts": "with model versions of other accounts (`model_source_accounts`)",
}
HEADER = "| statement | why | actions | resources | conditions |\n|---|---|---|---|---|\n"
DOCTOR = """\
## For `stagewright doctor`
No role of the installation: add these statements to the role of the person or the pipeline that calls
`stagewright doctor --target NAME`. All of them read.
"""


def iam_reference() -> str:
    parts = resources()
    pages = [INTRODUCTION, *map(_role, parts["roles"].values())]
    pages += [_option(option, roles) for option, roles in parts["role_options"].items()]
    pages.append(DOCTOR + "\n" + _table(DOCTOR_ROLE.to_json()["statements"]))
    return "\n".join([*pages, _all_resources(parts), _broader()])


def _role(role: Mapping[str, Any]) -> str:
    return f"## `{role['name']}`\nAssumed by `{role['service']}`.\n\n{_table(role['statements'])}"


def _option(option: str, roles: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    parts = [f"### Role `{role}`\n{_table(statements)}" for role, statements in roles.items()]
    return f"## More, {OPTIONS[option]}\n" + "\n".join(parts)


def _table(statements: Sequence[Mapping[str, Any]]) -> str:
    return HEADER + "".join(_row(each) for each in statements)


def _row(statement: Mapping[str, Any]) -> str:
    cells = (
        statement["sid"],
        statement["reason"],
        _listed(statement["actions"]),
        _listed(statement["resources"]),
        f"`{json.dumps(statement['conditions'])}`" if statement["conditions"] else "",
    )
    return f"| {' | '.join(cells)} |\n"


def _listed(texts: Sequence[str]) -> str:
    return "<br>".join(f"`{text}`" for text in texts)


def _all_resources(parts: Mapping[str, Any]) -> str:
    """Where AWS takes no narrower resource: the reason stands in the statement."""
    lines = [
        f"| {role} | {each['sid']} | {each['reason']} |"
        for role, each in _statements(parts)
        if each["resources"] == ["*"]
    ]
    head = "## On all resources\nEach of these, and why; the others take nothing narrower.\n\n"
    return head + "| role | statement | why |\n|---|---|---|\n" + "\n".join(dict.fromkeys(lines)) + "\n"


def _broader() -> str:
    head = (
        "## Broader than AWS asks for\n"
        "These actions take narrower resources, and have all of them nevertheless. A test fails where one\n"
        "is missing here, and where one here is needed no more.\n\n"
        "| role | statement | action | why |\n|---|---|---|---|\n"
    )
    return head + "".join(
        f"| {role} | {sid} | `{action}` | {reason} |\n" for (role, sid, action), reason in BROADER.items()
    )


def _statements(parts: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    found = [(role, each) for role, settings in parts["roles"].items() for each in settings["statements"]]
    for options in parts["role_options"].values():
        found += [(role, each) for role, added in options.items() for each in added]
    return [*found, *(("doctor", each) for each in DOCTOR_ROLE.to_json()["statements"])]
