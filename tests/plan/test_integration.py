from __future__ import annotations

import pytest

from stagewright.plan import contract, integration


def test_a_field_that_the_integration_does_not_take():
    (problem,) = integration.check("CreateTrainingJob", {"TrainingJobName": "a", "RetryStrategy": {}})
    assert problem.path == "CreateTrainingJob.RetryStrategy"
    assert problem.message == "Step Functions' createTrainingJob integration does not take RetryStrategy"
    assert "EnableManagedSpotTraining" in problem.remedy


@pytest.mark.parametrize("operation", integration.DOCUMENTED)
def test_every_field_on_the_lists_is_one_of_aws(operation):
    taken = integration.DOCUMENTED[operation] | integration.SHOWN.get(operation, {}).keys()
    assert taken <= contract.members(operation).keys()
    assert integration.check(operation, dict.fromkeys(taken)) == ()


def test_operations_called_through_the_sdk_take_everything():
    assert integration.check("CreateModelPackage", {"Anything": 1}) == ()
