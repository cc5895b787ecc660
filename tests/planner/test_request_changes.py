"""`request:` may add and change fields. What it may not drop or change is refused where the user wrote it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stagewright.errors import PlanError
from stagewright.planner.planner import plan
from stagewright.stages.base.job_settings import NO_SETTINGS, JobSettings

SCORE = {"kind": "transform", "model": "${stages.train.model}", "input": "s3://${bucket}/raw/sales/"}
TUNE = {
    "kind": "tuning",
    "entry_point": "train.py",
    "ranges": {
        "depth": {"type": "integer", "min": 1, "max": 5},
        "rate": {"type": "categorical", "values": [1]},
    },
    "metrics": {"mae": "MAE: ([0-9.]+)"},
    "objective": {"metric": "mae", "goal": "minimize"},
    "max_jobs": 4,
}
GLUE = {"kind": "glue", "type": "pythonshell", "code": "prepare.py", "include": ["train.py"]}
ALARMED = {"alarms": {"errors": {"metric": "Invocation5XXErrors", "threshold": 1}}}
STAGES = {"score": SCORE, "tune": TUNE, "load": GLUE}
PACKAGE = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/other/1"


class Everything(dict):
    def get(self, uri, default=None):
        return "digest"

    def __missing__(self, uri):
        return "digest"


@pytest.fixture
def planned(house):
    """The requests of a stage with this `request`."""

    def make(stage, request, jobs=NO_SETTINGS, **fields):
        document = house.DOCUMENT["stages"]
        changed = {**STAGES.get(stage, document.get(stage)), **fields, "request": request}
        recorded = replace(house.recorded(external=Everything()), jobs=jobs)
        loaded = house.load(house.documents.changed(house.DOCUMENT, {f"stages.{stage}": changed}))
        return plan(loaded, house.trigger(), recorded).stage(stage).requests

    return make


@pytest.fixture
def refused(planned):
    def make(stage, request, **more):
        with pytest.raises(PlanError) as raised:
            planned(stage, request, **more)
        return [str(problem) for problem in raised.value.problems]

    return make


CHANNELS = [{"ChannelName": "other", "DataSource": {"S3DataSource": {"S3Uri": "s3://b/x"}}}]
CODE = {"S3Uri": "s3://b/mine/", "LocalPath": "/opt/ml/processing/input/code"}
DROPPED = [
    (
        "train",
        {"Tags": []},
        "train.request.Tags: lacks stagewright:stage, which the stage adds (leave Tags out",
    ),
    (
        "train",
        {"Tags": [{"Key": "team", "Value": "a"}]},
        "train.request.Tags: lacks stagewright:installation",
    ),
    (
        "prepare",
        {"Tags": [{"Key": "team", "Value": "a"}]},
        "prepare.request.Tags: lacks stagewright:pipeline",
    ),
    ("score", {"CreateModel": {"Tags": []}}, "score.request.CreateModel.Tags: lacks stagewright:run"),
    ("score", {"Tags": []}, "score.request.Tags: lacks stagewright:run"),
    ("tune", {"Tags": []}, "tune.request.Tags: lacks stagewright:run"),
    ("deploy", {"CreateEndpoint": {"Tags": []}}, "deploy.request.CreateEndpoint.Tags: lacks stagewright:pip"),
    ("deploy", {"CreateEndpointConfig": {"Tags": []}}, "CreateEndpointConfig.Tags: lacks stagewright:run"),
    (
        "register",
        {"CreateModelPackageGroup": {"Tags": []}},
        "CreateModelPackageGroup.Tags: lacks stagewright:",
    ),
    (
        "train",
        {"InputDataConfig": CHANNELS},
        "train.request.InputDataConfig: lacks train, which the stage",
    ),
    ("train", {"InputDataConfig": []}, "train.request.InputDataConfig: lacks train"),
    ("train", {"AlgorithmSpecification": {"MetricDefinitions": []}}, "MetricDefinitions: lacks mae"),
    ("prepare", {"ProcessingInputs": []}, "prepare.request.ProcessingInputs: lacks code"),
    ("prepare", {"ProcessingOutputConfig": {"Outputs": []}}, "ProcessingOutputConfig.Outputs: lacks train"),
    (
        "tune",
        {"HyperParameterTuningJobConfig": {"ParameterRanges": {"IntegerParameterRanges": []}}},
        "ParameterRanges.IntegerParameterRanges: lacks depth",
    ),
    (
        "deploy",
        {"CreateEndpointConfig": {"ProductionVariants": [{"VariantName": "blue", "ModelName": "m"}]}},
        "CreateEndpointConfig.ProductionVariants: lacks AllTraffic",
    ),
    (
        "deploy",
        {"CreateEndpointConfig": {"ProductionVariants": [{"VariantName": "AllTraffic"}]}},
        "ProductionVariants.AllTraffic: lacks InstanceType",
    ),
    (
        "deploy",
        {"UpdateEndpoint": {"DeploymentConfig": {"AutoRollbackConfiguration": {"Alarms": []}}}},
        "AutoRollbackConfiguration.Alarms: lacks",
    ),
    (
        "register",
        {"InferenceSpecification": {"Containers": [{"Image": "i", "ModelDataUrl": "s3://b/m.tar.gz"}]}},
        "register.request.InferenceSpecification.Containers.0: lacks Environment",
    ),
    (
        "register",
        {
            "InferenceSpecification": {
                "Containers": [{"Image": "i", "ModelDataUrl": "s3://b/m", "Environment": {"A": "b"}}]
            }
        },
        "Containers.0.Environment: lacks SAGEMAKER_PROGRAM",
    ),
]


@pytest.mark.parametrize(("stage", "request_", "problem"), DROPPED)
def test_request_that_drops_what_the_stage_adds_is_refused(refused, stage, request_, problem):
    fields = {"deploy": ALARMED, "register": {"entry_point": "train.py"}}.get(stage, {})
    found = refused(stage, request_, **fields)
    assert all(line.startswith(f"stages.{stage}.request.") and line.endswith(")") for line in found)
    assert any(problem in line for line in found), found


FIXED = [
    ("train", {"TrainingJobName": "mine"}, "train.request.TrainingJobName: cannot be changed: the run finds"),
    (
        "train",
        {"RoleArn": "arn:aws:iam::123456789012:role/mine"},
        "RoleArn: cannot be changed: the state mach",
    ),
    (
        "train",
        {"HyperParameters": {"sagemaker_program": "x.py"}},
        "HyperParameters.sagemaker_program: cannot",
    ),
    ("prepare", {"ProcessingJobName": "mine"}, "prepare.request.ProcessingJobName: cannot be changed"),
    ("prepare", {"ProcessingInputs": [{"InputName": "code", "S3Input": CODE}]}, "code cannot be changed"),
    (
        "tune",
        {"TrainingJobDefinition": {"RoleArn": "arn:aws:iam::123456789012:role/x"}},
        "Definition.RoleArn",
    ),
    ("tune", {"HyperParameterTuningJobName": "mine"}, "HyperParameterTuningJobName: cannot be changed"),
    ("score", {"TransformJobName": "mine"}, "score.request.TransformJobName: cannot be changed"),
    (
        "score",
        {"CreateModel": {"ModelName": "mine"}},
        "score.request.CreateModel.ModelName: cannot be changed",
    ),
    ("score", {"ModelName": "mine"}, "score.request.ModelName: cannot be changed"),
    ("deploy", {"CreateModel": {"ExecutionRoleArn": "r"}}, "CreateModel.ExecutionRoleArn: cannot be changed"),
    (
        "deploy",
        {"CreateEndpoint": {"EndpointName": "mine"}},
        "CreateEndpoint.EndpointName: cannot be changed",
    ),
    (
        "deploy",
        {"UpdateEndpoint": {"EndpointConfigName": "mine"}},
        "UpdateEndpoint.EndpointConfigName: cannot",
    ),
    ("register", {"ModelPackageGroupName": "mine"}, "register.request.ModelPackageGroupName: cannot"),
    (
        "register",
        {"CreateModelPackageGroup": {"ModelPackageGroupName": "mine"}},
        "CreateModelPackageGroup.ModelPackageGroupName: cannot be changed",
    ),
    (
        "register",
        {"CustomerMetadataProperties": {"stagewright:run": "another"}},
        "CustomerMetadataProperties.stagewright:run: cannot be changed: it records the origin",
    ),
    (
        "load",
        {"Arguments": {"--scriptLocation": "s3://b/x.py"}},
        "Arguments.--scriptLocation: cannot be changed",
    ),
    ("load", {"Arguments": {"--stagewright-job": "x"}}, "Arguments.--stagewright-job: cannot be changed"),
    ("load", {"JobName": "mine"}, "load.request.JobName: cannot be changed"),
]


@pytest.mark.parametrize(("stage", "request_", "problem"), FIXED)
def test_request_cannot_change_what_the_run_depends_on(refused, stage, request_, problem):
    assert any(problem in line for line in refused(stage, request_))


def test_tag_of_the_installation_cannot_get_another_value(planned, refused):
    """IAM denies a create without it, so it would fail on AWS only."""
    tags = planned("train", {})["CreateTrainingJob"]["Tags"]
    mine = [{**tag, "Value": "mine"} if tag["Key"] == "stagewright:installation" else tag for tag in tags]
    (problem,) = [line for line in refused("train", {"Tags": mine}) if ":installation" in line]
    assert "stagewright:installation cannot be changed: it records the origin of the result" in problem


def test_tags_of_the_platform_cannot_be_dropped(planned, refused):
    tags = planned("train", {})["CreateTrainingJob"]["Tags"]
    run = [{**tag, "Value": "${run.id}"} if tag["Key"] == "stagewright:run" else tag for tag in tags]
    jobs = JobSettings(tags={"owner": "prices"})
    (problem,) = refused("train", {"Tags": run}, jobs=jobs)
    assert problem.startswith("stages.train.request.Tags: lacks owner, which the stage adds (leave Tags out")


def test_version_of_a_group_takes_no_tags(refused):
    (problem,) = refused("register", {"Tags": [{"Key": "team", "Value": "a"}]})
    assert "Tags are not supported in Model Package versions. Please add them to the Model Package" in problem


def test_repeated_entries_may_have_more(planned):
    """As `plan --json` shows them, with changes and additions."""
    tags = planned("train", {})["CreateTrainingJob"]["Tags"]
    run = [{**tag, "Value": "${run.id}"} if tag["Key"] == "stagewright:run" else tag for tag in tags]
    made = planned("train", {"Tags": [*run, {"Key": "owner", "Value": "a"}]})["CreateTrainingJob"]
    assert made["Tags"] == [*tags, {"Key": "owner", "Value": "a"}]


def test_instances_may_become_serverless(planned):
    variant = planned("deploy", {})["CreateEndpointConfig"]["ProductionVariants"][0]
    serverless = {name: variant[name] for name in ("VariantName", "InitialVariantWeight")} | {
        "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5},
    }
    request = {"CreateEndpointConfig": {"ProductionVariants": [serverless]}}
    (made,) = planned("deploy", request)["CreateEndpointConfig"]["ProductionVariants"]
    assert made == serverless | {"ModelName": variant["ModelName"]}


def test_only_one_of_two_capture_modes(planned):
    modes = {"DataCaptureConfig": {"CaptureOptions": [{"CaptureMode": "Input"}]}}
    made = planned("deploy", {"CreateEndpointConfig": modes}, capture={"percent": 50})
    assert made["CreateEndpointConfig"]["DataCaptureConfig"]["CaptureOptions"] == [{"CaptureMode": "Input"}]
