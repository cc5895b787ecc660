"""To override values and to choose the code that runs are two permissions. Each suffices for its commands."""

from __future__ import annotations

import json
from importlib import import_module
from itertools import product

import pytest

from stagewright.installation.resources import resources
from stagewright.installation.roles.people import (
    APPROVER,
    DATA_SCIENTIST,
    OPERATOR,
    PEOPLE,
    PUSH,
    VIEWER,
    people,
)
from stagewright.installation.roles.people.guardrails import service_control_policy
from stagewright.installation.template import fill
from stagewright.naming import Installation
from stagewright.runs.documents import overrides
from stagewright.runs.releases.push import push

EVALUATOR = import_module("ministack.core.iam_evaluator")
ACTIONS = {"HeadObject": "GetObject", "ListObjectsV2": "ListBucket"}
"""Operations of S3 whose action has another name."""


FORGED = {
    "dynamodb:leadingkeys": ["code:prices:1"],
    "dynamodb:attributes": ["run", "item", "result", "stage_key"],
}
"""The condition keys of a write that forges a result."""


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


def is_allowed(role, place: Installation, action: str, resource: str, keys=None) -> bool:
    policies = [
        EVALUATOR.parse_policy_document(json.loads(fill(json.dumps(policy.to_json()["policy"]), place)))
        for policy in (role, *([VIEWER] if role.needs_viewer else []))
    ]
    context = EVALUATOR.EvalContext(
        principal_arn=f"arn:aws:sts::{place.account}:assumed-role/person/session",
        principal_type="AssumedRole",
        principal_account=place.account,
        action=action,
        resource_arn=resource,
        region=place.region,
        service_context=FORGED if keys is None else keys,
    )
    return EVALUATOR.evaluate(context, policies).decision == "Allow"


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
    assert denied(DATA_SCIENTIST, gateway.installation, calls) == []


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
        assert not is_allowed(DATA_SCIENTIST, place, action, f"arn:aws:s3:::{place.bucket}/{key}")


