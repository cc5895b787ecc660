"""Items of the table `documents`: base documents, and revisions that never change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from stagewright.errors import DocumentError, Problem
from stagewright.run.gateway.failures import code_of, translated
from stagewright.run.gateway.items import ITEM_LIMIT, Item, decode, encode, size_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True)
class Base:
    """The document as pushed: its JSON text, that text's SHA-256, and when it was written."""

    document: str
    sha256: str
    written: str


@dataclass(frozen=True)
class Revision:
    """One effective document, immutable."""

    number: int
    document: str
    sha256: str
    author: str
    written: str


@dataclass(frozen=True)
class Documents:
    client: DynamoDBClient
    table: str

    def base(self, pipeline: str) -> Base | None:
        with translated("dynamodb", f"the document of {pipeline}"):
            answer = self.client.get_item(
                TableName=self.table, Key=encode({"pipeline": pipeline, "item": "base"}), ConsistentRead=True
            )
        if "Item" not in answer:
            return None
        item = decode(answer["Item"])
        return Base(item["document"], item.get("sha256", ""), item.get("written", ""))

    def put_base(self, pipeline: str, base: Base) -> None:
        item: Item = {
            "pipeline": pipeline,
            "item": "base",
            "document": base.document,
            "sha256": base.sha256,
            "written": base.written,
        }
        _refuse_large(item)
        with translated("dynamodb", f"the document of {pipeline}"):
            self.client.put_item(TableName=self.table, Item=encode(item))

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
        with translated("dynamodb", f"the revisions of {pipeline}"):
            answer = self.client.query(
                TableName=self.table,
                KeyConditionExpression="pipeline = :pipeline AND begins_with(#item, :revision)",
                ExpressionAttributeNames={"#item": "item"},
                ExpressionAttributeValues=encode({":pipeline": pipeline, ":revision": "revision#"}),
                ScanIndexForward=False,
                Limit=1,
                ConsistentRead=True,
            )
        return next((_revision(decode(item)) for item in answer["Items"]), None)

    def put_revision(self, pipeline: str, revision: Revision) -> bool:
        """False where somebody else took the number."""
        item: Item = {
            "pipeline": pipeline,
            "item": f"revision#{revision.number:06}",
            "document": revision.document,
            "sha256": revision.sha256,
            "author": revision.author,
            "written": revision.written,
        }
        _refuse_large(item)
        with translated("dynamodb", f"revision {revision.number} of {pipeline}"):
            try:
                self.client.put_item(
                    TableName=self.table,
                    Item=encode(item),
                    ConditionExpression="attribute_not_exists(pipeline)",
                )
            except ClientError as error:
                if code_of(error) != "ConditionalCheckFailedException":
                    raise
                return False
        return True


def _revision(item: dict[str, str]) -> Revision:
    number = int(item["item"].removeprefix("revision#"))
    return Revision(number, item["document"], item["sha256"], item.get("author", ""), item["written"])


def _refuse_large(item: Item) -> None:
    if (size := size_of(item)) > ITEM_LIMIT:
        message = f"{size:,} bytes as JSON; DynamoDB keeps at most {ITEM_LIMIT:,} in one item"
        raise DocumentError(
            (Problem("", message, "split the pipeline in two, or move long values into files"),)
        )
