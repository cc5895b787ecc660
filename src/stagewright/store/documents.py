"""Items of the table `documents`: the layers of a document, and revisions that never change."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from stagewright.aws.errors import code_of, translated
from stagewright.document.overrides import SECTIONS
from stagewright.document.stored_layers import Base, Overrides
from stagewright.errors import DocumentError, Problem
from stagewright.store.items import ITEM_LIMIT, Item, decode, encode, size_of
from stagewright.store.typed_values import from_typed, to_typed

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Pushed = Literal["base", "environment"]
"""The layers that a push writes, each a JSON text."""
OWN = ("by", "written", "version", "checksum")
"""Attributes of the item `overrides` that are about it; whatever else it has is content."""


@dataclass(frozen=True)
class Revision:
    """One effective document, immutable. `layers` says what it was made of."""

    number: int
    document: str
    sha256: str
    author: str
    written: str
    layers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Documents:
    client: DynamoDBClient
    table: str

    def base(self, pipeline: str) -> Base | None:
        return self.pushed(pipeline, "base")

    def pushed(self, pipeline: str, layer: Pushed) -> Base | None:
        """An item that somebody has spoilt by hand has no document, so that a push puts it right."""
        item = {name: from_typed(value) for name, value in self._get(pipeline, layer).items()}
        texts = {name: value for name, value in item.items() if isinstance(value, str)}
        names = ("document", "sha256", "written", "by")
        return Base(*(texts.get(name, "") for name in names)) if item else None

    def put_pushed(self, pipeline: str, layer: Pushed, base: Base) -> None:
        item: Item = {"pipeline": pipeline, "item": layer} | vars(base)
        _refuse_large(item)
        with translated("dynamodb", f"the document of {pipeline}"):
            self.client.put_item(TableName=self.table, Item=encode(item))

    def remove_environment(self, pipeline: str) -> None:
        with translated("dynamodb", f"the environment's layer of {pipeline}"):
            self.client.delete_item(
                TableName=self.table, Key=encode({"pipeline": pipeline, "item": "environment"})
            )

    def overrides(self, pipeline: str) -> Overrides:
        """Whatever is in the item; where there is none, no content and version 0."""
        stored = self._get(pipeline, "overrides")
        item = {name: from_typed(value) for name, value in stored.items()}
        content = {name: item[name] for name in item if name not in ("pipeline", "item", *OWN)}
        version = item.get("version")
        texts = {
            name: item[name] for name in ("by", "written", "checksum") if isinstance(item.get(name), str)
        }
        return Overrides(content, version if isinstance(version, int) else 0, **texts, stored=stored)

    def put_overrides(self, pipeline: str, before: Overrides, after: Overrides) -> bool:
        """False where the item is no longer as `before` has it: nothing is written then.

        A hand edit leaves the version as it was, so every attribute is compared (API reference of DynamoDB's
        Condition: EQ is for all data types, lists and maps among them).
        """
        item = {"pipeline": pipeline, "item": "overrides", **after.content}
        item |= {name: getattr(after, name) for name in OWN}
        _refuse_large({"item": "overrides", "content": json.dumps(item, default=str)})
        names = sorted({*before.stored, *after.content, *SECTIONS, *OWN} - {"pipeline", "item"})
        places = {f"#{number}": name for number, name in enumerate(names)}
        known = {f":{number}": before.stored.get(name) for number, name in enumerate(names)}
        condition = " AND ".join(
            f"{place} = :{place[1:]}" if name in before.stored else f"attribute_not_exists({place})"
            for place, name in places.items()
        )
        values = {place: value for place, value in known.items() if value is not None}
        with translated("dynamodb", f"the overrides of {pipeline}"):
            return self._put_if(
                Item={name: to_typed(value) for name, value in item.items()},
                ConditionExpression=condition,
                ExpressionAttributeNames=places,
                **({"ExpressionAttributeValues": values} if values else {}),
            )

    def pipelines(self) -> tuple[str, ...]:
        """Every pipeline that has a document (index by_item, eventually consistent)."""
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            IndexName="by_item",
            KeyConditionExpression="#item = :base",
            ExpressionAttributeNames={"#item": "item"},
            ExpressionAttributeValues=encode({":base": "base"}),
        )
        with translated("dynamodb", "the documents"):
            return tuple(decode(item)["pipeline"] for page in pages for item in page["Items"])

    def listed(self, item: str) -> tuple[tuple[str, str], ...]:
        """Every pipeline that has this item, with the item's SHA-256; empty where nobody wrote that.

        Index by_item, eventually consistent.
        """
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            IndexName="by_item",
            KeyConditionExpression="#item = :item",
            ExpressionAttributeNames={"#item": "item"},
            ExpressionAttributeValues=encode({":item": item}),
        )
        with translated("dynamodb", "the documents"):
            items = [decode(each) for page in pages for each in page["Items"]]
        return tuple((each["pipeline"], each.get("sha256", "")) for each in items)

    def newest_revision(self, pipeline: str) -> Revision | None:
        return next(iter(self.revisions(pipeline, 1)), None)

    def revisions(self, pipeline: str, limit: int) -> tuple[Revision, ...]:
        """Newest first."""
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="pipeline = :pipeline AND begins_with(#item, :revision)",
            ExpressionAttributeNames={"#item": "item"},
            ExpressionAttributeValues=encode({":pipeline": pipeline, ":revision": "revision#"}),
            ScanIndexForward=False,
            ConsistentRead=True,
            PaginationConfig={"MaxItems": limit, "PageSize": limit},
        )
        with translated("dynamodb", f"the revisions of {pipeline}"):
            return tuple(_revision(decode(item)) for page in pages for item in page["Items"])

    def revision(self, pipeline: str, number: int) -> Revision | None:
        item = self._get(pipeline, f"revision#{number:06}")
        return _revision(decode(item)) if item else None

    def put_revision(self, pipeline: str, revision: Revision) -> bool:
        """False where somebody else took the number."""
        item: Item = {
            "pipeline": pipeline,
            "item": f"revision#{revision.number:06}",
            "document": revision.document,
            "sha256": revision.sha256,
            "author": revision.author,
            "written": revision.written,
            "layers": json.dumps(dict(revision.layers)),
        }
        _refuse_large(item)
        with translated("dynamodb", f"revision {revision.number} of {pipeline}"):
            return self._put_if(Item=encode(item), ConditionExpression="attribute_not_exists(pipeline)")

    def _get(self, pipeline: str, item: str) -> Mapping[str, Any]:
        """In DynamoDB's types; empty where there is none."""
        with translated("dynamodb", f"the document of {pipeline}"):
            answer = self.client.get_item(
                TableName=self.table, Key=encode({"pipeline": pipeline, "item": item}), ConsistentRead=True
            )
        return answer.get("Item", {})

    def _put_if(self, **request: Any) -> bool:
        try:
            self.client.put_item(TableName=self.table, **request)
        except ClientError as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise
            return False
        return True


def _revision(item: Mapping[str, Any]) -> Revision:
    number = int(item["item"].removeprefix("revision#"))
    layers = json.loads(item.get("layers", "{}"))
    return Revision(number, item["document"], item["sha256"], item.get("author", ""), item["written"], layers)


def _refuse_large(item: Item) -> None:
    if (size := size_of(item)) > ITEM_LIMIT:
        message = f"{size:,} bytes as JSON; DynamoDB keeps at most {ITEM_LIMIT:,} in one item"
        raise DocumentError(
            (Problem("", message, "split the pipeline in two, or move long values into files"),)
        )
