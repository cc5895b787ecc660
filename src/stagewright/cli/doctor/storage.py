"""Checks of the bucket and the tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from stagewright.cli.doctor.check import Probe, differences
from stagewright.cli.doctor.target import CheckedTarget

ENCRYPTED = {"AES256", "aws:kms", "aws:kms:dsse"}


def probes(target: CheckedTarget) -> Iterator[Probe]:
    yield Probe("bucket", partial(_bucket, target), target.fix)
    yield Probe(
        "bucket events",
        partial(_events, target),
        "turn on EventBridge notifications of the bucket (Terraform does not change an existing bucket);"
        " until then, the sweeper starts runs up to seven minutes late",
    )
    for what, table in target.expected["tables"].items():
        yield Probe(f"table {what}", partial(_table, target, table), target.fix)


def _bucket(target: CheckedTarget) -> Iterator[str]:
    actual = target.gateway.installed.bucket(target.expected["bucket"]["name"])
    expected = {"region": target.gateway.installation.region, "versioning": "Enabled"}
    yield from differences(expected, actual)
    if not ENCRYPTED.intersection(actual["encryption"]):
        yield "it has no default encryption"


def _events(target: CheckedTarget) -> Iterator[str]:
    if not target.gateway.installed.bucket(target.expected["bucket"]["name"])["eventbridge"]:
        yield "it sends no events to EventBridge"


def _table(target: CheckedTarget, table: Mapping[str, Any]) -> Iterator[str]:
    expected = {
        "status": "ACTIVE",
        "keys": _keys(table),
        "indexes": {name: _keys(index) for name, index in table["indexes"].items()},
        "point_in_time_recovery": table["point_in_time_recovery"],
        "ttl": table["ttl"],
    }
    yield from differences(expected, target.gateway.installed.table(table["name"]))


def _keys(settings: Mapping[str, Any]) -> list[str]:
    return [settings["hash_key"], settings["range_key"]]
