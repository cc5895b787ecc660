from __future__ import annotations

import json
from pathlib import Path

import pytest

from stagewright.catalog.request_contract import check
from stagewright.errors import PlanError
from stagewright.planner.planner import plan
from stagewright.stages.base.request_changes import merged

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


def test_house_price_requests_match_the_golden_file(house):
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


def test_custom_container_gets_plain_texts(requests, house):
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


def test_stage_environment_overrides_defaults(requests):
    assert requests("train")["CreateTrainingJob"]["Environment"] == {"LOG": "info"}
    assert requests("prepare")["CreateProcessingJob"]["Environment"] == {"LOG": "debug"}


def test_endpoint_of_an_artifact_creates_a_model(requests, house):
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


@pytest.fixture
def deployed(requests):
    """Requests of an endpoint stage with these fields, each as AWS takes it."""

    def made(**fields):
        stage = {"kind": "endpoint", "model": "${stages.register.package}", "instance_count": 4, **fields}
        built = requests("deploy", "stages.deploy", stage)
        problems = [check(name, request) for name, request in built.items() if name != "Endpoint"]
        assert problems == [()] * 4
        return built

    return made


@pytest.mark.parametrize(
    ("update", "routing", "bake"),
    [
        ({"type": "canary", "size": 10}, {"WaitIntervalInSeconds": 300, "CanarySize": ("PERCENT", 10)}, 0),
        (
            {"type": "canary", "instances": 2, "wait": "30s", "bake": "1h"},
            {"WaitIntervalInSeconds": 30, "CanarySize": ("COUNT", 2)},
            3600,
        ),
        (
            {"type": "linear", "size": 25},
            {"WaitIntervalInSeconds": 300, "LinearStepSize": ("PERCENT", 25)},
            0,
        ),
        ({"bake": "5m"}, {"WaitIntervalInSeconds": 0}, 300),
    ],
)
def test_update_traffic_policy(deployed, update, routing, bake):
    policy = deployed(update=update)["UpdateEndpoint"]["DeploymentConfig"]["BlueGreenUpdatePolicy"]
    types = {"PERCENT": "CAPACITY_PERCENT", "COUNT": "INSTANCE_COUNT"}
    expected = {
        key: {"Type": types[value[0]], "Value": value[1]} if isinstance(value, tuple) else value
        for key, value in routing.items()
    }
    kind = update.get("type", "all-at-once").upper().replace("-", "_")
    assert policy["TrafficRoutingConfiguration"] == {"Type": kind, **expected}
    assert policy["TerminationWaitInSeconds"] == bake


def test_alarms_are_part_of_a_baking_update(deployed):
    alarms = {
        "errors": {"metric": "Invocation5XXErrors", "threshold": 2},
        "slow": {"metric": "ModelLatency", "threshold": 50_000, "period": "5m", "evaluate": 3},
    }
    made = deployed(alarms=alarms, name="mine")
    first, second = made["Endpoint"]["alarms"]
    assert (first["AlarmName"], first["Statistic"], first["Period"]) == (
        "stagewright-local/mine-errors", "Sum", 60,
    )  # fmt: skip
    assert (second["Statistic"], second["Period"], second["EvaluationPeriods"]) == ("Average", 300, 3)
    config = made["UpdateEndpoint"]["DeploymentConfig"]
    assert config["AutoRollbackConfiguration"] == {
        "Alarms": [{"AlarmName": f"stagewright-local/mine-{name}"} for name in alarms]
    }
    assert config["BlueGreenUpdatePolicy"]["TerminationWaitInSeconds"] == 600


def test_endpoint_steps_of_the_state_machine(deployed):
    test = {"file": "${stages.prepare.outputs.test}/one.csv", "expect": {"contains": "p", "max_latency": 2}}
    made = deployed(smoke_test=test, time_to_live="8h", keep=0)["Endpoint"]
    file = made["smoke_test"].pop("file")
    assert file.startswith("s3://bucket/runs/house-price/")
    assert file.endswith("/prepare/test/one.csv")
    assert made == {
        "keep": 0,
        "time_to_live": 28_800,
        "smoke_test": {
            "content_type": "application/json",
            "accept": "application/json",
            "contains": "p",
            "max_latency": 2.0,
        },
    }


