"""Folders of the container for the inputs and outputs of processing stages."""

from __future__ import annotations

import pytest

from stagewright.errors import DocumentError
from stagewright.planner.planner import plan

PATHS = {
    "inputs": {"sales": {"uri": "s3://${bucket}/raw/house-price/", "path": "/opt/ml/processing/data",
                         "distribution": "sharded"}},
    "outputs": {"train": {"path": "/opt/ml/processing/train"}},
}  # fmt: skip
PREPARE = {"kind": "processing", "code": "prepare.py", "instance_count": 2}


@pytest.fixture
def prepared(house):
    """The request of the stage `prepare` with these fields."""

    def request(**fields):
        document = house.changed("stages.prepare", {**PREPARE, **fields})
        return plan(document, house.trigger(), house.recorded(external=Everything())).stage("prepare")

    return request


class Everything(dict):
    def get(self, uri, default=None):
        return f"digest of {uri}"

    def __missing__(self, uri):
        return self.get(uri)


def test_inputs_and_outputs_have_the_chosen_paths(prepared):
    outputs = {
        **PATHS["outputs"],
        "test": {"upload": "continuous"},
        "houses": {"path": "/opt/ml/processing/h"},
    }
    stage = prepared(inputs=PATHS["inputs"], outputs=outputs)
    job = stage.requests["CreateProcessingJob"]
    (code, sales) = job["ProcessingInputs"]
    assert code["S3Input"]["LocalPath"] == "/opt/ml/processing/input/code"
    assert sales["S3Input"]["LocalPath"] == "/opt/ml/processing/data"
    assert sales["S3Input"]["S3DataDistributionType"] == "ShardedByS3Key"
    written = {item["OutputName"]: item["S3Output"] for item in job["ProcessingOutputConfig"]["Outputs"]}
    assert written["train"]["LocalPath"] == "/opt/ml/processing/train"
    assert written["test"]["LocalPath"] == "/opt/ml/processing/output/test"
    assert written["test"]["S3UploadMode"] == "Continuous"
    assert stage.outputs["train"].endswith("/prepare/train")


def test_folder_of_an_earlier_output_is_a_prefix(house):
    test = {"uri": "${stages.prepare.outputs.test}", "path": "/opt/ml/processing/t"}
    document = house.changed("stages.evaluate.inputs", {"model": "${stages.train.model}", "test": test})
    planned = plan(document, house.trigger(), house.recorded(external=Everything()))
    inputs = planned.stage("evaluate").requests["CreateProcessingJob"]["ProcessingInputs"]
    (test,) = (item["S3Input"] for item in inputs if item["InputName"] == "test")
    assert (test["LocalPath"], test["S3Uri"][-6:]) == ("/opt/ml/processing/t", "/test/")


def test_input_may_hold_the_folder_of_the_script_and_of_other_inputs(house):
    """AWS's examples have an input at /opt/ml/processing/input, with the script's folder in it."""
    outer = {"uri": "s3://bucket/raw/sales/", "path": "/opt/ml/processing/input"}
    inner = {"uri": "s3://bucket/raw/sales/", "path": "/opt/ml/processing/input/more"}
    document = house.changed("stages.prepare.inputs", {"sales": outer, "more": inner})
    assert document.stages["prepare"].named_inputs["sales"].path == "/opt/ml/processing/input"


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"inputs": {"a": {"uri": "s3://b/k", "path": "/tmp/x"}}}, "inputs.a.path"),
        ({"inputs": {"a": {"path": "/opt/ml/processing/x"}}}, "inputs.a.uri"),
        ({"inputs": {"a": {"uri": "s3://b/k", "paths": "x"}}}, "paths"),
        ({"inputs": {"a": {"uri": "s3://b/k", "path": "/opt/ml/processing/input/code/x"}}}, "of code"),
        (
            {"outputs": {"a": {"path": "/opt/ml/processing/x"}, "b": {"path": "/opt/ml/processing/x/y"}}},
            "/opt/ml/processing/x/y and /opt/ml/processing/x of outputs.a",
        ),
    ],
)
def test_paths_that_cannot_be_are_refused(house, fields, problem):
    with pytest.raises(DocumentError, match="(?s)" + problem.replace(".", r"\.")):
        house.changed("stages.prepare", {**PREPARE, **fields})
