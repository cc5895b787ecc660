"""Channels with settings, the built-in XGBoost, and external data that a stage names with settings."""

from __future__ import annotations

import pytest
from tests.support import documents
from tests.support.house_price import DOCUMENT

from stagewright.document.load import load
from stagewright.errors import DocumentError, PlanError
from stagewright.planner.planner import plan

XGBOOST = {
    "kind": "training",
    "image": "xgboost-1.7",
    "hyperparameters": {"num_round": 50, "objective": "reg:squarederror"},
    "channels": {
        "train": {"uri": "${stages.prepare.outputs.train}", "content_type": "text/csv"},
        "validation": {
            "uri": "s3://${bucket}/fixed/validation/",
            "distribution": "sharded",
            "mode": "fast_file",
        },
    },
}
VALIDATION = "s3://bucket/fixed/validation/"


@pytest.fixture
def trained(house):
    """The plan of `train` with these fields instead of its own."""

    def planned(external=None, **fields):
        document = house.changed("stages.train", {**XGBOOST, **fields})
        data = {**house.recorded().external, VALIDATION: "v1", **(external or {})}
        return plan(document, house.trigger(), house.recorded(external=data)).stage("train")

    return planned


def test_built_in_xgboost_gets_its_hyperparameters_as_texts_and_no_script(trained):
    job = trained().requests["CreateTrainingJob"]
    assert job["HyperParameters"] == {"num_round": "50", "objective": "reg:squarederror"}
    assert "sagemaker-xgboost:1.7-1" in job["AlgorithmSpecification"]["TrainingImage"]
    assert "MetricDefinitions" not in job["AlgorithmSpecification"]


def test_channel_has_its_content_type_distribution_and_mode(trained):
    train, validation = trained().requests["CreateTrainingJob"]["InputDataConfig"]
    assert train["ContentType"] == "text/csv"
    assert train["DataSource"]["S3DataSource"]["S3Uri"].endswith("/prepare/train/")
    assert "InputMode" not in train
    assert validation["InputMode"] == "FastFile"
    assert validation["DataSource"]["S3DataSource"] == {
        "S3DataType": "S3Prefix",
        "S3Uri": VALIDATION,
        "S3DataDistributionType": "ShardedByS3Key",
    }


def test_data_of_a_channel_with_settings_is_an_input_of_the_result(trained):
    assert trained().inputs[f"external.{VALIDATION}"] == "v1"
    assert trained(external={VALIDATION: "v2"}).fingerprint != trained().fingerprint


def test_missing_data_of_a_channel_with_settings_is_found(trained):
    with pytest.raises(PlanError) as caught:
        trained(external={VALIDATION: ""})
    assert "stages.train.channels.validation: nothing at s3://bucket/fixed/validation/" in str(caught.value)


def test_missing_data_of_an_input_with_a_path_is_found(house):
    uri = "s3://bucket/fixed/rows/"
    rows = {"uri": uri, "path": "/opt/ml/processing/rows"}
    document = house.changed("stages.prepare.inputs", {"rows": rows})
    with pytest.raises(PlanError) as caught:
        plan(document, house.trigger(), house.recorded())
    assert f"stages.prepare.inputs.rows: nothing at {uri}" in str(caught.value)


def test_metrics_of_the_algorithm_can_be_required(house):
    require = "${stages.train.metrics.validation:rmse} < 3"
    document = load(documents.changed(DOCUMENT, {"stages.train": XGBOOST, "stages.quality.require": require}))
    data = {**house.recorded().external, VALIDATION: "v1"}
    gate = plan(document, house.trigger(), house.recorded(external=data)).stage("quality")
    assert gate.bindings[0].path == ("train", "metrics", "validation:rmse")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"image": "sklearn-1.4"}, "no entry_point, but sklearn-1.4 needs one"),
        ({"metrics": {"rmse": "rmse:(.*)"}}, "the built-in XGBoost has its own metrics"),
        ({"channels": {"train": {"content_type": "text/csv"}}}, "channels.train.uri"),
    ],
)
def test_wrong_training_without_a_script_is_rejected(trained, fields, message):
    with pytest.raises(DocumentError) as caught:
        trained(**fields)
    assert any(message in str(problem) for problem in caught.value.problems)
