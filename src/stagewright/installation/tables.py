"""The two DynamoDB tables: on-demand capacity, point-in-time recovery. Runs and documents never expire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stagewright.installation.template import TEMPLATE


@dataclass(frozen=True)
class Key:
    """Names of the hash and range attributes. All keys are strings."""

    hash: str
    range: str

    def fields(self) -> dict[str, str]:
        return {"hash_key": self.hash, "range_key": self.range}


@dataclass(frozen=True)
class Table:
    """A table. `indexes` are its global secondary indexes.

    Each index projects all attributes, or the keys and `projected` if that is set. `ttl` is the attribute
    with the Unix time (seconds) after which DynamoDB deletes an item.
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
        # Lists the pipelines without reading their large documents and many revisions. A function reads only
        # the documents whose hash is new to it.
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
        # Set on skipped events and closed batch windows. Runs do not have it.
        ttl="expires",
    ),
}
