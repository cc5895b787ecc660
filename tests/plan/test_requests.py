from __future__ import annotations

import json
from pathlib import Path

import pytest

from stagewright.plan.contract import check
from stagewright.plan.planner import plan
from stagewright.plan.requests import merged

GOLDEN = Path(__file__).with_name("house_price_requests.json")


@pytest.fixture
def requests(house):
    """Requests of one stage after a change of the document."""

    def made(stage, path="", value=None):
        planned = plan(house.changed(path, value), house.trigger(), house.recorded(external=Everything()))
        return planned.stage(stage).requests

    return made


class Everything(dict):
    """Digests of all there might be."""

    def get(self, uri, default=None):
        return f"digest of {uri}"

    def __missing__(self, uri):
        return self.get(uri)


def test_the_house_price_requests(house):
    planned = plan(house.changed(), house.trigger(), house.recorded())
    assert {stage.name: stage.requests for stage in planned.stages} == json.loads(GOLDEN.read_text())


def test_script_mode_encodes_every_hyperparameter_as_json(requests):
    values = {"n": 3, "rate": 0.1, "on": True, "name": "ümlaut", "quoted": 'a"b', "path": "s3://${bucket}/x"}
    made = requests("train", "stages.train.hyperparameters", values)["CreateTrainingJob"]["HyperParameters"]
    own = {name: made[name] for name in values}
    assert own == {
        "n": "3",
        "rate": "0.1",
        "on": "true",
        "name": '"ümlaut"',
        "quoted": '"a\\"b"',
        "path": '"s3://bucket/x"',
    }
    assert json.loads(made["sagemaker_submit_directory"]).endswith("/source.tar.gz")
    assert json.loads(made["sagemaker_program"]) == "train.py"


def test_a_container_of_ones_own_gets_plain_texts(requests, house):
    image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/mine:1"
    stage = {"kind": "training", "image": image, "hyperparameters": {"a": "text", "b": 1, "c": False}}
    job = requests("train", "stages.train", stage)["CreateTrainingJob"]
    assert job["HyperParameters"] == {"a": "text", "b": "1", "c": "false"}
    assert job["AlgorithmSpecification"] == {"TrainingImage": image, "TrainingInputMode": "File"}
    assert "InputDataConfig" not in job


@pytest.mark.parametrize(
    ("script", "command"),
    [
        ("lib/clean.py", ["python3", "/opt/ml/processing/input/code/lib/clean.py"]),
        ("run.sh", ["/bin/bash", "/opt/ml/processing/input/code/run.sh"]),
    ],
)
def test_processing_commands(house, script, command):
    document = house.changed("stages.prepare.code", script)
    code = house.release(run_sh="true")
    made = plan(document, house.trigger(), house.recorded(code=code)).stage("prepare")
    assert made.requests["CreateProcessingJob"]["AppSpecification"]["ContainerEntrypoint"] == command
    assert script in made.bundle


def test_processing_with_a_command_has_no_code(requests):
    stage = {"kind": "processing", "entrypoint": ["run", "it"], "outputs": ["train", "test"]}
    job = requests("prepare", "stages.prepare", stage)["CreateProcessingJob"]
    assert job["AppSpecification"]["ContainerEntrypoint"] == ["run", "it"]
    assert "ProcessingInputs" not in job


def test_environment_of_the_stage_wins(requests):
    assert requests("train")["CreateTrainingJob"]["Environment"] == {"LOG": "info"}
    assert requests("prepare")["CreateProcessingJob"]["Environment"] == {"LOG": "debug"}


def test_an_endpoint_of_an_artefact(requests, house):
    stage = {
        "kind": "endpoint",
        "model": "${stages.train.model}",
        "entry_point": "train.py",
        "name": "mine",
        "environment": {"A": "1"},
    }
    made = requests("deploy", "stages.deploy", stage)
    container = made["CreateModel"]["PrimaryContainer"]
    assert container["ModelDataUrl"] == "<<train.model>>"
    assert container["Environment"]["SAGEMAKER_PROGRAM"] == "train.py"
    assert container["Environment"]["A"] == "1"
    assert made["UpdateEndpoint"] == {
        "EndpointName": "mine",
        "EndpointConfigName": made["CreateModel"]["ModelName"],
    }


def test_a_model_is_served_with_the_image_it_was_trained_with(requests):
    made = requests("register", "stages.train.image", "sklearn-1.2")
    (container,) = made["CreateModelPackage"]["InferenceSpecification"]["Containers"]
    assert container["Image"].endswith(":1.2-1-cpu-py3")


@pytest.mark.parametrize(("approval", "status"), [("approved", "Approved"), ("rejected", "Rejected")])
def test_approval(requests, approval, status):
    made = requests("register", "stages.register.approval", approval)
    assert made["CreateModelPackage"]["ModelApprovalStatus"] == status


def test_request_is_merged_last(requests):
    changes = {
        "EnableManagedSpotTraining": True,
        "ResourceConfig": {"VolumeSizeInGB": 99},
        "CheckpointConfig": {"S3Uri": "s3://${bucket}/checkpoints/"},
    }
    job = requests("train", "stages.train.request", changes)["CreateTrainingJob"]
    assert job["ResourceConfig"] == {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 99}
    assert job["CheckpointConfig"] == {"S3Uri": "s3://bucket/checkpoints/"}
    assert check("CreateTrainingJob", job) == ()


def test_request_by_operation(requests):
    made = requests("deploy", "stages.deploy.request", {"CreateEndpointConfig": {"KmsKeyId": "key"}})
    assert made["CreateEndpointConfig"]["KmsKeyId"] == "key"
    assert "KmsKeyId" not in made["CreateModel"]
    made = requests(
        "register", "stages.register.request", {"CreateModelPackageGroup": {"ModelPackageGroupName": "g"}}
    )
    assert made["CreateModelPackageGroup"]["ModelPackageGroupName"] == "g"


@pytest.mark.parametrize(
    ("base", "changes", "expected"),
    [
        ({"a": 1}, {}, {"a": 1}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}, {"a": {"b": 3, "c": 2}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": {"b": 1}}, {"a": 2, "d": {"e": 1}}, {"a": 2, "d": {"e": 1}}),
    ],
)
def test_merged(base, changes, expected):
    assert merged(base, changes) == expected
