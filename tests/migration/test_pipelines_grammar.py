"""What each form of a definition of SageMaker Pipelines becomes."""

from __future__ import annotations

import copy
import random
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.migration.test_definitions import NAMES, converted, definition, read_back

from stagewright.errors import StagewrightError
from stagewright.migration.pipelines.conditions import required
from stagewright.migration.pipelines.definition import Definition, Step
from stagewright.migration.pipelines.expressions import Expressions

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
LIMIT = {"Get": "Parameters.Limit"}
PARAMETER = {"Name": "Limit", "Type": "Float", "DefaultValue": 0.5}


def processing(name: str = "Prepare", **more: Any) -> dict[str, Any]:
    arguments = {
        "ProcessingResources": {"ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1}},
        "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ["python3", "-c", "print()"]},
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": "out",
                    "S3Output": {"S3Uri": "s3://b/out", "LocalPath": "/opt/ml/processing/out"},
                }
            ]
        },
    }
    return {"Name": name, "Type": "Processing", "Arguments": arguments, **more}


def stages_of(*steps: dict[str, Any]) -> dict[str, Any]:
    data = {"Version": "2020-12-01", "Parameters": [PARAMETER], "Steps": list(steps)}
    stages: dict[str, Any] = converted(data).document["stages"]
    return stages


def unconverted(*steps: dict[str, Any]) -> dict[str, str]:
    data = {"Version": "2020-12-01", "Parameters": [PARAMETER], "Steps": list(steps)}
    return {note.path: note.reason for note in converted(data).unconverted}


OUT = "${stages.prepare.outputs.out}"
GETS = {
    "Parameters.Limit": "${parameters.Limit}",
    "Execution.PipelineExecutionId": "${run.id}",
    "Execution.PipelineName": "${pipeline}",
    "Execution.StartDateTime": "${trigger.time}",
    "Steps.Prepare.ProcessingOutputConfig.Outputs['out'].S3Output.S3Uri": OUT,
    "Steps.Prepare.ProcessingOutputConfig.Outputs[0].S3Output.S3Uri": OUT,
    "Steps.Prepare.ProcessingJobName": "${stages.prepare.job}",
}


@pytest.mark.parametrize(("name", "reference"), GETS.items())
def test_get_is_a_reference(name: str, reference: str) -> None:
    second = processing("Use")
    second["Arguments"]["Environment"] = {"VALUE": {"Get": name}}
    assert stages_of(processing(), second)["use"]["environment"] == {"VALUE": reference}


@pytest.mark.parametrize(
    "name",
    [
        "Execution.PipelineArn",
        "Parameters.Nothing",
        "Steps.Prepare.CreationTime",
        "Steps.Nobody.ModelName",
        "x",
    ],
)
def test_get_without_counterpart_is_listed_with_its_location(name: str) -> None:
    second = processing("Use")
    second["Arguments"]["Environment"] = {"VALUE": {"Get": name}}
    assert list(unconverted(processing(), second)) == ["Steps.Use.Arguments.Environment.VALUE"]
    assert stages_of(processing(), second)["use"]["kind"] == "approval"


def test_unknown_expression_and_unknown_key_are_listed() -> None:
    second = processing("Use", Surprise=1)
    second["Arguments"]["Environment"] = {"VALUE": {"Std:Upper": "x"}}
    assert set(unconverted(processing(), second)) == {
        "Steps.Use.Arguments.Environment.VALUE",
        "Steps.Use.Surprise",
    }


def test_join_with_a_literal_that_looks_like_a_reference_is_escaped() -> None:
    second = processing("Use")
    values = ["${HOME}", {"Get": "Parameters.Limit"}]
    second["Arguments"]["Environment"] = {"VALUE": {"Std:Join": {"On": "/", "Values": values}}}
    assert stages_of(processing(), second)["use"]["environment"]["VALUE"] == "$${HOME}/${parameters.Limit}"


CONDITIONS: list[tuple[dict[str, Any], str]] = [
    (
        {"Type": "Equals", "LeftValue": "a", "RightValue": {"Get": "Parameters.Limit"}},
        '"a" == ${parameters.Limit}',
    ),
    ({"Type": "Not", "Condition": {"Type": "LessThan", "LeftValue": 1, "RightValue": 2}}, "not (1 < 2)"),
    ({"Type": "In", "QueryValue": 1, "Values": [1, 2]}, "(1 == 1) or (1 == 2)"),
    (
        {"Type": "Or", "Conditions": [{"Type": "GreaterThan", "LeftValue": 1.5, "RightValue": True}] * 2},
        '(1.5 > "true") or (1.5 > "true")',
    ),
]


@pytest.mark.parametrize(("condition", "text"), CONDITIONS)
def test_condition_is_a_requirement(condition: dict[str, Any], text: str) -> None:
    expressions = Expressions(Definition("x", {"Limit": PARAMETER}, {}), {})
    assert required(expressions, [condition], "Conditions") == text
    assert not expressions.problems


