"""The table `documents`: the layers of each pipeline's document, and its immutable revisions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from stagewright.aws.errors import translate_errors
from stagewright.document.overrides import SECTIONS
from stagewright.document.stored_layers import Base, Overrides
from stagewright.errors import DocumentError, Problem
from stagewright.formats import FORMAT, read_item, stamped
from stagewright.store.items import (
    ITEM_LIMIT,
    Item,
    decode,
    decode_item,
    encode,
    size_of,
    unchanged,
    write_if,
)
from stagewright.store.typed_values import from_typed, to_typed

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LayerName = Literal["base", "environment"]
"""The layers that a push writes, each a JSON text."""
METADATA = ("by", "written", "version", "checksum", FORMAT)
"""The attributes of the item `overrides` that describe it. All others are content."""


@dataclass(frozen=True)
class Revision:
    """One immutable effective document. `layers` holds the hash of each layer that it was made from."""

    number: int
    document: str
    sha256: str
    author: str
    written: str
    layers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Documents:
    """Reads and writes layers and revisions. Reads are consistent, except those of the index `by_item`.

    Writes raise DocumentError if the item is larger than DynamoDB allows (400 KB).
    """

    client: DynamoDBClient
    table: str

    def base(self, pipeline: str) -> Base | None:
        """Return the base document, or None if there is none. Calls GetItem."""
        return self.layer(pipeline, "base")

    def layer(self, pipeline: str, name: LayerName) -> Base | None:
        """Return a layer, or None if there is none. Calls GetItem.

        Attributes that are not text, after an edit by hand, are read as empty. The next push repairs them.
        """
        item = _plain_item(self._get(pipeline, name))
        texts = {name: value for name, value in item.items() if isinstance(value, str)}
        names = ("document", "sha256", "written", "by")
        return Base(*(texts.get(name, "") for name in names)) if item else None

    def put_layer(self, pipeline: str, name: LayerName, layer: Base) -> None:
        """Replace a layer. Calls PutItem."""
        item: Item = stamped({"pipeline": pipeline, "item": name} | vars(layer))
        _check_size(item)
        with translate_errors("dynamodb", f"the document of {pipeline}"):
            self.client.put_item(TableName=self.table, Item=encode(item))

    def delete_environment(self, pipeline: str) -> None:
        """Delete the environment layer. Does nothing if there is none. Calls DeleteItem."""
        with translate_errors("dynamodb", f"the environment's layer of {pipeline}"):
            self.client.delete_item(
                TableName=self.table, Key=encode({"pipeline": pipeline, "item": "environment"})
            )

    def overrides(self, pipeline: str) -> Overrides:
        """Return the overrides, valid or not. Without an item they have no content and version 0.

        Calls GetItem.
        """
        stored = self._get(pipeline, "overrides")
        item = _plain_item(stored)
        content = {name: item[name] for name in item if name not in ("pipeline", "item", *METADATA)}
        version = item.get("version")
        texts = {
            name: item[name] for name in ("by", "written", "checksum") if isinstance(item.get(name), str)
        }
        return Overrides(content, version if isinstance(version, int) else 0, **texts, stored=stored)

    def put_overrides(self, pipeline: str, before: Overrides, after: Overrides) -> bool:
        """Replace the overrides. Return False and write nothing if the item differs from `before`.

        The condition compares every attribute, because an edit by hand does not change the version. EQ
        compares all data types, lists and maps included (DynamoDB API reference, Condition). Calls PutItem.
        """
        item = {"pipeline": pipeline, "item": "overrides", **after.content}
        item = stamped(item | {name: getattr(after, name) for name in METADATA if name != FORMAT})
        _check_size({"item": "overrides", "content": json.dumps(item, default=str)})
        names = sorted({*before.stored, *after.content, *SECTIONS, *METADATA} - {"pipeline", "item"})
        with translate_errors("dynamodb", f"the overrides of {pipeline}"):
            response = write_if(
                self.client.put_item,
                TableName=self.table,
                Item={name: to_typed(value) for name, value in item.items()},
                **unchanged(names, before.stored),
            )
        return response is not None

    def pipelines(self) -> tuple[str, ...]:
        """Return every pipeline that has a document. Calls Query (index `by_item`, eventually consistent)."""
        return tuple(pipeline for pipeline, _ in self.layer_hashes("base"))

    def layer_hashes(self, name: str) -> tuple[tuple[str, str], ...]:
        """Return (pipeline, SHA-256) of every layer of this name. The hash is "" if the item has none.

        Calls Query (index `by_item`, eventually consistent).
        """
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            IndexName="by_item",
            KeyConditionExpression="#item = :item",
            ExpressionAttributeNames={"#item": "item"},
            ExpressionAttributeValues=encode({":item": name}),
        )
        with translate_errors("dynamodb", "the documents"):
            items = [decode(item) for page in pages for item in page["Items"]]
        return tuple((item["pipeline"], item.get("sha256", "")) for item in items)

    def newest_revision(self, pipeline: str) -> Revision | None:
        return next(iter(self.revisions(pipeline, 1)), None)

    def revisions(self, pipeline: str, limit: int) -> tuple[Revision, ...]:
        """Return the newest revisions, newest first. Calls Query."""
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="pipeline = :pipeline AND begins_with(#item, :revision)",
            ExpressionAttributeNames={"#item": "item"},
            ExpressionAttributeValues=encode({":pipeline": pipeline, ":revision": "revision#"}),
            ScanIndexForward=False,
            ConsistentRead=True,
            PaginationConfig={"MaxItems": limit, "PageSize": limit},
        )
        with translate_errors("dynamodb", f"the revisions of {pipeline}"):
            return tuple(_revision(decode_item(item)) for page in pages for item in page["Items"])

    def revision(self, pipeline: str, number: int) -> Revision | None:
        """Return a revision, or None if there is none of this number. Calls GetItem."""
        item = self._get(pipeline, f"revision#{number:06}")
        return _revision(decode_item(item)) if item else None

    def put_revision(self, pipeline: str, revision: Revision) -> bool:
        """Add a revision. Return False and write nothing if its number is taken. Calls PutItem."""
        item: Item = stamped(
            {
                "pipeline": pipeline,
                "item": f"revision#{revision.number:06}",
                "document": revision.document,
                "sha256": revision.sha256,
                "author": revision.author,
                "written": revision.written,
                "layers": json.dumps(dict(revision.layers)),
            }
        )
        _check_size(item)
        with translate_errors("dynamodb", f"revision {revision.number} of {pipeline}"):
            response = write_if(
                self.client.put_item,
                TableName=self.table,
                Item=encode(item),
                ConditionExpression="attribute_not_exists(pipeline)",
            )
        return response is not None

    def _get(self, pipeline: str, item: str) -> Mapping[str, Any]:
        """Return the item in DynamoDB's types; empty if there is none."""
        with translate_errors("dynamodb", f"the document of {pipeline}"):
            answer = self.client.get_item(
                TableName=self.table, Key=encode({"pipeline": pipeline, "item": item}), ConsistentRead=True
            )
        return answer.get("Item", {})


def _plain_item(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item that people may have edited, in the format of this version."""
    return read_item({name: from_typed(value) for name, value in stored.items()})


def _revision(item: Mapping[str, Any]) -> Revision:
    number = int(item["item"].removeprefix("revision#"))
    layers = json.loads(item.get("layers", "{}"))
    return Revision(number, item["document"], item["sha256"], item.get("author", ""), item["written"], layers)


def _check_size(item: Item) -> None:
    if (size := size_of(item)) > ITEM_LIMIT:
        message = f"{size:,} bytes as JSON; DynamoDB keeps at most {ITEM_LIMIT:,} in one item"
        raise DocumentError(
            (Problem("", message, "split the pipeline in two, or move long values into files"),)
        )
