from __future__ import annotations

import pytest

from stagewright.catalog import request_contract, step_functions_fields


def test_unsupported_integration_field_is_rejected():
    (problem,) = step_functions_fields.check(
        "CreateTrainingJob", {"TrainingJobName": "a", "RetryStrategy": {}}
    )
    assert problem.path == "CreateTrainingJob.RetryStrategy"
    assert problem.message == "Step Functions' createTrainingJob integration does not accept RetryStrategy"
    assert "EnableManagedSpotTraining" in problem.remedy


@pytest.mark.parametrize("operation", step_functions_fields.DOCUMENTED)
def test_every_listed_field_exists_in_the_api(operation):
    taken = (
        step_functions_fields.DOCUMENTED[operation] | step_functions_fields.SHOWN.get(operation, {}).keys()
    )
    assert taken <= request_contract.members(operation).keys()
    assert step_functions_fields.check(operation, dict.fromkeys(taken)) == ()


def test_sdk_operations_accept_every_field():
    assert step_functions_fields.check("CreateModelPackage", {"Anything": 1}) == ()