@pytest.mark.parametrize(
    ("step", "field", "value"),
    [
        ({"CacheConfig": {"Enabled": True, "ExpireAfter": "P30D"}}, "cache", {"max_age": "30d"}),
        ({"CacheConfig": {"Enabled": True, "ExpireAfter": "p1dT12h"}}, "cache", {"max_age": "36h"}),
        ({"CacheConfig": {"Enabled": False}}, "cache", False),
        (
            {"RetryPolicies": [{"ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR"], "MaxAttempts": 3,
                                "IntervalSeconds": 5}]},
            "retry", {"attempts": 4, "wait": "5s"},
        ),
        ({"Description": "why"}, "description", "why"),
    ],
)  # fmt: skip
def test_settings_of_a_step(step: dict[str, Any], field: str, value: Any) -> None:
    assert stages_of(processing(**step))["prepare"][field] == value


def test_depends_on_is_after_and_a_failure_handler_is_listed() -> None:
    stages = stages_of(processing(), processing("Use", DependsOn=["Prepare"]))
    assert stages["use"]["after"] == ["prepare"]
    failed = processing("Use", DependsOn=[{"Step": "Prepare", "Trigger": "Failed"}])
    assert list(unconverted(processing(), failed)) == ["Steps.Use.DependsOn"]


@pytest.mark.parametrize("kind", ["QualityCheck", "ClarifyCheck", "EMR", "AutoML", "Bedrock"])
def test_step_without_counterpart_waits_for_a_person(kind: str) -> None:
    step = {"Name": "Check", "Type": kind, "Arguments": {}, "DependsOn": ["Prepare"]}
    after = processing("Use", DependsOn=["Check"])
    stages = stages_of(processing(), step, after)
    assert (stages["check"]["kind"], stages["check"]["after"]) == ("approval", ["prepare"])
    assert stages["use"]["after"] == ["check"]
    assert kind in unconverted(processing(), step, after)["Steps.Check"]


def test_remote_function_is_refused_by_name() -> None:
    bootstrap = "/opt/ml/input/data/sagemaker_remote_function_bootstrap/job_driver.sh"
    step = {
        "Name": "Remote", "Type": "Training",
        "Arguments": {"AlgorithmSpecification": {"ContainerEntrypoint": ["/bin/bash", bootstrap]}},
    }  # fmt: skip
    assert "@step" in unconverted(processing(), step)["Steps.Remote"]


def test_steps_of_a_condition_that_fails_by_its_if_steps_are_behind_the_opposite() -> None:
    condition = {
        "Name": "TooHigh", "Type": "Condition",
        "Arguments": {
            "Conditions": [{"Type": "GreaterThan", "LeftValue": LIMIT, "RightValue": 1}],
            "IfSteps": [{"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": "too high"}}],
            "ElseSteps": [processing("Use")],
        },
    }  # fmt: skip
    stages = stages_of(processing(), condition)
    gate = stages["too-high"]
    assert (gate["require"], gate["else"]) == ("not (${parameters.Limit} > 1)", "fail")
    assert gate["description"] == "too high"
    assert stages["use"]["after"] == ["too-high"]


def test_callback_waits_for_its_token_and_its_outputs_are_answers() -> None:
    step = {
        "Name": "Label", "Type": "Callback", "SqsQueueUrl": "https://sqs.us-east-1.amazonaws.com/1/labels",
        "Arguments": {"images": {"Get": next(name for name, value in GETS.items() if value == OUT)}},
        "OutputParameters": [
            {"OutputName": "place", "OutputType": "String"}, {"OutputName": "count", "OutputType": "Integer"},
        ],
    }  # fmt: skip
    after = processing("Use")
    names = ("place", "count")
    gets = {name: {"Get": f"Steps.Label.OutputParameters['{name}']"} for name in names}
    after["Arguments"]["Environment"] = gets
    stages = stages_of(processing(), step, after)
    assert stages["label"] == {
        "kind": "callback", "queue": step["SqsQueueUrl"], "payload": {"images": OUT},
    }  # fmt: skip
    assert stages["use"]["environment"] == {
        "place": "${stages.label.answer.place}", "count": "${stages.label.metrics.count}",
    }  # fmt: skip


def test_names_are_short_and_unique() -> None:
    names = [
        "CustomerChurnRegisterModelOfTheNewestVersion-RegisterModel",
        "CustomerChurn1",
        "CustomerChurn_1",
    ]
    stages = stages_of(*map(processing, names))
    assert len(stages) == 3
    assert all(len(name) <= 32 for name in stages)


def mutated(value: Any, choose: random.Random) -> Any:
    """The value with one part of it replaced."""
    if choose.random() < 0.15 or not isinstance(value, dict | list) or not value:
        return choose.choice([None, 1, "", "x", [], {}, True, {"Get": "Steps.X.Y"}, [{}], -1.5])
    if isinstance(value, list):
        index = choose.randrange(len(value))
        return [*value[:index], mutated(value[index], choose), *value[index + 1 :]]
    key = choose.choice(list(value))
    if choose.random() < 0.2:
        return {name: item for name, item in value.items() if name != key}
    return {**value, key: mutated(value[key], choose)}


@pytest.mark.parametrize("name", NAMES)
def test_damaged_definition_ends_in_a_document_or_a_list_of_problems(tmp_path: Path, name: str) -> None:
    choose = random.Random(name)
    original = definition(name)
    for number in range(60):
        data = mutated(copy.deepcopy(original), choose)
        with suppress(StagewrightError):
            result = converted(data if isinstance(data, dict) else {})
            read_back(result, tmp_path / str(number))


def test_step_has_the_arguments_of_its_data() -> None:
    assert Step("a", "Fail", {}, "Steps.a").arguments == {}
