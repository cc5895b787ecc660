"""The two tables. Paid per request, with point-in-time recovery; nothing in them expires by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stagewright.installation.render import TEMPLATE


@dataclass(frozen=True)
class Key:
    """Hash and range attribute; all our keys are strings."""

    hash: str
    range: str

    def fields(self) -> dict[str, str]:
        return {"hash_key": self.hash, "range_key": self.range}


@dataclass(frozen=True)
class Table:
    """`indexes`: global secondary indexes, each projecting the same."""

    name: str
    key: Key
    indexes: Mapping[str, Key] = field(default_factory=dict)
    projection: str = "ALL"

    def to_json(self) -> dict[str, Any]:
        keys = (self.key, *self.indexes.values())
        return {
            "name": self.name,
            "billing_mode": "PAY_PER_REQUEST",
            "point_in_time_recovery": True,
            "ttl": None,
            **self.key.fields(),
            "attributes": dict.fromkeys(
                sorted({name for key in keys for name in key.fields().values()}), "S"
            ),
            "indexes": {
                name: {**key.fields(), "projection": self.projection} for name, key in self.indexes.items()
            },
        }


TABLES = {
    "documents": Table(
        TEMPLATE.documents_table,
        Key("pipeline", "item"),
        # Documents are large and revisions many: without it, listing the pipelines would read them all.
        {"by_item": Key("item", "pipeline")},
        "KEYS_ONLY",
    ),
    "runs": Table(
        TEMPLATE.runs_table,
        Key("run", "item"),
        {
            "by_pipeline": Key("pipeline", "created"),
            "by_stage": Key("stage_key", "ended"),
            "open_runs": Key("open", "created"),
        },
    ),
}
