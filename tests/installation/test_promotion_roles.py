"""The two CI roles of a promotion suffice: one reads from the source, the other writes to the target."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import import_module

import pytest
from tests.support.installation import install

from stagewright.installation.roles.ci import PROMOTE, SOURCE
from stagewright.installation.template import fill
from stagewright.runs.history import run_history
from stagewright.runs.releases import promotion
from stagewright.runs.releases.push import push

EVALUATOR = import_module("ministack.core.iam_evaluator")
ACTIONS = {
    "HeadObject": "GetObject",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
}
"""Operations of S3 whose action has another name."""


class Functions:
    """The server has no function: whether code may be overridden, this answers."""

    def environment(self, _):
        return {}


@pytest.fixture
def target(gateway):
    there = replace(gateway.installation, environment="uat", bucket=f"{gateway.installation.bucket}-uat")
    made = install(replace(gateway, installation=there))
    made.__dict__["functions"] = Functions()
    return made


@pytest.fixture
def calls(gateway, target):
    """What the gateways' clients ask for: (action, resource)."""
    made, clients = (
        [],
        {id(each.client): each.client for g in (gateway, target) for each in (g.documents, g.objects)},
    )

    def record(params, model, **_):
        if "TableName" in params:
            index = f"/index/{params['IndexName']}" if "IndexName" in params else ""
            arn = gateway.installation.arn("dynamodb", f"table/{params['TableName']}{index}")
            made.append((f"dynamodb:{model.name}", arn))
        else:
            action = ACTIONS.get(model.name, model.name) + ("Version" if "VersionId" in params else "")
            arn = f"arn:aws:s3:::{params['Bucket']}/{params.get('Key', '')}".rstrip("/")
            made.append((f"s3:{action}", arn))

    for client in clients.values():
        client.meta.events.register("provide-client-params", record, unique_id="roles")
    yield made
    for client in clients.values():
        client.meta.events.unregister("provide-client-params", unique_id="roles")


def denied(role, place, calls):
    parsed = EVALUATOR.parse_policy_document(json.loads(fill(json.dumps(role.to_json()["policy"]), place)))
    found = set()
    for action, resource in calls:
        context = EVALUATOR.EvalContext(
            principal_arn="x", principal_type="AssumedRole", principal_account=place.account, action=action,
            resource_arn=resource, region=place.region, service_context={},
        )  # fmt: skip
        if EVALUATOR.evaluate(context, [parsed]).decision != "Allow":
            found.add((action, resource))
    return sorted(found)


def of(place, calls):
    """The calls to one installation."""
    tables = tuple(
        place.arn("dynamodb", f"table/{name}") for name in (place.documents_table, place.runs_table)
    )
    bucket = f"arn:aws:s3:::{place.bucket}"
    return [
        (action, resource)
        for action, resource in calls
        if resource.startswith(tables) or resource == bucket or resource.startswith(f"{bucket}/")
    ]


def test_the_two_roles_of_a_promotion_suffice(gateway, target, pipeline, files, calls):
    push(gateway, pipeline, files, "c1", by="ada")
    calls.clear()
    candidate = promotion.find_candidate(gateway, "prices", untested=True)
    prepared = promotion.prepare(gateway, target, candidate, {"parameters": {"limit": 4}})
    pushed = promotion.execute(target, prepared, "bea")
    run_history.find_run(target, pushed.trigger_key or "code:prices:x")
    read, written = of(gateway.installation, calls), of(target.installation, calls)
    assert len(read) + len(written) == len(calls)
    assert {"s3:GetObjectVersion", "s3:ListBucketVersions", "dynamodb:Query"} <= {
        action for action, _ in read
    }
    assert {"s3:PutObject", "dynamodb:PutItem", "dynamodb:Query"} <= {action for action, _ in written}
    assert denied(SOURCE, gateway.installation, read) == []
    assert denied(PROMOTE, target.installation, written) == []
    assert denied(SOURCE, target.installation, written) != []
    assert denied(PROMOTE, gateway.installation, written) != []
