"""The table `runs`: reads and writes of its items, whatever they are."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from stagewright.aws.errors import translate_errors
from stagewright.errors import TargetError
from stagewright.parallel import run_parallel
from stagewright.store.items import Item, decode_item, encode, encode_item, write_if

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BATCH = 25
"""Items of one BatchWriteItem (DynamoDB API reference)."""
WRITE_ATTEMPTS = 8
WRITE_PAUSE = 0.05
"""Seconds, doubled each time. BatchWriteItem's API reference asks for exponential backoff."""


@dataclass(frozen=True)
class RunTable:
    """Reads are consistent, except those of an index."""

    client: DynamoDBClient
    table: str

    def put_all(self, items: Iterable[Item]) -> None:
        """Put all items, replacing existing ones. Calls BatchWriteItem, several in parallel.

        Raises TargetError if DynamoDB leaves items unprocessed eight times.
        """
        rest = iter(items)
        run_parallel(self._put_batch, iter(lambda: list(islice(rest, BATCH)), []))

    def items(self, run: str, prefix: str) -> Iterator[dict[str, Any]]:
        """Yield the items of the run whose sort key starts with `prefix`, in key order. Calls Query."""
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="#run = :run AND begins_with(#item, :prefix)",
            ExpressionAttributeNames={"#run": "run", "#item": "item"},
            ExpressionAttributeValues=encode({":run": run, ":prefix": prefix}),
            ConsistentRead=True,
        )
        with translate_errors("dynamodb", f"the run {run}"):
            for page in pages:
                yield from map(decode_item, page["Items"])

    def put_if_absent(self, item: Item) -> dict[str, Any]:
        """Put an item unless it exists. Return the stored one. Calls PutItem and GetItem."""
        with translate_errors("dynamodb", f"{item['item']} of {item['run']}"):
            write_if(
                self.client.put_item,
                TableName=self.table,
                Item=encode_item(item),
                ConditionExpression="attribute_not_exists(#run)",
                ExpressionAttributeNames={"#run": "run"},
            )
        return self.get(str(item["run"]), str(item["item"])) or {}

    def newest(
        self, index: str, name: str, value: str, limit: int, *, forward: bool = False
    ) -> Sequence[dict[str, Any]]:
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            IndexName=index,
            KeyConditionExpression="#key = :key",
            ExpressionAttributeNames={"#key": name},
            ExpressionAttributeValues=encode({":key": value}),
            ScanIndexForward=forward,
            PaginationConfig={"MaxItems": limit, "PageSize": limit},
        )
        with translate_errors("dynamodb", f"{name} {value}"):
            return [decode_item(item) for page in pages for item in page["Items"]]

    def get(self, run: str, item: str) -> dict[str, Any] | None:
        with translate_errors("dynamodb", f"the run {run}"):
            answer = self.client.get_item(
                TableName=self.table, Key=encode({"run": run, "item": item}), ConsistentRead=True
            )
        return decode_item(answer["Item"]) if "Item" in answer else None

    def _put_batch(self, items: Sequence[Item]) -> None:
        requests: Sequence[Any] = [{"PutRequest": {"Item": encode_item(item)}} for item in items]
        with translate_errors("dynamodb", "the plan's items"):
            for attempt in range(WRITE_ATTEMPTS):
                time.sleep(WRITE_PAUSE * (2**attempt - 1))
                answer = self.client.batch_write_item(RequestItems={self.table: requests})
                requests = answer.get("UnprocessedItems", {}).get(self.table, [])
                if not requests:
                    return
        raise TargetError(
            f"DynamoDB left {len(requests)} items of a plan unwritten after {WRITE_ATTEMPTS} attempts",
            "try again",
        )


def expression_values(values: Mapping[str, str | int]) -> dict[str, Any]:
    """Encode the values of an expression. Unlike `encode` this keeps empty text."""
    return {
        name: {"N": str(value)} if isinstance(value, int) else {"S": value} for name, value in values.items()
    }
