"""Training job requests built from a definition, and rejected definitions."""

from __future__ import annotations

import pytest

from sagemaker_local.api import protocol
from sagemaker_local.api.protocol import ApiError
from sagemaker_local.tuning.tuning_definition import definitions

OBJECTIVE = {"Type": "Minimize", "MetricName": "loss"}
RANGES = {"CategoricalParameterRanges": [{"Name": "rate", "Values": ["1", "2"]}]}
GIVEN = {
    "AlgorithmSpecification": {
        "TrainingImage": "image",
        "TrainingInputMode": "File",
        "MetricDefinitions": [{"Name": "loss", "Regex": "loss: (.*)"}],
    },
    "StaticHyperParameters": {"epochs": "3"},
    "RoleArn": "arn:aws:iam::000000000000:role/r",
    "OutputDataConfig": {"S3OutputPath": "s3://bucket/models"},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    "EnableManagedSpotTraining": True,
    "RetryStrategy": {"MaximumRetryAttempts": 2},
    "Environment": {"A": "b"},
}
OWN = {"HyperParameterRanges": RANGES, "TuningObjective": OBJECTIVE}


def request(given, **more):
    config = {"HyperParameterTuningJobObjective": OBJECTIVE, "ParameterRanges": RANGES}
    return {"HyperParameterTuningJobConfig": config, "TrainingJobDefinition": given, **more}


def several(*given):
    return {"HyperParameterTuningJobConfig": {}, "TrainingJobDefinitions": list(given)}


def test_definition_becomes_a_create_training_job_request():
    instances = {
        "HyperParameterTuningResourceConfig": {
            "AllocationStrategy": "Prioritized",
            "InstanceConfigs": [
                {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
                {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 5},
            ],
        }
    }
    (definition,) = definitions(request({**GIVEN, **instances}))
    made = definition.training_job("job", {"rate": "2"}, [{"Key": "a", "Value": "b"}])
    assert protocol.parse("CreateTrainingJob", made) == made
    assert made["HyperParameters"] == {"epochs": "3", "rate": "2", "_tuning_objective_metric": "loss"}
    assert made["ResourceConfig"] == instances["HyperParameterTuningResourceConfig"]["InstanceConfigs"][0]
    for member in ("EnableManagedSpotTraining", "RetryStrategy", "Environment", "StoppingCondition"):
        assert made[member] == GIVEN[member]
    assert definition.expression == "loss: (.*)"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (several({**GIVEN, "HyperParameterRanges": RANGES}), "An objective metric must be given"),
        (several({**GIVEN, "TuningObjective": OBJECTIVE}), "At least one hyperparameter range"),
        (
            several(
                {**GIVEN, **OWN, "DefinitionName": "a"},
                {
                    **GIVEN,
                    **OWN,
                    "DefinitionName": "b",
                    "TuningObjective": {"Type": "Maximize", "MetricName": "loss"},
                },
            ),
            "TrainingJobDefinitions with objectives of different types",
        ),
    ],
)
def test_invalid_tuning_jobs_are_rejected(asked, message):
    with pytest.raises(ApiError, match=message) as caught:
        definitions(asked)
    assert caught.value.code == "ValidationException"