@pytest.mark.parametrize("role", PEOPLE, ids=lambda policy: policy.key)
def test_no_policy_changes_runs_functions_or_the_state_machine(installation, role):
    place = installation
    router = place.arn("lambda", f"function:{place.name('router')}")
    for action, resource in (
        ("dynamodb:UpdateItem", place.arn("dynamodb", f"table/{place.runs_table}")),
        ("dynamodb:DeleteTable", place.arn("dynamodb", f"table/{place.runs_table}")),
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


LONGEST = Installation("b" * 63, "us-gov-west-1", "123456789012", "e" * 16, "p" * 20, "aws-us-gov")
SCP_LIMIT = 5_120
"""Characters of a service control policy (AWS Organizations quotas)."""
MANAGED_LIMIT = 6_144
"""Characters of a managed policy, white space aside (IAM quotas)."""


@pytest.mark.parametrize("policy", PEOPLE, ids=lambda policy: policy.key)
def test_policy_fits_into_a_managed_policy(policy):
    text = fill(json.dumps(policy.to_json()["policy"]), LONGEST)
    assert len("".join(text.split())) <= MANAGED_LIMIT


RUN = "prices-20260131t140000-0a1b2c"
DECISION = ["run", "item", "decision", "decided_by", "why", "decided", "status", "token", "barred"]
CLOSING = ["run", "item", "status", "ended", "reason", "open"]


@pytest.mark.parametrize(
    ("key", "attributes", "approver", "operator"),
    [
        (RUN, DECISION, True, False),
        (RUN, CLOSING, False, True),
        (RUN, ["run", "item", "result"], False, False),
        (RUN, [*DECISION, "result"], False, False),
        (RUN, [*CLOSING, "plan"], False, False),
        (RUN, [*CLOSING, "stage_key"], False, False),
        (RUN, [*CLOSING, "decision"], False, False),
        (RUN, ["run", "item", "trigger"], False, False),
        ("code:prices:version", DECISION, False, False),
        ("code:prices:version", CLOSING, False, False),
        ("endpoint#prices-dev", DECISION, False, False),
        ("endpoint#prices-dev", ["run", "item", "rollbacks", "created"], False, True),
        ("endpoint#prices-dev", ["run", "item", "configurations"], False, False),
        ("tick", CLOSING, False, False),
    ],
)
def test_people_update_only_their_attributes_of_runs(installation, key, attributes, approver, operator):
    table = installation.arn("dynamodb", f"table/{installation.runs_table}")
    keys = {"dynamodb:leadingkeys": [key], "dynamodb:attributes": attributes}
    for role, may in ((APPROVER, approver), (OPERATOR, operator), (DATA_SCIENTIST, False), (VIEWER, False)):
        assert is_allowed(role, installation, "dynamodb:UpdateItem", table, keys) is may, role.key


@pytest.mark.parametrize("action", ["PutItem", "BatchWriteItem", "DeleteItem"])
@pytest.mark.parametrize("key", [RUN, "code:prices:version", "manual:1", "tick", "cooldown#prices"])
def test_nobody_writes_whole_items_of_runs_and_claims(installation, action, key):
    table = installation.arn("dynamodb", f"table/{installation.runs_table}")
    for role in PEOPLE:
        keys = {"dynamodb:leadingkeys": [key]}
        assert not is_allowed(role, installation, f"dynamodb:{action}", table, keys), role.key


@pytest.mark.parametrize(
    ("source", "kind", "may"),
    [
        ("stagewright", "Run Requested", True),
        ("stagewright", "Trigger Fired", False),
        ("aws.s3", "Object Created", False),
        ("elsewhere", "Run Requested", False),
    ],
)
def test_people_put_only_run_requests_on_the_bus(installation, source, kind, may):
    bus = installation.arn("events", "event-bus/default")
    keys = {"events:source": source, "events:detail-type": kind}
    for role, starts in ((DATA_SCIENTIST, may), (OPERATOR, may), (APPROVER, False), (VIEWER, False)):
        assert is_allowed(role, installation, "events:PutEvents", bus, keys) is starts, role.key


ADMINISTRATOR = "arn:aws:iam::000000000000:role/administrator"
CI = "arn:aws:iam::000000000000:role/stagewright-ci/apply"


def is_denied(place, principal, action, resource, keys=None) -> bool:
    """Whether the guardrails deny it to a principal that may do everything."""
    parts = json.loads(fill(json.dumps(people()), place))
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    guardrails = service_control_policy(parts["guardrails"], ["arn:aws:iam::*:role/stagewright-ci/*"])
    policy = {"Version": "2012-10-17", "Statement": [everything, *guardrails["Statement"]]}
    context = EVALUATOR.EvalContext(
        principal_arn=principal,
        principal_type="AssumedRole",
        principal_account=place.account,
        action=action,
        resource_arn=resource,
        region=place.region,
        service_context={"aws:principalarn": principal, **(keys or {})},
    )
    return EVALUATOR.evaluate(context, [EVALUATOR.parse_policy_document(policy)]).decision != "Allow"


def forgeries(place) -> list:
    bucket, runs = f"arn:aws:s3:::{place.bucket}", place.arn("dynamodb", f"table/{place.runs_table}")
    return [
        ("s3:PutObject", f"{bucket}/releases/prices/x.json", {}),
        ("s3:DeleteObject", f"{bucket}/code/prices/x/source.tar.gz", {}),
        ("s3:PutObject", f"{bucket}/models/prices/x/model.tar.gz", {}),
        ("dynamodb:PutItem", runs, {"dynamodb:leadingkeys": [RUN]}),
        ("dynamodb:PutItem", runs, {"dynamodb:leadingkeys": ["code:prices:1"]}),
        ("dynamodb:BatchWriteItem", runs, {"dynamodb:leadingkeys": ["backfill#prices", RUN]}),
        ("dynamodb:UpdateItem", runs, {"dynamodb:attributes": ["run", "item", "result"]}),
        ("iam:PassRole", place.job_role_arn, {}),
        ("states:StartExecution", place.state_machine_arn, {}),
        ("states:UpdateStateMachine", place.state_machine_arn, {}),
        ("lambda:UpdateFunctionCode", place.arn("lambda", f"function:{place.name('router')}"), {}),
        ("lambda:UpdateFunctionConfiguration", place.arn("lambda", f"function:{place.name('router')}"), {}),
        ("iam:PutRolePolicy", f"arn:aws:iam::{place.account}:role/{place.name('sagemaker')}", {}),
        ("events:DisableRule", place.arn("events", f"rule/{place.name('release')}"), {}),
        ("dynamodb:DeleteTable", runs, {}),
    ]


def test_guardrails_deny_an_administrator(installation):
    for action, resource, keys in forgeries(installation):
        assert is_denied(installation, ADMINISTRATOR, action, resource, keys), action
        assert not is_denied(installation, CI, action, resource, keys), action


def test_guardrails_leave_the_installation_alone(installation):
    """Every role may do what its policy allows; people may write the items that their policies name."""
    roles = json.loads(fill(json.dumps(resources()["roles"]), installation))
    for role in roles.values():
        for statement in role["policy"]["Statement"]:
            for action, resource in product(statement["Action"], statement["Resource"]):
                keys = {"dynamodb:leadingkeys": [RUN], "dynamodb:attributes": ["result"]}
                assert not is_denied(installation, role["arn"], action, resource, keys), (
                    role["name"],
                    action,
                )
    runs = installation.arn("dynamodb", f"table/{installation.runs_table}")
    for key in ("backfill#prices", "queue#prices", "unfinished"):
        keys = {"dynamodb:leadingkeys": [key]}
        assert not is_denied(installation, ADMINISTRATOR, "dynamodb:PutItem", runs, keys)
    decision = {"dynamodb:attributes": DECISION, "dynamodb:leadingkeys": [RUN]}
    assert not is_denied(installation, ADMINISTRATOR, "dynamodb:UpdateItem", runs, decision)


def test_guardrails_fit_into_a_service_control_policy():
    parts = json.loads(fill(json.dumps(people()), LONGEST))
    names = [f"arn:aws-us-gov:iam::123456789012:role/{'a' * 60}"] * 2
    text = json.dumps(service_control_policy(parts["guardrails"], names))
    assert len("".join(text.split())) <= SCP_LIMIT