def test_data_capture(deployed):
    own = deployed(capture={"percent": 20})["CreateEndpointConfig"]["DataCaptureConfig"]
    assert (own["InitialSamplingPercentage"], own["DestinationS3Uri"]) == (
        20, "s3://bucket/captured/house-price/deploy",
    )  # fmt: skip
    other = deployed(capture={"destination": "s3://other/${run.id}"})["CreateEndpointConfig"]
    assert other["DataCaptureConfig"]["DestinationS3Uri"].startswith("s3://other/house-price-")


UPDATED = {
    "kind": "endpoint",
    "model": "${stages.register.package}",
    "update": {"type": "canary", "size": 10},
}
CANARY = {
    "BlueGreenUpdatePolicy": {
        "TrafficRoutingConfiguration": {
            "Type": "CANARY",
            "WaitIntervalInSeconds": 0,
            "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 10},
        }
    }
}
ROLLING = {
    "RollingUpdatePolicy": {
        "MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 2},
        "WaitIntervalInSeconds": 0,
    }
}


@pytest.mark.parametrize(("config", "instances"), [(CANARY, 1), (ROLLING, 3)])
def test_raw_update_in_parts_needs_twice_the_instances(requests, config, instances):
    changes = {
        "UpdateEndpoint": {"DeploymentConfig": config},
        "CreateEndpointConfig": {
            "ProductionVariants": [
                {
                    "VariantName": "AllTraffic",
                    "InstanceType": "ml.m5.large",
                    "InitialInstanceCount": instances,
                }
            ]
        },
    }
    with pytest.raises(PlanError, match=rf"stages.deploy.update: a part of \d of {instances} instances"):
        requests("deploy", "stages.deploy.request", changes)
    variant = changes["CreateEndpointConfig"]["ProductionVariants"][0]
    variant["InitialInstanceCount"] = instances + 1
    assert (
        requests("deploy", "stages.deploy.request", changes)["UpdateEndpoint"]["DeploymentConfig"] == config
    )


@pytest.mark.parametrize(("count", "is_planned"), [(500, True), (501, False)])
def test_request_with_more_values_than_a_second_can_fill_in_is_refused(requests, count, is_planned):
    values = {f"V{number}": "<${stages.train.model}" for number in range(count)}
    stage = {"kind": "lambda", "function": "f", "payload": values}
    if is_planned:
        assert len(requests("deploy", "stages.deploy", stage)["Invoke"]["Payload"]) == count
        return
    with pytest.raises(PlanError, match="values that only the run knows are used 501 times, more than 500"):
        requests("deploy", "stages.deploy", stage)


@pytest.mark.parametrize(
    ("condition", "seconds"),
    [
        ({"MaxRuntimeInSeconds": 100}, 700),
        ({"MaxRuntimeInSeconds": 100, "MaxWaitTimeInSeconds": 300}, 900),
        ({"MaxRuntimeInSeconds": 100, "MaxPendingTimeInSeconds": 7200}, 7900),
        (
            {"MaxRuntimeInSeconds": 100, "MaxWaitTimeInSeconds": 300, "MaxPendingTimeInSeconds": 7200},
            8100,
        ),
    ],
)
def test_timeout_of_a_job_includes_the_times_that_it_may_wait(house, condition, seconds):
    spot = "MaxWaitTimeInSeconds" in condition
    request = {"EnableManagedSpotTraining": spot, "StoppingCondition": condition}
    changed = house.changed("stages.train.request", request)
    assert plan(changed, house.trigger(), house.recorded()).stage("train").timeout == seconds


def test_canary_on_one_instance_of_a_parameter_is_refused(house):
    document = house.changed("stages.deploy", {**UPDATED, "instance_count": "${parameters.trees}"})
    one = document.model_copy(update={"parameters": {**document.parameters, "trees": 1}})
    assert plan(document, house.trigger(), house.recorded()).stage("deploy").action == "run"
    with pytest.raises(PlanError, match="a part of 1 of 1 instances is more than half"):
        plan(one, house.trigger(), house.recorded())


