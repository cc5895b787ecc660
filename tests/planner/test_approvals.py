"""Endpoints that wait for the approval of their model."""

from __future__ import annotations

import dataclasses

import pytest

from stagewright.planner.planner import plan

PACKAGE = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/house-price/1"


@pytest.fixture
def manual(house):
    return house.changed("stages.register.approval", "manual")


def with_status(recorded, status):
    return dataclasses.replace(recorded, approvals={PACKAGE: status})


def action(planned, name="deploy"):
    stage = planned.stage(name)
    return stage.action, stage.reason


def test_endpoint_waits_for_a_package_registered_in_this_run(house, manual):
    planned = plan(manual, house.trigger(), house.recorded())
    assert action(planned) == ("skip", "waits for approval (stagewright approve house-price --why TEXT)")
    assert planned.stage("deploy").awaits == "register"
    assert planned.stage("register").action == "run"
    assert "deploy" not in {name for wave in planned.waves for chain in wave for name in chain}


@pytest.mark.parametrize(
    ("status", "expected"), [("PendingManualApproval", "skip"), ("Rejected", "skip"), ("Approved", "run")]
)
def test_package_of_an_earlier_run_has_its_registry_status(house, manual, status, expected):
    first = plan(manual, house.trigger(), house.recorded())
    state = with_status(house.recorded(house.results_of(first)), status)
    later = plan(manual, house.trigger("code:house-price:2"), state)
    assert (later.stage("register").action, later.stage("deploy").action) == ("reuse", expected)


def test_version_that_is_registered_as_rejected_asks_no_person(house):
    rejected = house.changed("stages.register.approval", "rejected")
    planned = plan(rejected, house.trigger(), house.recorded())
    assert action(planned) == (
        "skip",
        "is not served: register registers it as rejected; stages.register.approval: manual asks a person",
    )
    state = with_status(house.recorded(house.results_of(planned)), "Rejected")
    later = plan(rejected, house.trigger("code:house-price:2"), state)
    assert action(later) == ("skip", "version 1 is not served: it is rejected")


def test_automatic_approval_does_not_wait(house):
    assert plan(house.changed(), house.trigger(), house.recorded()).stage("deploy").action == "run"


def test_stages_after_a_waiting_stage_wait_too(house):
    document = house.changed("stages.register.approval", "manual")
    after = {"kind": "processing", "code": "evaluate.py", "after": ["deploy"], "outputs": ["seen"]}
    stages = {**document.model_dump(mode="json", exclude_unset=True)["stages"], "smoke": after}
    planned = plan(house.changed("stages", stages), house.trigger(), house.recorded())
    assert action(planned, "smoke") == ("skip", "waits for deploy")
