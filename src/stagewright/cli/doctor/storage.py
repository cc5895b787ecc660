"""Bucket and tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from stagewright.cli.doctor.check import Probe, differences
from stagewright.cli.doctor.installation import Place

ENCRYPTED = {"AES256", "aws:kms", "aws:kms:dsse"}


def probes(place: Place) -> Iterator[Probe]:
    yield Probe("bucket", partial(_bucket, place), place.mend)
    yield Probe(
        "bucket events",
        partial(_events, place),
        "turn on EventBridge for the bucket (of an existing bucket Terraform manages no notifications);"
        " until then the sweeper starts runs, up to seven minutes late",
    )
    for what, table in place.wanted["tables"].items():
        yield Probe(f"table {what}", partial(_table, place, table), place.mend)


def _bucket(place: Place) -> Iterator[str]:
    found = place.gateway.installed.bucket(place.wanted["bucket"]["name"])
    wanted = {"region": place.gateway.installation.region, "versioning": "Enabled"}
    yield from differences(wanted, found)
    if not ENCRYPTED.intersection(found["encryption"]):
        yield "nothing is encrypted unless asked"


def _events(place: Place) -> Iterator[str]:
    if not place.gateway.installed.bucket(place.wanted["bucket"]["name"])["eventbridge"]:
        yield "EventBridge is not told of objects"


def _table(place: Place, table: Mapping[str, Any]) -> Iterator[str]:
    wanted = {
        "status": "ACTIVE",
        "keys": _keys(table),
        "indexes": {name: _keys(index) for name, index in table["indexes"].items()},
        "point_in_time_recovery": table["point_in_time_recovery"],
        "ttl": table["ttl"],
    }
    yield from differences(wanted, place.gateway.installed.table(table["name"]))


def _keys(settings: Mapping[str, Any]) -> list[str]:
    return [settings["hash_key"], settings["range_key"]]
