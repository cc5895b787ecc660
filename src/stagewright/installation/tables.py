"""The two tables. Paid per request, with point-in-time recovery; runs and documents never expire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stagewright.installation.template import TEMPLATE


@dataclass(frozen=True)
class Key:
    """Hash and range attribute; all our keys are strings."""

    hash: str
    range: str

    def fields(self) -> dict[str, str]:
        return {"hash_key": self.hash, "range_key": self.range}


@dataclass(frozen=True)
class Table:
    """`indexes`: global secondary indexes, each projecting the same: all, or keys and `projected`.

    `ttl`: the attribute with the second (since 1970) after which DynamoDB deletes an item.
    """

    name: str
    key: Key
    indexes: Mapping[str, Key] = field(default_factory=dict)
    projected: tuple[str, ...] = ()
    ttl: str | None = None

    def to_json(self) -> dict[str, Any]:
        keys = (self.key, *self.indexes.values())
        return {
            "name": self.name,
            "billing_mode": "PAY_PER_REQUEST",
            "point_in_time_recovery": True,
            "ttl": self.ttl,
            **self.key.fields(),
            "attributes": dict.fromkeys(
                sorted({name for key in keys for name in key.fields().values()}), "S"
            ),
            "indexes": {
                name: {
                    **key.fields(),
                    "projection": "INCLUDE" if self.projected else "ALL",
                    "non_key_attributes": list(self.projected),
                }
                for name, key in self.indexes.items()
            },
        }


TABLES = {
    "documents": Table(
        TEMPLATE.documents_table,
        Key("pipeline", "item"),
        # Documents are large and revisions many: without it, listing the pipelines would read them all. The
        # hash says which of them a function knows already.
        {"by_item": Key("item", "pipeline")},
        projected=("sha256",),
    ),
    "runs": Table(
        TEMPLATE.runs_table,
        Key("run", "item"),
        {
            "by_pipeline": Key("pipeline", "created"),
            "by_stage": Key("stage_key", "ended"),
            "open_runs": Key("open", "created"),
        },
        # Of dropped events and settled data; no run has it.
        ttl="expires",
    ),
}
