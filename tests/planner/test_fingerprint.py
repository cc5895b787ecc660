from __future__ import annotations

import pytest

from stagewright.planner.fingerprint import digest, explain, inputs
from stagewright.planner.release import CodeFile, Release

RELEASE = Release("p", {"a.py": CodeFile("1" * 64), "b.py": CodeFile("2" * 64)})


def made(request=None, operation="CreateTrainingJob", files=("a.py",)):
    return inputs({operation: request or {}}, files, RELEASE, {"s3://b/k/": "d"}, {"prepare": "f"})


def test_inputs_of_a_fingerprint():
    request = {
        "TrainingJobName": "x",
        "RoleArn": "r",
        "Tags": [{"Key": "k", "Value": "v"}],
        "AlgorithmSpecification": {"TrainingImage": "r/i:1", "TrainingInputMode": "File"},
        "HyperParameters": {"n": "300", "Image": "x", "Tags": "y"},
        "Environment": {"RoleArn": "e"},
        "InputDataConfig": [{"ChannelName": "train", "CompressionType": "None"}],
        "ResourceConfig": {"InstanceCount": 2, "Sizes": [1, 2]},
    }
    assert made(request) == {
        "code.a.py": "1" * 64,
        "image": "r/i:1",
        "request.CreateTrainingJob.AlgorithmSpecification.TrainingInputMode": "File",
        "hyperparameters.n": "300",
        "hyperparameters.Image": "x",
        "hyperparameters.Tags": "y",
        "environment.RoleArn": "e",
        "request.CreateTrainingJob.InputDataConfig.train.CompressionType": "None",
        "request.CreateTrainingJob.ResourceConfig.InstanceCount": "2",
        "request.CreateTrainingJob.ResourceConfig.Sizes.0": "1",
        "request.CreateTrainingJob.ResourceConfig.Sizes.1": "2",
        "external.s3://b/k/": "d",
        "upstream.prepare": "f",
    }


def test_order_of_inputs_does_not_change_the_digest():
    assert digest({"a": "1", "b": "2"}) == digest({"b": "2", "a": "1"}) != digest({"a": "1"})


def test_digest_separates_keys_and_values():
    assert digest({"a": "1b2"}) != digest({"a": "1", "b": "2"})


@pytest.mark.parametrize(
    ("old", "new", "running", "expected"),
    [
        ({}, {}, None, ""),
        ({"code.x.py": "1"}, {"code.x.py": "2"}, None, "code x.py changed"),
        ({}, {"code.lib/x.py": "2"}, None, "code lib/x.py added"),
        ({"code.x.py": "1"}, {}, None, "code x.py removed"),
        ({"image": "acc/repo:1"}, {"image": "acc/repo:2"}, None, "image repo:1 -> repo:2"),
        ({"hyperparameters.n": "1"}, {"hyperparameters.n": "2"}, None, "hyperparameters.n 1 -> 2"),
        ({}, {"environment.A": "2"}, None, "environment.A is new (2)"),
        ({"environment.A": "2"}, {}, None, "environment.A 2 is gone"),
        ({"request.CreateX.A.0": "1"}, {"request.CreateX.A.0": "2"}, None, "CreateX.A.0 1 -> 2"),
        (
            {"request.Gate.0": "0.7", "request.Gate.1": ">="},
            {
                "request.Gate.0": "0.9",
                "request.Gate.1": ">=",
                "request.Gate.2": "0.7",
                "request.Gate.3": ">=",
            },
            None,
            "require 0.7 -> 0.9, require has more conditions",
        ),
        ({"request.Gate.1": "and"}, {}, None, "require has fewer conditions"),
        ({"external.s3://b/k": "1"}, {"external.s3://b/k": "2"}, None, "s3://b/k changed"),
        ({"upstream.a": "1"}, {"upstream.a": "2"}, None, "a runs again"),
        ({"upstream.a": "1"}, {"upstream.a": "2"}, {"a"}, "a runs again"),
        ({"upstream.a": "1"}, {"upstream.a": "2"}, {"b"}, "another result of a"),
        ({"upstream.a": "1"}, {}, None, "no longer after a"),
        ({}, {"upstream.a": "1"}, None, "now after a"),
        (
            {
                "upstream.u": "1",
                "hyperparameters.b": "1",
                "hyperparameters.a": "1",
                "code.x": "1",
                "image": "1",
            },
            {
                "upstream.u": "2",
                "hyperparameters.b": "2",
                "hyperparameters.a": "2",
                "code.x": "2",
                "image": "2",
            },
            None,
            "code x changed, image 1 -> 2, hyperparameters.a 1 -> 2 and 2 more",
        ),
        ({"environment.A": "x" * 50}, {"environment.A": "y"}, None, f"environment.A {'x' * 37}... -> y"),
    ],
)
def test_explain_names_the_differences(old, new, running, expected):
    assert explain(old, new, running) == expected


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("CreateProcessingJob.AppSpecification.ContainerArguments.1", "arguments"),
        ("CreateProcessingJob.ProcessingInputs.sales.S3Input.S3Uri", "inputs.sales"),
        ("CreateTrainingJob.InputDataConfig.train.DataSource.S3DataSource.S3Uri", "channels.train"),
        ("CreateTrainingJob.AlgorithmSpecification.MetricDefinitions.rmse.Regex", "metrics.rmse"),
        ("CreateTrainingJob.ResourceConfig.InstanceType", "instance_type"),
        ("CreateTrainingJob.StoppingCondition.MaxRuntimeInSeconds", "max_runtime_seconds"),
        ("Gate.0", "require"),
        ("CreateModelPackage.ModelApprovalStatus", "approval"),
        ("CreateEndpointConfig.ProductionVariants.AllTraffic.InitialInstanceCount", "instance_count"),
        ("CreateTrainingJob.EnableNetworkIsolation", "CreateTrainingJob.EnableNetworkIsolation"),
    ],
)
def test_difference_has_the_documents_field_name(path, field):
    assert explain({f"request.{path}": "1"}, {f"request.{path}": "2"}) == f"{field} 1 -> 2"


def test_field_in_two_requests_is_reported_once():
    named = [f"request.{operation}.EndpointName" for operation in ("CreateEndpoint", "UpdateEndpoint")]
    assert explain(dict.fromkeys(named, "a"), dict.fromkeys(named, "b")) == "name a -> b"
