"""Requests and decisions of tuning, model and transform stages."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import pytest

from stagewright.catalog.request_contract import check
from stagewright.errors import PlanError
from stagewright.naming import TUNING_NAME_LIMIT, tuning_job_name
from stagewright.planner.model import Binding, GoodResult
from stagewright.planner.planner import plan

IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/mine:1"
TUNE = {
    "kind": "tuning",
    "entry_point": "train.py",
    "channels": {"train": "${stages.prepare.outputs.train}"},
    "hyperparameters": {"trees": "${parameters.trees}", "criterion": "mae"},
    "metrics": {"mae": "MAE: ([0-9.]+)", "r2": "R2: ([0-9.]+)"},
    "objective": {"metric": "mae", "goal": "minimize"},
    "ranges": {
        "depth": {"type": "integer", "min": 2, "max": 8},
        "rate": {"type": "continuous", "min": 0.00001, "max": 1, "scaling": "Logarithmic"},
        "warm": {"type": "categorical", "values": [True, "yes", 0.5]},
    },
    "max_jobs": 5,
}
MODEL = {"kind": "model", "model": "${stages.tune.model}", "entry_point": "train.py"}
SCORE = {"kind": "transform", "model": "${stages.served.name}", "input": "${stages.prepare.outputs.test}"}
TUNING, TRANSFORM = "CreateHyperParameterTuningJob", "CreateTransformJob"


@pytest.fixture
def planned(house):
    """The plan of the document with the three stages, `changes` in them, and recorded results."""

    def make(changes=None, results=None, time="2026-01-31T14:00:00.000Z", key="code:house-price:1"):
        stages = {"tune": TUNE, "served": MODEL, "score": SCORE}
        for name, fields in (changes or {}).items():
            merged = {**stages[name], **fields}
            stages[name] = {field: value for field, value in merged.items() if value is not None}
        document = copy.deepcopy(house.DOCUMENT)
        document["stages"] = {"prepare": document["stages"]["prepare"], **stages}
        trigger = house.trigger(key, time)
        return plan(house.load(document), trigger, house.recorded(results))

    return make


def results_of(made):
    results = {}
    for stage in made.stages:
        extra = {
            "tune": {"model": "s3://bucket/tuned/model.tar.gz", "best": "t-001", "metrics": {"mae": 1}},
            "served": {"name": "served-1"},
        }
        result = {"job": stage.job, "outputs": dict(stage.outputs), **extra.get(stage.name, {})}
        good = GoodResult(made.run, "2026-01-31T15:00:00.000Z", stage.fingerprint, result, stage.inputs)
        results[stage.name] = [good]
    return results


def test_tuning_request(planned):
    stage = planned().stage("tune")
    request = stage.requests[TUNING]
    assert check(TUNING, request) == ()
    assert request["HyperParameterTuningJobName"] == stage.job
    assert request["HyperParameterTuningJobConfig"] == {
        "Strategy": "Bayesian",
        "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "mae"},
        "ResourceLimits": {"MaxNumberOfTrainingJobs": 5, "MaxParallelTrainingJobs": 2},
        "ParameterRanges": {
            "IntegerParameterRanges": [
                {"Name": "depth", "MinValue": "2", "MaxValue": "8", "ScalingType": "Auto"}
            ],
            "ContinuousParameterRanges": [
                {"Name": "rate", "MinValue": "1e-05", "MaxValue": "1.0", "ScalingType": "Logarithmic"}
            ],
            "CategoricalParameterRanges": [{"Name": "warm", "Values": ["true", '"yes"', "0.5"]}],
        },
        "TrainingJobEarlyStoppingType": "Off",
    }
    definition = request["TrainingJobDefinition"]
    fixed = definition["StaticHyperParameters"]
    assert (fixed["trees"], fixed["criterion"]) == ("300", '"mae"')
    assert json.loads(fixed["sagemaker_program"]) == "train.py"
    assert definition["AlgorithmSpecification"]["MetricDefinitions"][0]["Name"] == "mae"
    assert definition["RoleArn"].endswith("role/stagewright-local-sagemaker")
    assert {"Key": "stagewright:installation", "Value": "stagewright-local"} in request["Tags"]
    assert stage.timeout == 3 * (3600 + 600)
    assert stage.bundle == ("requirements.txt", "train.py")


WHOLE = {
    "kind": "training",
    "model": None,
    "input": None,
    "entry_point": "train.py",
    "channels": TUNE["channels"],
    "hyperparameters": {"depth": "${stages.tune.hyperparameters.depth}"},
}


def test_training_takes_values_tuned_in_this_run(planned):
    stage = planned({"score": WHOLE}).stage("score")
    token = "<<tune.hyperparameters.depth>>"
    assert stage.requests["CreateTrainingJob"]["HyperParameters"]["depth"] == f'"{token}"'
    assert Binding(token, ("tune", "hyperparameters", "depth")) in stage.bindings


def test_training_takes_values_of_the_last_good_tuning(planned):
    results = results_of(planned({"score": WHOLE}))
    changes = {"score": {**WHOLE, "volume_size_gb": 40}, "tune": {"enabled": False}}
    with pytest.raises(PlanError, match=r"stages\.score: tune has no hyperparameters\.depth in run"):
        planned(changes, results)
    (good,) = results["tune"]
    results["tune"] = [replace(good, result={**good.result, "hyperparameters": {"depth": "5"}})]
    for searching in ({"enabled": False}, {}):
        made = planned({**changes, "tune": searching}, results)
        assert made.stage("tune").action == "reuse"
        stage = made.stage("score")
        assert (stage.action, stage.reason) == ("run", "score: volume_size_gb 30 -> 40")
        assert stage.requests["CreateTrainingJob"]["HyperParameters"]["depth"] == '"5"'
        assert stage.bindings == ()


def test_custom_tuning_container_gets_plain_values(planned):
    ranges = {"kernel": {"type": "categorical", "values": ["rbf", 1, False]}}
    tune = {"image": IMAGE, "entry_point": None, "ranges": ranges, "strategy": "Grid", "max_jobs": None}
    stage = planned({"tune": tune}).stage("tune")
    request = stage.requests[TUNING]
    config = request["HyperParameterTuningJobConfig"]
    assert config["ParameterRanges"] == {
        "CategoricalParameterRanges": [{"Name": "kernel", "Values": ["rbf", "1", "false"]}]
    }
    assert config["ResourceLimits"] == {"MaxParallelTrainingJobs": 2}
    assert request["TrainingJobDefinition"]["StaticHyperParameters"] == {"trees": "300", "criterion": "mae"}
    assert stage.timeout == 2 * (3600 + 600)


def test_merged_request_limits_set_the_stage_timeout(planned):
    changes = {
        "HyperParameterTuningJobConfig": {"ResourceLimits": {"MaxRuntimeInSeconds": 900}, "RandomSeed": 1},
        "TrainingJobDefinition": {"RetryStrategy": {"MaximumRetryAttempts": 2}},
    }
    stage = planned({"tune": {"request": changes, "max_jobs": 1}}).stage("tune")
    request = stage.requests[TUNING]
    limits = request["HyperParameterTuningJobConfig"]["ResourceLimits"]
    assert limits == {
        "MaxNumberOfTrainingJobs": 1,
        "MaxParallelTrainingJobs": 1,
        "MaxRuntimeInSeconds": 900,
    }
    assert request["TrainingJobDefinition"]["RetryStrategy"] == {"MaximumRetryAttempts": 2}
    assert check(TUNING, request) == ()
    assert stage.timeout == 1500


def test_tuning_timeout_is_within_the_aws_limit(planned):
    days = {"max_jobs": 700, "max_runtime_seconds": 86_400}
    assert planned({"tune": days}).stage("tune").timeout == 30 * 86_400


@pytest.mark.parametrize("stage", ["tune", "a-very-long-name-of-a-stage-here"])
@pytest.mark.parametrize("pipeline", ["p", "house-price", "a-name-of-forty-characters-which-is-long"])
def test_tuning_job_name_is_within_its_limit(pipeline, stage):
    run = f"{pipeline}-20260131t140000-0a1b2c"
    names = {tuning_job_name(run, stage, attempt) for attempt in range(1, 11)}
    names |= {tuning_job_name(run[:-1] + "d", stage), tuning_job_name(run, stage + "x")}
    assert len(names) == 12
    assert all(len(name) <= TUNING_NAME_LIMIT for name in names)
    problems = [each.path for name in names for each in check(TUNING, {"HyperParameterTuningJobName": name})]
    assert not [path for path in problems if path.endswith("TuningJobName")]
    assert all(name.startswith(f"{pipeline}-{stage}"[:15]) for name in names)


def test_model_stage_serves_the_best_job(planned):
    stage = planned().stage("served")
    container = stage.requests["CreateModel"]["PrimaryContainer"]
    assert stage.requests.keys() == {"CreateModel"}
    assert check("CreateModel", stage.requests["CreateModel"]) == ()
    assert container["ModelDataUrl"] == "<<tune.model>>"
    assert container["Environment"]["SAGEMAKER_PROGRAM"] == "train.py"
    assert container["Image"].endswith("sagemaker-scikit-learn:1.4-2-cpu-py3")


def test_transform_of_a_model_stage(planned):
    stage = planned().stage("score")
    assert stage.requests.keys() == {TRANSFORM}
    request = stage.requests[TRANSFORM]
    assert check(TRANSFORM, request) == ()
    predictions = stage.outputs["predictions"]
    assert predictions == f"s3://bucket/runs/house-price/{planned().run}/score/predictions"
    assert {field: value for field, value in request.items() if field != "Tags"} == {
        "TransformJobName": stage.job,
        "ModelName": "<<served.name>>",
        "MaxConcurrentTransforms": 1,
        "MaxPayloadInMB": 6,
        "BatchStrategy": "MultiRecord",
        "TransformInput": {
            "DataSource": {
                "S3DataSource": {
                    "S3DataType": "S3Prefix",
                    "S3Uri": f"s3://bucket/runs/house-price/{planned().run}/prepare/test/",
                }
            },
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        "TransformOutput": {"S3OutputPath": predictions, "AssembleWith": "Line"},
        "TransformResources": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1},
    }
    assert stage.timeout == 3600


def test_transform_of_an_artifact_creates_a_model(planned):
    score = {
        "model": "${stages.tune.model}",
        "entry_point": "train.py",
        "output": "s3://${bucket}/runs/mine/",
        "join": True,
        "input_filter": "$[1:]",
        "environment": {"A": "1"},
    }
    stage = planned({"score": score}).stage("score")
    made, request = stage.requests["CreateModel"], stage.requests[TRANSFORM]
    assert made["ModelName"] == request["ModelName"] == stage.job
    assert made["PrimaryContainer"]["Environment"]["A"] == "1"
    assert request["DataProcessing"] == {"InputFilter": "$[1:]", "JoinSource": "Input"}
    assert request["TransformOutput"] == {
        "S3OutputPath": "s3://bucket/runs/mine/",
        "Accept": "text/csv",
        "AssembleWith": "Line",
    }
    assert stage.outputs == {"predictions": "s3://bucket/runs/mine"}


def test_unsplit_transform_has_no_batch_strategy(planned):
    score = {"split_by": "None", "content_type": "image/png", "model": "mine"}
    request = planned({"score": score}).stage("score").requests[TRANSFORM]
    assert "BatchStrategy" not in request
    assert request["ModelName"] == "mine"
    assert request["TransformOutput"]["AssembleWith"] == "None"


def test_unchanged_stages_are_reused(planned):
    first = planned()
    again = planned(results=results_of(first), key="code:house-price:2")
    assert [stage.action for stage in again.stages] == ["reuse"] * 4


@pytest.mark.parametrize(
    ("stage", "fields", "reason"),
    [
        ("tune", {"max_jobs": 6}, "tune: max_jobs 5 -> 6"),
        ("tune", {"ranges": TUNE["ranges"] | {"depth": {"type": "integer", "min": 3, "max": 8}}},
         "tune: ranges.depth.min 2 -> 3"),
        ("tune", {"ranges": {n: r for n, r in TUNE["ranges"].items() if n != "warm"}},
         "tune: ranges.warm.values true is gone"),
        ("tune", {"strategy": "Random"}, "tune: strategy Bayesian -> Random"),
        ("tune", {"objective": {"metric": "r2"}}, "tune: objective.metric mae -> r2"),
        ("tune", {"early_stopping": True}, "tune: early_stopping Off -> Auto"),
        ("tune", {"hyperparameters": {"trees": 9, "criterion": "mae"}},
         "tune: hyperparameters.trees 300 -> 9"),
        ("tune", {"environment": {"LOG": "x"}}, "tune: environment.LOG debug -> x"),
        ("score", {"content_type": "application/jsonlines"},
         "score: content_type text/csv -> application/jsonlines"),
        ("score", {"max_payload_mb": 7}, "score: max_payload_mb 6 -> 7"),
        ("score", {"input_filter": "$[1:]"}, "score: input_filter is new ($[1:])"),
        ("served", {"environment": {"A": "1"}}, "served: environment.A is new (1)"),
    ],
)  # fmt: skip
def test_reason_has_the_documents_field_name(planned, stage, fields, reason):
    results = results_of(planned())
    again = planned({stage: fields}, results, key="code:house-price:2")
    assert again.stage(stage).action == "run"
    assert again.stage(stage).reason.startswith(reason)


def test_model_is_created_again_when_its_artifact_is_new(planned):
    """A new artifact can have another location. A transform with the same inputs is still reused."""
    results = results_of(planned())
    del results["tune"]
    again = planned(results=results, key="code:house-price:2")
    assert {stage.name: stage.action for stage in again.stages} == {
        "prepare": "reuse",
        "tune": "run",
        "served": "run",
        "score": "reuse",
    }


def test_only_the_newest_predictions_at_a_custom_uri_are_reused(planned):
    own = {"score": {"output": "s3://${bucket}/runs/mine"}}
    first, other = planned(own), planned(own | {"tune": {"max_jobs": 6}}, key="code:house-price:2")
    results = results_of(first)
    results["score"] = [*results_of(other)["score"], *results["score"]]
    assert planned(own, results, key="code:house-price:3").stage("score").action == "run"
    apart = results_of(planned())
    apart["score"] = [*results_of(planned({"tune": {"max_jobs": 6}}))["score"], *apart["score"]]
    assert planned(None, apart, key="code:house-price:3").stage("score").action == "reuse"
