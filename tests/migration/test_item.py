"""An item that is wrong: everything is told at once, and each switch for what it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stagewright.errors import DocumentError
from stagewright.migration.sample.document import convert
from stagewright.migration.sample.item import Item
from stagewright.migration.sample.scripts import Scripts

TRAINING = {"image_url": "own/image:1", "instance_type": "ml.m5.large"}
ITEM: dict[str, Any] = {"name": "prices", "training_job": "Y", "training": TRAINING}
BROKEN: dict[str, Any] = {
    "name": "prices",
    "training_job": "yes",
    "create_model": "Y",
    "preprocessing": {
        "job_type": "sagemaker-processing",
        "container_entrypoint": ["/bin/bash", "/opt/ml/processing/input/code/run.sh"],
        "container_argument": "--x",
        "image_url": ["own/image:1"],
    },
    "training": {
        **TRAINING,
        "hyperparameters": {
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": "s3://b/source.tar.gz",
        },
        "metricdefinitions": {"Name": "MAE"},
    },
    "tuning": "none",
    "endpoint_para": ["x"],
}


def refused(item: dict[str, Any]) -> dict[str, str]:
    """Place -> what is told of it."""
    with pytest.raises(DocumentError) as raised:
        convert(Item(item), Scripts({}))
    problems = raised.value.problems
    assert len({problem.path for problem in problems}) == len(problems)
    return {problem.path: problem.message for problem in problems}


def notes(item: dict[str, Any]) -> dict[str, str]:
    return {note.path: str(note) for note in convert(Item(item), Scripts({})).notes}


def test_every_problem_of_an_item_is_reported_together() -> None:
    assert refused(BROKEN) == {
        "training_job": "must be Y or N, not 'yes', which the sample reads as N",
        "create_model": "is Y, but the item has no model_para",
        "preprocessing.container_entrypoint": "it runs run.sh, which the scripts do not have",
        "preprocessing.container_argument": 'must be a list, not "--x"',
        "preprocessing.image_url": 'must be text, not ["own/image:1"]',
        "training.hyperparameters.sagemaker_program": "no train.py in s3://b/source.tar.gz",
        "training.metricdefinitions": "must be a list, not a mapping",
        "tuning": 'must be a map, not "none"',
        "endpoint_para": "must be a map, not a list",
    }


def test_missing_name_hides_no_other_problem() -> None:
    item = {name: value for name, value in BROKEN.items() if name != "name"}
    assert refused(item) == refused(BROKEN) | {"name": "the item has no name"}


@pytest.mark.parametrize(
    ("switch", "section"),
    [
        ("tuning_job", "tuning"),
        ("create_model", "model_para"),
        ("transform_job", "transform_para"),
        ("create_endpoint", "endpoint_para"),
        ("create_endpoint_config", "endpoint_para"),
    ],
)
def test_switch_without_its_section_is_reported(switch: str, section: str) -> None:
    assert refused(ITEM | {switch: "Y"}) == {switch: f"is Y, but the item has no {section}"}
    told = notes(ITEM | {switch: "N"})[switch]
    assert told == f"{switch}: N, and the item has no {section}, so there is no stage (add {section})"


def test_tuning_without_ranges_is_reported() -> None:
    item = ITEM | {"tuning": {"instance_type": "ml.m5.large"}}
    assert refused(item | {"tuning_job": "Y"}) == {"tuning.parameterranges": "no range, but tuning_job is Y"}
    assert "there is no stage tuning" in notes(item | {"tuning_job": "N"})["tuning.parameterranges"]


def test_invalid_dynamodb_number_is_reported(tmp_path: Path) -> None:
    file = tmp_path / "item.json"
    file.write_text(json.dumps({"name": {"S": "m"}, "instance_count": {"N": "abc"}}))
    with pytest.raises(DocumentError, match="not DynamoDB JSON: a value of type N is not a number"):
        Item.read(file)