def test_endpoint_timeout_includes_deliberate_waits(house):
    update = {"type": "linear", "size": 30, "wait": "10m", "bake": "5m"}
    changed = house.changed("stages.deploy", {**UPDATED, "update": update, "instance_count": 2})
    stage = plan(changed, house.trigger(), house.recorded()).stage("deploy")
    assert stage.timeout == 1800 + 3 * 600 + 300


def test_endpoint_steps_are_not_an_operation(requests):
    with pytest.raises(PlanError, match="put the fields under CreateModel, CreateEndpointConfig, Create"):
        requests("deploy", "stages.deploy.request", {"Endpoint": {"keep": 1}})


def test_model_is_served_with_its_training_image(requests):
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
        "StoppingCondition": {"MaxWaitTimeInSeconds": 7200},
        "ResourceConfig": {"VolumeSizeInGB": 99},
        "CheckpointConfig": {"S3Uri": "s3://${bucket}/runs/checkpoints/"},
    }
    job = requests("train", "stages.train.request", changes)["CreateTrainingJob"]
    assert job["ResourceConfig"] == {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 99}
    assert job["CheckpointConfig"] == {"S3Uri": "s3://bucket/runs/checkpoints/"}
    assert check("CreateTrainingJob", job) == ()


def test_request_by_operation(requests):
    made = requests("deploy", "stages.deploy.request", {"CreateEndpointConfig": {"KmsKeyId": "key"}})
    assert made["CreateEndpointConfig"]["KmsKeyId"] == "key"
    assert "KmsKeyId" not in made["CreateModel"]
    described = {"CreateModelPackageGroup": {"ModelPackageGroupDescription": "Prices"}}
    made = requests("register", "stages.register.request", described)
    assert made["CreateModelPackageGroup"]["ModelPackageGroupDescription"] == "Prices"


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


@pytest.mark.parametrize(
    ("stage", "path", "value", "token"),
    [
        ("evaluate", "stages.evaluate.arguments", ["--model", "<<train.model>>"], "<<train.model>>"),
        ("evaluate", "stages.evaluate.environment", {"A": "x<<<<train.model>>>>"}, "<<train.model>>"),
        ("train", "stages.train.hyperparameters", {"name": "<<attempt>>"}, "<<attempt>>"),
        ("train", "stages.train.hyperparameters", {"<<attempt>>": "1"}, "<<attempt>>"),
        ("train", "defaults.tags", {"team": "<<attempt>>"}, "<<attempt>>"),
        ("train", "stages.train.request", {"OutputDataConfig": {"KmsKeyId": "<<attempt>>"}}, "<<attempt>>"),
        ("deploy", "stages.deploy.environment", {"A": "<<register.package>>"}, "<<register.package>>"),
        (
            "quality",
            "stages.quality.require",
            "${stages.evaluate.metrics.r2} > 0 and 'x' == '<<evaluate.metrics.r2>>'",
            "<<evaluate.metrics.r2>>",
        ),
    ],
)
def test_value_that_looks_like_a_token_of_its_stage_is_refused(requests, stage, path, value, token):
    """The state machine would replace it by a value of the run."""
    with pytest.raises(PlanError) as raised:
        requests(stage, path, value)
    (problem,) = raised.value.problems
    expected = f"a value contains {token}, which the run replaces by a value of its own"
    assert problem.message == expected
    assert problem.remedy == "write the value in another way"


def test_value_that_looks_like_a_token_of_another_stage_is_kept(requests):
    values = {"name": "<<evaluate.metrics.r2>>", "shell": "cat <<EOF >> file"}
    made = requests("train", "stages.train.hyperparameters", values)["CreateTrainingJob"]["HyperParameters"]
    assert {name: json.loads(made[name]) for name in values} == values


def test_value_that_looks_like_a_token_is_checked_as_any_other(requests):
    """Only a real token is known at run time only."""
    key = {"OutputDataConfig": {"KmsKeyId": "<<evaluate.metrics.r2>>"}}
    with pytest.raises(PlanError, match="does not match"):
        requests("train", "stages.train.request", key)
