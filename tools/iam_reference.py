"""docs/iam.md: every statement of every role, from the table that Terraform and the local target use."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stagewright.installation.resources import resources
from stagewright.installation.roles.ci import CI_ROLES, ci
from stagewright.installation.roles.exceptions import BROADER
from stagewright.installation.roles.options import MANAGED_OPTIONS
from stagewright.installation.roles.people import people

INTRODUCTION = """\
# IAM roles

This page is generated from `stagewright.installation.roles` (`make docs`), which Terraform and the local
target also use. `${prefix}`, `${environment}`, `${bucket}`, `${region}`, `${account}` and `${partition}` are
the values of your installation.

Jobs, models and endpoints are named after pipelines, so a name prefix cannot narrow the resources. Instead, a
run can create only resources that carry the tag `stagewright:installation` with the name of your installation
(prefix and environment). It can change, stop or delete only resources with that tag.

A test compares every statement with AWS's service authorization reference: each action exists, accepts its
resources and supports its condition keys. The reference is data about IAM. **AWS itself has not evaluated any
of these policies** ([fidelity.md](fidelity.md)).
"""
OPTIONS = {
    "kms_key": "with your own KMS key (`kms_key_arn`)",
    "data_keys": "with other KMS keys for data (`data_key_arns`)",
    "job_volume_key": "with a key for the volumes of jobs (`kms_key_arn` or `job_volume_kms_key_arn`)",
    "job_output_key": "with a key for the outputs of jobs (`kms_key_arn` or `job_output_kms_key_arn`)",
    "vpc": "with functions in a VPC (`subnet_ids`)",
    "glue_vpc": "with Glue jobs in a VPC (`glue_connections`)",
    "job_vpc": "with jobs in a VPC (`job_subnet_ids`)",
    "data_buckets": "with other buckets for data (`data_buckets`, `output_locations`)",
    "output_locations": "with other folders for outputs (`output_locations`)",
    "output_keys": "with other folders for outputs (`output_locations`) and other keys (`data_key_arns`)",
    **{
        f"enforce_{setting}": f"that enforces settings of jobs (`enforce_job_settings`): {what}"
        for setting, what in (
            ("vpc", "VPC"),
            ("network_isolation", "network isolation"),
            ("encrypt_traffic", "encrypted traffic"),
            ("volume_key", "key of volumes"),
            ("output_key", "key of outputs"),
            ("instance_types", "instance types"),
        )
    },
    "model_accounts": "with model versions from other accounts (`model_source_accounts`)",
}
HEADER = "| statement | reason | actions | resources | conditions |\n|---|---|---|---|---|\n"
PEOPLE = """\
## For people
`infra/modules/people` creates these policies, and its outputs have their JSON. An administrator applies the
module, not CI, and attaches the policies to roles or permission sets. No policy of this list lets its holder
change functions, the state machine, roles, or a result of a run.
"""
PEOPLE_OPTIONS = {
    "kms_key": "with your own KMS key",
    "data_keys": "with other KMS keys for data",
    "data_buckets": "with other buckets for data",
}
GUARDRAILS = """\
## The guardrails
A service control policy for the account, which also limits its administrators: the output
`service_control_policy` of `infra/modules/people`. Each action is denied to everyone but the roles of the
column *except*, and those of the variable `administrators`: CI, and one role for emergencies. Attach it to a
test account first.

