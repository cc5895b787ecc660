"""SageMaker Pipelines on this machine, with the unmodified SageMaker Python SDK 2."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def answers(drive, sdk2_python):
    return drive(sdk2_python, "pipelines2.py")


def test_upsert_keeps_the_definition(answer):
    kept = answer("upsert")
    assert kept["same"]
    assert kept["definition"]
    assert kept["listed"] == ["LinesPipeline"]
    assert kept["described"] == {
        "PipelineName": "LinesPipeline", "PipelineDescription": "again", "PipelineStatus": "Active",
    }  # fmt: skip


def test_started_execution_trains_evaluates_and_registers(answer, bucket):
    run = answer("start")
    assert run["status"] == "Succeeded"
    steps = ("LinesProcess", "LinesTrain", "LinesEval", "LinesMse", "LinesRegister-RegisterModel")
    assert run["steps"] == dict.fromkeys(steps, "Succeeded")
    made = run["made"]
    assert made["LinesTrain"]["TrainingJob"]["Arn"].rpartition(":")[2].startswith("training-job/")
    assert made["LinesProcess"].keys() == {"ProcessingJob"}
    assert made["LinesMse"] == {"Condition": {"Outcome": "True"}}
    assert ":model-package/" in made["LinesRegister-RegisterModel"]["RegisterModel"]["Arn"]
    assert run["model"] == "train.py"
    assert b'"mse"' in bucket.read(run["metrics"])
    assert run["executions"] == 1


def test_parameters_of_an_execution_reach_its_condition(answer):
    run = answer("start_with_parameters")
    assert run["status"] == "Failed"
    assert "mse" in run["reason"]
    assert run["parameters"] == [{"Name": "MseThreshold", "Value": "0.5"}]
    assert run["steps"]["LinesEval"] == "Succeeded"
    assert "LinesRegister-RegisterModel" not in run["steps"]


def test_unknown_parameter_is_refused(answer):
    assert "ValidationException" in answer("refused")["message"]
    assert "the definition has no such parameter" in answer("refused")["message"]


def test_deleted_pipeline_is_not_listed(answer):
    assert answer("delete")["listed"] == []
