"""A query with a limit returns what ministack returns, and evaluates the items of its page only."""

from __future__ import annotations

import json
from importlib import import_module

import pytest

from stagewright.local.emulator import queries

TABLE, COUNT = "queries", 500


@pytest.fixture(scope="module")
def dynamodb():
    module = import_module("ministack.services.dynamodb")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("_query", "_index_members"):  # restores them afterwards
            patch.setattr(module, name, getattr(module, name))
        create(module)
        module.plain_query = module._query
        queries.patch(module)
        yield module
        module._delete_table({"TableName": TABLE})
        del module.plain_query


def create(module):
    text = {"AttributeType": "S"}
    module._create_table(
        {
            "TableName": TABLE,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [
                {"AttributeName": name, **text} for name in ("run", "pipeline", "created")
            ],
            "KeySchema": [{"AttributeName": "run", "KeyType": "HASH"}],
            "GlobalSecondaryIndexes": [
                {
                    "IndexName": "by_pipeline",
                    "KeySchema": [
                        {"AttributeName": "pipeline", "KeyType": "HASH"},
                        {"AttributeName": "created", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
        }
    )
    for number in range(COUNT):
        values = {"run": f"r{number * 7 % COUNT:04}", "created": f"{number // 3:04}"}
        values["pipeline"] = "other" if number % 10 == 0 else "prices"
        module._put_item({"TableName": TABLE, "Item": {name: {"S": text} for name, text in values.items()}})


def request(**more):
    return {
        "TableName": TABLE,
        "IndexName": "by_pipeline",
        "KeyConditionExpression": "#key = :key",
        "ExpressionAttributeNames": {"#key": "pipeline"},
        "ExpressionAttributeValues": {":key": {"S": "prices"}},
        **more,
    }


def pages(query, **more):
    found, start = [], {}
    while True:
        _, _, body = query(request(**more, **start))
        page = json.loads(body)
        found.append([item["run"]["S"] for item in page["Items"]])
        if "LastEvaluatedKey" not in page:
            return found
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


@pytest.mark.parametrize("limit", [7, 450, 1000])
@pytest.mark.parametrize("forward", [True, False])
def test_pages_are_the_same(dynamodb, limit, forward):
    expected = pages(dynamodb.plain_query, Limit=limit, ScanIndexForward=forward)
    assert pages(dynamodb._query, Limit=limit, ScanIndexForward=forward) == expected
    assert sum(map(len, expected)) == COUNT * 9 // 10


def test_only_the_page_is_evaluated(dynamodb, monkeypatch):
    evaluated = []
    evaluate = dynamodb._evaluate_condition

    def counted(*arguments, **keywords):
        evaluated.append(arguments)
        return evaluate(*arguments, **keywords)

    monkeypatch.setattr(dynamodb, "_evaluate_condition", counted)
    dynamodb._query(request(Limit=20, ScanIndexForward=False))
    assert 20 <= len(evaluated) <= 22


@pytest.mark.parametrize(
    "more",
    [
        {"Limit": 5, "FilterExpression": "run > :key"},
        {"Limit": 5, "IndexName": "none"},
        {"Limit": 0},
        {"Limit": 5, "ExpressionAttributeValues": {":key": {"N": "1"}}},
        {"Limit": 5, "ExpressionAttributeValues": {":key": {"S": "x"}, ":more": {"S": "y"}}},
        {"Limit": 5, "ExpressionAttributeValues": {}},
        {"Limit": 5, "ExclusiveStartKey": {"run": {"S": "r"}}},
        {"KeyConditionExpression": "#key = :key AND created > :key", "Limit": 5},
    ],
)
def test_other_requests_are_answered_as_before(dynamodb, more):
    assert dynamodb._query(request(**more)) == dynamodb.plain_query(request(**more))
