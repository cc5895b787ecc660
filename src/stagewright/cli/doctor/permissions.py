"""Checks of the caller and of the installation's roles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from stagewright.cli.doctor.check import Probe
from stagewright.cli.doctor.target import CheckedTarget


def caller(target: CheckedTarget) -> Probe:
    return Probe(
        "credentials", partial(_account, target), "log in, or check profile and account of the target"
    )


def probes(target: CheckedTarget) -> Iterator[Probe]:
    for what, role in target.expected["roles"].items():
        added = [
            statement["sid"]
            for option in target.expected["role_options"].values()
            for statement in option.get(what, ())
        ]
        yield Probe(f"role {what}", partial(_role, target, role, added), target.fix)


def _account(target: CheckedTarget) -> Iterator[str]:
    arn, account = target.gateway.caller.arn(), target.gateway.installation.account
    if account not in arn.split(":"):
        yield f"{arn} is not in the account {account}"


def _role(target: CheckedTarget, role: Mapping[str, Any], added: list[str]) -> Iterator[str]:
    """Check trust and statements of a role. `added`: ids of statements that are optional."""
    installed = target.gateway.installed.role(role["name"])
    if installed["trust"] != role["trust"]:
        yield "its trust policy differs"
    actual = {statement.get("Sid", ""): _sorted(statement) for statement in installed["policy"]["Statement"]}
    expected = {statement["Sid"]: _sorted(statement) for statement in role["policy"]["Statement"]}
    yield from (f"statement {sid} is missing" for sid in expected.keys() - actual.keys())
    yield from (
        f"statement {sid} differs" for sid in expected if sid in actual and actual[sid] != expected[sid]
    )
    yield from (f"statement {sid} is not expected" for sid in actual.keys() - expected.keys() - set(added))


def _sorted(statement: Mapping[str, Any]) -> dict[str, Any]:
    """A statement with sorted lists. IAM may return a list of one element as the element."""
    lists = {name: statement[name] for name in ("Action", "Resource")}
    sorted_lists = {
        name: sorted([value] if isinstance(value, str) else value) for name, value in lists.items()
    }
    return {**statement, **sorted_lists}
