"""Settings that an installation gives every job: in each request, narrowed by documents, never widened."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stagewright.errors import PlanError, TargetError
from stagewright.planner.planner import plan
from stagewright.stages.base.job_settings import FIELDS, JobSettings, definitions, value_at

KEY, OUTPUT_KEY = (f"arn:aws:kms:eu-west-1:123456789012:key/{number}" for number in (1, 2))
VPC = {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1", "subnet-2"]}
SETTINGS = JobSettings(
    subnets=("subnet-1", "subnet-2"),
    security_groups=("sg-1",),
    encrypt_traffic=True,
    kms_volume_key=KEY,
    kms_output_key=OUTPUT_KEY,
    instance_types=("ml.m5.*", "ml.g5.xlarge"),
    tags={"cost-center": "prices"},
)
TUNE = {
    "kind": "tuning",
    "entry_point": "train.py",
    "ranges": {"depth": {"type": "integer", "min": 1, "max": 5}},
    "metrics": {"mae": "MAE: ([0-9.]+)"},
    "objective": {"metric": "mae", "goal": "minimize"},
    "max_jobs": 4,
}
SCORE = {"kind": "transform", "model": "${stages.train.model}", "input": "s3://${bucket}/raw/sales/"}
CAPTURE = {"percent": 50}


@pytest.fixture
def planned(house):
    def make(changes=None, settings=SETTINGS, trigger=None, results=None, with_requirements=False):
        recorded = replace(house.recorded(results), jobs=settings)
        if not with_requirements:
            files = {
                path: file for path, file in recorded.release.files.items() if path != "requirements.txt"
            }
            recorded = replace(recorded, release=replace(recorded.release, files=files))
        document = house.changed()
        if changes:
            document = house.load(house.documents.changed(house.DOCUMENT, changes))
        return plan(document, trigger or house.trigger(), recorded)

    return make


@pytest.fixture
def problems(planned):
    def make(changes, settings=SETTINGS):
        with pytest.raises(PlanError) as failed:
            planned(changes, settings)
        return [str(problem) for problem in failed.value.problems]

    return make


EVERY = {"stages.tune": TUNE, "stages.score": SCORE, "stages.deploy.capture": CAPTURE}


def test_every_request_has_the_settings_that_aws_has_a_field_for(planned):
    seen = set()
    for stage in planned(EVERY).stages:
        for operation, request in stage.requests.items():
            for _, part in definitions(operation, request):
                for setting, path in FIELDS.get(operation, {}).items():
                    wanted = VPC if setting == "vpc" else getattr(SETTINGS, setting)
                    assert (value_at(part, path) or False) == wanted, (operation, path)
                    seen.add((operation, setting))
            if "Tags" in request:
                assert {"Key": "cost-center", "Value": "prices"} in request["Tags"], operation
    assert seen == {(operation, setting) for operation, fields in FIELDS.items() for setting in fields}


def test_job_without_outputs_still_names_their_key(planned):
    check = {"kind": "processing", "code": "prepare.py"}
    request = planned({"stages.check": check}).stage("check").requests["CreateProcessingJob"]
    assert request["ProcessingOutputConfig"] == {"Outputs": [], "KmsKeyId": OUTPUT_KEY}


def test_instance_with_local_storage_gets_no_volume_key(planned):
    request = planned({"stages.train.instance_type": "ml.g5.xlarge"}).stage("train").requests
    assert "VolumeKmsKeyId" not in request["CreateTrainingJob"]["ResourceConfig"]


def test_isolated_training_gets_its_script_by_a_channel(planned):
    isolated = {"stages.train.network_isolation": True}
    request = planned(isolated).stage("train").requests["CreateTrainingJob"]
    code = next(channel for channel in request["InputDataConfig"] if channel["ChannelName"] == "code")
    assert code["DataSource"]["S3DataSource"]["S3Uri"].endswith("/source.tar.gz")
    assert (
        request["HyperParameters"]["sagemaker_submit_directory"] == '"/opt/ml/input/data/code/source.tar.gz"'
    )
    assert request["EnableNetworkIsolation"] is True


def test_document_and_stage_narrow_the_settings(planned):
    changes = {
        "defaults.subnets": ["subnet-2"],
        "defaults.network_isolation": True,
        "stages.train.subnets": ["subnet-1"],
        "stages.register.enabled": False,
        "stages.deploy.enabled": False,
    }
    stages = planned(changes)
    prepare = stages.stage("prepare").requests["CreateProcessingJob"]["NetworkConfig"]
    train = stages.stage("train").requests["CreateTrainingJob"]
    assert prepare["VpcConfig"] == {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-2"]}
    assert train["VpcConfig"]["Subnets"] == ["subnet-1"]
    assert prepare["EnableNetworkIsolation"] is train["EnableNetworkIsolation"] is True


ISOLATED = replace(SETTINGS, network_isolation=True)
WIDENED = [
    (
        {"defaults.subnets": ["subnet-1", "subnet-9"]},
        "defaults.subnets: subnet-9 is not of this installation",
    ),
    ({"stages.train.security_groups": ["sg-9"]}, "stages.train.security_groups: sg-9 is not of this"),
    ({"defaults.subnets": []}, "defaults.subnets: this installation requires a VPC"),
    ({"stages.prepare.encrypt_traffic": False}, "stages.prepare.encrypt_traffic: this installation requires"),
    ({"defaults.kms_volume_key": OUTPUT_KEY}, f"defaults.kms_volume_key: this installation requires {KEY}"),
    ({"stages.train.kms_output_key": ""}, "stages.train.kms_output_key: this installation requires"),
    ({"defaults.tags": {"cost-center": "mine"}}, "defaults.tags.cost-center: the installation sets the tag"),
    ({"stages.train.instance_type": "ml.p3.2xlarge"}, "CreateTrainingJob.ResourceConfig.InstanceType: ml.p3"),
]
RAW = [
    ("train", {"VpcConfig": {"Subnets": ["subnet-9"]}}, "CreateTrainingJob.VpcConfig.Subnets: subnet-9"),
    ("train", {"VpcConfig": None}, "CreateTrainingJob.VpcConfig.Subnets: this installation requires a VPC"),
    ("train", {"OutputDataConfig": {"KmsKeyId": KEY}}, "CreateTrainingJob.OutputDataConfig.KmsKeyId: this"),
    ("train", {"ResourceConfig": {"VolumeKmsKeyId": ""}}, "CreateTrainingJob.ResourceConfig.VolumeKmsKeyId"),
    (
        "train",
        {"ResourceConfig": {"InstanceType": "ml.c5.large"}},
        "ResourceConfig.InstanceType: ml.c5.large",
    ),
    ("prepare", {"NetworkConfig": {"EnableInterContainerTrafficEncryption": False}}, "not false"),
    ("prepare", {"ProcessingOutputConfig": {"KmsKeyId": "mine"}}, "ProcessingOutputConfig.KmsKeyId: this"),
    ("deploy", {"CreateModel": {"VpcConfig": None}}, "CreateModel.VpcConfig.Subnets: this installation"),
    ("deploy", {"CreateEndpointConfig": {"KmsKeyId": "mine"}}, "CreateEndpointConfig.KmsKeyId: this"),
    (
        "tune",
        {"TrainingJobDefinition": {"VpcConfig": {"Subnets": ["subnet-9"]}}},
        "TrainingJobDefinition.VpcConfig.Subnets: subnet-9",
    ),
    (
        "tune",
        {"TrainingJobDefinitions": [{"RoleArn": "r", "ResourceConfig": {"InstanceType": "ml.m5.large"}}]},
        "TrainingJobDefinitions[0].VpcConfig.Subnets: this installation requires a VPC",
    ),
    (
        "tune",
        {"TrainingJobDefinition": {"HyperParameterTuningResourceConfig": {"InstanceType": "ml.m5.large"}}},
        "HyperParameterTuningResourceConfig.VolumeKmsKeyId: this installation requires",
    ),
]


@pytest.mark.parametrize(("changes", "message"), WIDENED, ids=[case[1][:40] for case in WIDENED])
def test_document_cannot_widen_the_settings(problems, changes, message):
    assert any(message in problem for problem in problems(changes)), problems(changes)


@pytest.mark.parametrize(("stage", "request_", "message"), RAW)
def test_request_cannot_step_around_the_settings(problems, stage, request_, message):
    changes = {f"stages.{stage}.request": request_} | ({"stages.tune": TUNE} if stage == "tune" else {})
    changes = {"stages.tune": TUNE | {"request": request_}} if stage == "tune" else changes
    reported = problems(changes)
    assert any(problem.startswith(f"stages.{stage}: ") and message in problem for problem in reported), (
        reported
    )


def test_stage_cannot_switch_isolation_off(problems):
    reported = problems({"stages.train.network_isolation": False}, ISOLATED)
    assert any("stages.train.network_isolation: this installation requires true" in each for each in reported)
    reported = problems({"stages.train.request": {"EnableNetworkIsolation": False}}, ISOLATED)
    assert any(
        "CreateTrainingJob.EnableNetworkIsolation: this installation requires" in each for each in reported
    )


def test_isolated_serving_container_cannot_download_its_script(problems):
    reported = problems({"stages.register.entry_point": "train.py"}, ISOLATED)
    assert any(each.startswith("stages.register.entry_point: the serving container") for each in reported)


def test_isolated_training_cannot_install_requirements(planned):
    with pytest.raises(PlanError, match=r"stages\.train: requirements\.txt cannot be installed"):
        planned({"stages.train.network_isolation": True}, with_requirements=True)


def test_isolation_by_a_request_leaves_the_script_out_of_reach(planned):
    with pytest.raises(PlanError, match=r"stages\.train\.request: .* cannot download its script"):
        planned({"stages.train.request": {"EnableNetworkIsolation": True}})


def test_training_on_several_instances_cannot_encrypt_their_traffic(planned, problems):
    assert planned({"stages.train.encrypt_traffic": True}, JobSettings())
    (reported,) = problems({"stages.train.instance_count": 2})
    assert reported.startswith("stages.train.instance_count: Step Functions cannot encrypt the traffic")


def test_vpc_needs_that_of_the_installation(problems):
    for changes in (
        {"defaults.subnets": ["subnet-1"]},
        {"stages.train.request": {"VpcConfig": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}}},
    ):
        assert "set job_subnet_ids and job_security_group_ids" in problems(changes, JobSettings())[0]


def test_changed_settings_run_no_job_again(house, planned):
    first = planned(settings=JobSettings())
    again = planned(trigger=house.trigger("manual:2"), results=house.results_of(first))
    assert {stage.name for stage in again.stages if stage.action == "run"} <= {"deploy"}
    isolated = {"stages.train.network_isolation": True, "stages.train.spot": True}
    again = planned(isolated, trigger=house.trigger("manual:3"), results=house.results_of(first))
    assert again.stage("train").action == "reuse"


def test_settings_are_read_from_the_environment_variable():
    text = '{"subnets": ["subnet-1"], "security_groups": ["sg-1"], "tags": {"team": "a"}}'
    settings = JobSettings.from_json(text)
    assert (settings.subnets, settings.tags) == (("subnet-1",), {"team": "a"})
    assert JobSettings.from_json("") == JobSettings.from_json("{}") == JobSettings()
    for wrong in ("{", "[]", '{"subnet": []}', "3"):
        with pytest.raises(TargetError, match="STAGEWRIGHT_JOBS is not valid"):
            JobSettings.from_json(wrong)
