"""Cost allocation tags on everything that a run creates."""

from __future__ import annotations

import copy

import pytest

from stagewright.planner.planner import plan

OWNER = {"stagewright:installation", "stagewright:pipeline", "stagewright:environment"}
WHOLE = OWNER | {"stagewright:stage", "stagewright:run"}
LASTING = {"CreateEndpoint", "CreateModelPackageGroup"}
UNTAGGED = {"CreateModelPackage"}
"""AWS refuses tags of a version in a group, and uses the group's."""
MORE = {
    "tune": {
        "kind": "tuning",
        "entry_point": "train.py",
        "channels": {"train": "${stages.prepare.outputs.train}"},
        "metrics": {"mae": "MAE: ([0-9.]+)"},
        "objective": {"metric": "mae", "goal": "minimize"},
        "ranges": {"depth": {"type": "integer", "min": 2, "max": 8}},
        "max_jobs": 2,
    },
    "served": {"kind": "model", "model": "${stages.tune.model}", "entry_point": "train.py"},
    "score": {
        "kind": "transform",
        "model": "${stages.served.name}",
        "input": "${stages.prepare.outputs.test}",
    },
}


@pytest.fixture
def requests(house):
    """Stage, operation and request of everything that a run with all kinds of SageMaker's jobs makes."""
    document = copy.deepcopy(house.DOCUMENT)
    document["stages"] |= MORE
    made = plan(house.load(document), house.trigger("code:house-price:1"), house.recorded())
    return [
        (stage.name, operation, request)
        for stage in made.stages
        for operation, request in stage.requests.items()
        if operation.startswith("Create") and operation not in UNTAGGED
    ]


def test_every_taggable_request_is_covered(requests):
    assert {operation for _, operation, _ in requests} == {
        "CreateProcessingJob",
        "CreateTrainingJob",
        "CreateHyperParameterTuningJob",
        "CreateTransformJob",
        "CreateModel",
        "CreateEndpointConfig",
        "CreateEndpoint",
        "CreateModelPackageGroup",
    }


def test_created_resources_have_cost_tags(requests):
    for stage, operation, request in requests:
        tags = {tag["Key"]: tag["Value"] for tag in request["Tags"]}
        assert (OWNER if operation in LASTING else WHOLE) <= tags.keys(), (stage, operation)
        assert tags["stagewright:pipeline"] == "house-price"
        assert tags.get("stagewright:stage", stage) == stage
        assert tags["team"] == "pricing"
