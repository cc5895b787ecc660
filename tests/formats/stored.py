"""Recorded items and objects in the tables and the bucket of an installation of a test's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stagewright.formats import kind_of
from stagewright.operator_gateway import OperatorGateway
from stagewright.store.items import decode
from stagewright.store.run_table import BATCH

FOLDER = Path(__file__).parent
VERSIONS = ("unnumbered", "0.1.0")
"""The recordings: before formats were numbered, and of each release."""
TABLES = ("runs", "documents")


def recorded(version: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FOLDER / f"{version}.json").read_text())
    return content


def store(gateway: OperatorGateway, recording: dict[str, Any]) -> None:
    client = gateway.runs.client
    for table in TABLES:
        items = [{"PutRequest": {"Item": item}} for item in recording[table]]
        for start in range(0, len(items), BATCH):
            client.batch_write_item(
                RequestItems={gateway.installation.name(table): items[start : start + BATCH]}
            )
    for key, body in recording["objects"].items():
        gateway.objects.put(key, body.encode())


def scan(gateway: OperatorGateway, table: str) -> Iterator[dict[str, Any]]:
    name = gateway.installation.name(table)
    for page in gateway.runs.client.get_paginator("scan").paginate(TableName=name):
        yield from page["Items"]


def stored(gateway: OperatorGateway) -> dict[tuple[str, str], dict[str, Any]]:
    """The items in DynamoDB's types, by the values of their keys."""
    items = [(item, key) for table, key in zip(TABLES, ("run", "pipeline"), strict=True)
             for item in scan(gateway, table)]  # fmt: skip
    return {(item[key]["S"], item["item"]["S"]): item for item, key in items}


def kind(item: dict[str, Any]) -> str:
    return kind_of(decode(item))