| denial | reason | actions | resources | except | conditions |
|---|---|---|---|---|---|
"""

CI = """\
## For CI
`infra/modules/ci` creates these roles, each with the trust that [gitlab.md](gitlab.md) and
[terraform-cloud.md](terraform-cloud.md) describe. No role of CI may change another. `plan` reads settings and
no data. `apply` changes the installation, and therefore what its roles and functions do; a
[permissions boundary](#the-permissions-boundary) keeps it from more. It cannot delete the bucket or a table.
"""
CI_OPTIONS = {
    "create_bucket": "that creates the bucket",
    "push": "that pushes pipelines (dev)",
    "kms_key": "with your own KMS key",
    "vpc": "in a VPC",
    "model_groups": "with `model_groups`",
    "event_accounts": "with `event_accounts`",
    "state_bucket": "with the state in a bucket",
}
BOUNDARY = """\
## The permissions boundary
What a role of the installation may do at most, if CI applies it: the actions of all its roles together.
"""


def iam_reference() -> str:
    parts = resources()
    pages = [INTRODUCTION, *map(_role, parts["roles"].values())]
    pages += [_option(option, roles) for option, roles in parts["role_options"].items()]
    return "\n".join([*pages, *_people(), *_ci(), _all_resources(parts), _broader()])


def _people() -> Iterator[str]:
    parts = people()
    yield PEOPLE
    for key, policy in parts["policies"].items():
        also = " Attach `viewer` too." if policy["needs_viewer"] else ""
        yield f"### Policy `{key}`\n{policy['purpose']}{also}\n\n{_table(policy['statements'])}"
    for option, policies in parts["options"].items():
        tables = [f"Policy `{key}`:\n\n{_table(statements)}" for key, statements in policies.items()]
        yield f"### Additional statements of people {PEOPLE_OPTIONS[option]}\n" + "\n".join(tables)
    yield GUARDRAILS + "".join(_guardrail(guardrail) for guardrail in parts["guardrails"])


def _guardrail(guardrail: Mapping[str, Any]) -> str:
    row = _row(guardrail).removesuffix(" |\n").rpartition(" | ")
    return f"{row[0]} | {_listed(guardrail['except_roles'])} | {row[2]} |\n"


def _ci() -> Iterator[str]:
    yield CI
    for role in CI_ROLES:
        yield f"### CI role `{role.key}`\n{_table(role.to_json()['statements'])}"
    for option, roles in ci()["role_options"].items():
        tables = [f"Role `{role}`:\n\n{_table(statements)}" for role, statements in roles.items()]
        yield f"### Additional statements for an installation {CI_OPTIONS[option]}\n" + "\n".join(tables)
    yield BOUNDARY + "\n" + _table(ci()["boundary"]["statements"])


def _role(role: Mapping[str, Any]) -> str:
    return f"## `{role['name']}`\nAssumed by `{role['service']}`.\n\n{_table(role['statements'])}"


def _option(option: str, roles: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    parts = [
        f"### Role `{role}`\n{_managed(role, option)}{_table(statements)}"
        for role, statements in roles.items()
    ]
    return f"## Additional statements {OPTIONS[option]}\n" + "\n".join(parts)


def _managed(role: str, option: str) -> str:
    """Return which managed policy has an option's statements, or "" if they are inline."""
    policies = MANAGED_OPTIONS.get(role, {}).items()
    name = next((name for name, options in policies if option in options), "")
    return f"In the managed policy `{role}-{name}`.\n\n" if name else ""


def _table(statements: Sequence[Mapping[str, Any]]) -> str:
    return HEADER + "".join(_row(statement) for statement in statements)


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
    """Return the statements with the resource `*`."""
    lines = [
        f"| {role} | {statement['sid']} | {statement['reason']} |"
        for role, statement in _statements(parts)
        if statement["resources"] == ["*"]
    ]
    head = "## Statements with the resource `*`\n\n"
    return head + "| role | statement | reason |\n|---|---|---|\n" + "\n".join(dict.fromkeys(lines)) + "\n"


def _broader() -> str:
    head = (
        "## Broader than necessary\n"
        "These actions accept narrower resources, but use all resources. A test fails if this list is\n"
        "incomplete or has an entry that is not needed.\n\n"
        "| role | statement | action | reason |\n|---|---|---|---|\n"
    )
    return head + "".join(
        f"| {role} | {sid} | `{action}` | {reason} |\n" for (role, sid, action), reason in BROADER.items()
    )


def _statements(parts: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    found = [
        (role, statement) for role, settings in parts["roles"].items() for statement in settings["statements"]
    ]
    for options in parts["role_options"].values():
        found += [(role, statement) for role, added in options.items() for statement in added]
    policies = people()["policies"].items()
    return [*found, *((key, statement) for key, policy in policies for statement in policy["statements"])]
