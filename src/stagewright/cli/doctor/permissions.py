"""Who asks, and what the installation's roles may do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from stagewright.cli.doctor.check import Probe
from stagewright.cli.doctor.installation import Place


def caller(place: Place) -> Probe:
    return Probe(
        "credentials", partial(_account, place), "log in, or check profile and account of the target"
    )


def probes(place: Place) -> Iterator[Probe]:
    for what, role in place.wanted["roles"].items():
        added = [
            each["sid"] for option in place.wanted["role_options"].values() for each in option.get(what, ())
        ]
        yield Probe(f"role {what}", partial(_role, place, role, added), place.mend)


def _account(place: Place) -> Iterator[str]:
    arn, account = place.gateway.caller.arn(), place.gateway.installation.account
    if account not in arn.split(":"):
        yield f"{arn} is not of the account {account}"


def _role(place: Place, role: Mapping[str, Any], added: list[str]) -> Iterator[str]:
    """`added`: statements that an option of the installation may bring."""
    found = place.gateway.installed.role(role["name"])
    if found["trust"] != role["trust"]:
        yield "others may assume it than should"
    there = {each.get("Sid", ""): _sorted(each) for each in found["policy"]["Statement"]}
    wanted = {each["Sid"]: _sorted(each) for each in role["policy"]["Statement"]}
    yield from (f"statement {sid} is missing" for sid in wanted.keys() - there.keys())
    yield from (f"statement {sid} is another" for sid in wanted if sid in there and there[sid] != wanted[sid])
    yield from (f"statement {sid} is not ours" for sid in there.keys() - wanted.keys() - set(added))


def _sorted(statement: Mapping[str, Any]) -> dict[str, Any]:
    """A list of one may come back as its element."""
    lists = {name: statement[name] for name in ("Action", "Resource")}
    sorted_lists = {name: sorted([each] if isinstance(each, str) else each) for name, each in lists.items()}
    return {**statement, **sorted_lists}
