"""To override values and to choose the code that runs are two permissions. Each suffices for its commands."""

from __future__ import annotations

import json
from importlib import import_module

import pytest

from stagewright.installation.roles.people import OVERRIDE, PUSH
from stagewright.installation.template import fill
from stagewright.naming import Installation
from stagewright.runs.documents import overrides
from stagewright.runs.releases.push import push

EVALUATOR = import_module("ministack.core.iam_evaluator")
ACTIONS = {"HeadObject": "GetObject", "ListObjectsV2": "ListBucket"}
"""Operations of S3 whose action has another name."""


class Functions:
    """The server has no function: whether code may be overridden, this answers."""

    def environment(self, _):
        return {}


@pytest.fixture
def calls(gateway):
    """What the gateway's clients ask for: (action, resource)."""
    gateway.__dict__["functions"] = Functions()
    place, made = gateway.installation, []

    def record(params, model, **_):
        body = json.loads(params["body"]) if model.service_model.service_name == "dynamodb" else {}
        if body:
            index = f"/index/{body['IndexName']}" if "IndexName" in body else ""
            resource = place.arn("dynamodb", f"table/{body['TableName']}{index}")
            made.append((f"dynamodb:{model.name}", resource))
        else:
            path = params["url_path"].strip("/").removeprefix(place.bucket).strip("/")
            resource = f"arn:aws:s3:::{place.bucket}/{path}".rstrip("/")
            made.append((f"s3:{ACTIONS.get(model.name, model.name)}", resource))

    for client in (gateway.documents.client, gateway.objects.client):
        client.meta.events.register("before-call", record, unique_id="people")
    yield made
    for client in (gateway.documents.client, gateway.objects.client):
        client.meta.events.unregister("before-call", unique_id="people")


def is_allowed(role, place: Installation, action: str, resource: str) -> bool:
    policy = EVALUATOR.parse_policy_document(json.loads(fill(json.dumps(role.to_json()["policy"]), place)))
    context = EVALUATOR.EvalContext(
        principal_arn=f"arn:aws:sts::{place.account}:assumed-role/person/session",
        principal_type="AssumedRole",
        principal_account=place.account,
        action=action,
        resource_arn=resource,
        region=place.region,
        service_context={},
    )
    return EVALUATOR.evaluate(context, [policy]).decision == "Allow"


def denied(role, place, calls):
    return sorted({call for call in calls if not is_allowed(role, place, *call)})


def test_push_permission_suffices_to_push(gateway, pipeline, files, calls):
    push(gateway, pipeline, files, overlay={"parameters": {"limit": 4}})
    push(gateway, pipeline, {"train.py": b"new", "lib/shared.py": b"", "prepare.py": files["prepare.py"]})
    made = {action for action, _ in calls}
    assert {"s3:GetObject", "s3:PutObject", "dynamodb:PutItem", "dynamodb:DeleteItem"} <= made
    assert denied(PUSH, gateway.installation, calls) == []


def test_override_permission_suffices_to_override_and_roll_back(gateway, pipeline, files, calls):
    push(gateway, pipeline, files)
    calls.clear()
    first = overrides.put(gateway, "prices", ["parameters.limit=7"], "bea").revision
    overrides.remove(gateway, "prices", [], "bea")
    overrides.roll_back(gateway, "prices", first, "bea")
    assert "dynamodb:PutItem" in {action for action, _ in calls}
    assert denied(OVERRIDE, gateway.installation, calls) == []


@pytest.mark.parametrize(
    "key",
    [
        "manifests/prices.json",
        "staging/prices/train.py",
        "staging/prices.json",
        "releases/prices/x.json",
        "releases/prices/plans/run/plan",
        "code/prices/x/source.tar.gz",
        "models/prices/x/model.tar.gz",
        "runs/prices/x",
    ],
)
def test_override_permission_writes_nothing_that_decides_which_code_runs(installation, key):
    place = installation
    for action in ("s3:PutObject", "s3:DeleteObject"):
        assert not is_allowed(OVERRIDE, place, action, f"arn:aws:s3:::{place.bucket}/{key}")


@pytest.mark.parametrize("role", [OVERRIDE, PUSH])
def test_neither_permission_changes_runs_functions_or_the_state_machine(installation, role):
    place = installation
    router = place.arn("lambda", f"function:{place.name('router')}")
    for action, resource in (
        ("dynamodb:UpdateItem", place.arn("dynamodb", f"table/{place.runs_table}")),
        ("dynamodb:PutItem", place.arn("dynamodb", f"table/{place.runs_table}")),
        ("lambda:UpdateFunctionConfiguration", router),
        ("lambda:UpdateFunctionCode", router),
        ("states:StartExecution", place.state_machine_arn),
        ("iam:PassRole", place.job_role_arn),
        ("sagemaker:CreateProcessingJob", place.arn("sagemaker", "processing-job/x")),
    ):
        assert not is_allowed(role, place, action, resource)


@pytest.mark.parametrize("prefix", ["releases/prices/x.json", "code/prices/x", "models/prices/x", "runs/x"])
def test_push_permission_writes_staging_and_manifests_only(installation, prefix):
    place = installation
    assert is_allowed(PUSH, place, "s3:PutObject", f"arn:aws:s3:::{place.bucket}/manifests/prices.json")
    assert not is_allowed(PUSH, place, "s3:PutObject", f"arn:aws:s3:::{place.bucket}/{prefix}")
