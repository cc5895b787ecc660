from __future__ import annotations

import pytest

from stagewright.catalog import request_contract, step_functions_fields


def test_a_field_that_the_integration_does_not_take():
    (problem,) = step_functions_fields.check(
        "CreateTrainingJob", {"TrainingJobName": "a", "RetryStrategy": {}}
    )
    assert problem.path == "CreateTrainingJob.RetryStrategy"
    assert problem.message == "Step Functions' createTrainingJob integration does not accept RetryStrategy"
    assert "EnableManagedSpotTraining" in problem.remedy


@pytest.mark.parametrize("operation", step_functions_fields.DOCUMENTED)
def test_every_field_on_the_lists_is_one_of_aws(operation):
    taken = (
        step_functions_fields.DOCUMENTED[operation] | step_functions_fields.SHOWN.get(operation, {}).keys()
    )
    assert taken <= request_contract.members(operation).keys()
    assert step_functions_fields.check(operation, dict.fromkeys(taken)) == ()


def test_operations_called_through_the_sdk_take_everything():
    assert step_functions_fields.check("CreateModelPackage", {"Anything": 1}) == ()
