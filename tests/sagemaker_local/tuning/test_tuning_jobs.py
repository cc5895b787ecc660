"""Tuning jobs whose training jobs run in real processes."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest

from sagemaker_local.api.protocol import ApiError
from sagemaker_local.jobs.kinds import TUNED
from sagemaker_local.service import SageMaker

NOUN = "HyperParameterTuning"
QUADRATIC = """
import argparse, json, os, pathlib
parser = argparse.ArgumentParser()
parser.add_argument('--width', type=float, default=0.0)
parser.add_argument('--kind', default='good')
parser.add_argument('--units', type=int, default=7)
given = parser.parse_args()
loss = (given.width - 0.3) ** 2 + ((given.units - 7) / 20) ** 2 + (0.5 if given.kind == 'bad' else 0)
print(f'loss: {loss:.6f}', flush=True)
model = pathlib.Path(os.environ['SM_MODEL_DIR'])
(model / 'model.json').write_text(json.dumps({'width': given.width, 'loss': loss}))
(model / 'parameters.json').write_text(
    pathlib.Path('/opt/ml/input/config/hyperparameters.json').read_text())
"""
X = {"ContinuousParameterRanges": [{"Name": "width", "MinValue": "-1", "MaxValue": "1"}]}
KINDS = {
    "CategoricalParameterRanges": [
        {"Name": "kind", "Values": ["good", "bad"]},
        {"Name": "units", "Values": ["7", "17"]},
    ]
}
SLEEPS = "import time\nprint('loss: 1', flush=True)\ntime.sleep(600)"


def definition(bench, script=QUADRATIC, **more):
    submit = bench.source("source.tar.gz", train_py=script)
    static = {"sagemaker_program": '"train.py"', "sagemaker_submit_directory": json.dumps(submit)}
    return {
        "AlgorithmSpecification": {
            "TrainingImage": "plain-python",
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "loss", "Regex": "loss: ([-0-9.]+)"}],
        },
        "StaticHyperParameters": static,
        "RoleArn": "arn:aws:iam::000000000000:role/stagewright-local-sagemaker",
        "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        "OutputDataConfig": {"S3OutputPath": bench.uri("models")},
        **more,
    }


def request(bench, name, jobs=2, parallel=2, script=QUADRATIC, ranges=X, **more):
    """`more` is laid over the HyperParameterTuningJobConfig."""
    limits = {"MaxParallelTrainingJobs": parallel} | ({"MaxNumberOfTrainingJobs": jobs} if jobs else {})
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
            "ResourceLimits": limits,
            "ParameterRanges": ranges,
            "RandomSeed": 3,
            **more,
        },
        "TrainingJobDefinition": definition(bench, script),
    }


def tune(bench, name="tune", tags=(), warm_start=None, **more):
    asked = request(bench, name, **more) | ({"Tags": list(tags)} if tags else {})
    if warm_start:
        asked["WarmStartConfig"] = {
            "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": warm_start}],
            "WarmStartType": "IdenticalDataAndAlgorithm",
        }
    return bench.service.call("CreateHyperParameterTuningJob", asked)


def children(bench, name="tune", **more):
    asked = {"HyperParameterTuningJobName": name, "MaxResults": 100, **more}
    return bench.service.call("ListTrainingJobsForHyperParameterTuningJob", asked)["TrainingJobSummaries"]


def objective(child):
    return child["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]


def training(bench, child):
    return bench.describe(child["TrainingJobName"], "Training")


def test_bayesian_comes_closer_than_its_random_start(bench):
    answer = tune(
        bench, Strategy="Bayesian", jobs=10, parallel=1, RandomSeed=1, tags=[{"Key": "team", "Value": "a"}]
    )
    arn = "arn:aws:sagemaker:us-east-1:000000000000:hyper-parameter-tuning-job/tune"
    assert answer == {"HyperParameterTuningJobArn": arn}
    job = bench.ended("tune", NOUN)
    assert job["HyperParameterTuningJobStatus"] == "Completed", children(bench)
    assert job["TrainingJobStatusCounters"] == {
        "Completed": 10,
        "InProgress": 0,
        "RetryableError": 0,
        "NonRetryableError": 0,
        "Stopped": 0,
    }
    assert job["ObjectiveStatusCounters"] == {"Succeeded": 10, "Pending": 0, "Failed": 0}
    assert job["CreationTime"] <= job["LastModifiedTime"] == job["HyperParameterTuningEndTime"]
    found = children(bench)
    assert [re.sub("[0-9a-f]{8}$", "", child["TrainingJobName"]) for child in found] == [
        f"tune-{number:03d}-" for number in range(1, 11)
    ]
    losses = [objective(child) for child in found]
    assert min(losses[5:]) < min(losses[:5])
    best = job["BestTrainingJob"]
    assert objective(best) == min(losses)
    model = json.loads(bench.archive(f"models/{best['TrainingJobName']}/output/model.tar.gz")["model.json"])
    assert model["width"] == float(best["TunedHyperParameters"]["width"])
    assert model["loss"] == pytest.approx(objective(best), abs=1e-5)
    trained = training(bench, best)
    assert trained["TuningJobArn"] == arn
    tags = bench.service.call("ListTags", {"ResourceArn": trained["TrainingJobArn"]})["Tags"]
    assert tags == [{"Key": "team", "Value": "a"}]
    given = json.loads(
        bench.archive(f"models/{best['TrainingJobName']}/output/model.tar.gz")["parameters.json"]
    )
    assert given["width"] == best["TunedHyperParameters"]["width"]
    assert given["_tuning_objective_metric"] == "loss"
    assert given["sagemaker_program"] == '"train.py"'


def test_event_has_the_final_status(bench):
    tune(bench, jobs=2, tags=[{"Key": "team", "Value": "a"}])
    bench.ended("tune", NOUN)
    kind = "SageMaker HyperParameter Tuning Job State Change"
    bench.until(lambda: len([event for event, _ in bench.events if event == kind]) >= 2)
    started, detail = [detail for event, detail in bench.events if event == kind]
    assert started["HyperParameterTuningJobStatus"] == "InProgress"
    assert detail["HyperParameterTuningJobStatus"] == "Completed"
    assert detail["TrainingJobStatusCounters"]["Completed"] == 2
    assert detail["Tags"] == {"team": "a"}
    assert isinstance(detail["HyperParameterTuningEndTime"], int)


def test_grid_trains_every_combination_once(bench):
    tune(bench, Strategy="Grid", jobs=None, parallel=3, ranges=KINDS)
    job = bench.ended("tune", NOUN)
    values = [tuple(child["TunedHyperParameters"].values()) for child in children(bench)]
    assert values == [("good", "7"), ("good", "17"), ("bad", "7"), ("bad", "17")]
    assert job["BestTrainingJob"]["TunedHyperParameters"] == {"kind": "good", "units": "7"}


def test_same_seed_trains_the_same_values(bench):
    for name in ("first", "second"):
        tune(bench, name, jobs=3)
        bench.ended(name, NOUN)
    first, second = (
        [child["TunedHyperParameters"] for child in children(bench, n)] for n in ("first", "second")
    )
    assert first == second


def test_parallel_jobs_are_as_many_as_allowed(bench):
    tune(bench, jobs=5, parallel=2, script=SLEEPS)
    bench.until(lambda: all("loss" in bench.log(c["TrainingJobName"], "training") for c in children(bench)))
    bench.until(lambda: len(children(bench)) == 2)
    assert bench.describe("tune", NOUN)["TrainingJobStatusCounters"]["InProgress"] == 2
    bench.service.call("StopHyperParameterTuningJob", {"HyperParameterTuningJobName": "tune"})
    job = bench.ended("tune", NOUN)
    assert job["HyperParameterTuningJobStatus"] == "Stopped"
    assert [child["TrainingJobStatus"] for child in children(bench)] == ["Stopped", "Stopped"]
    bench.until(lambda: len([e for e, _ in bench.events if "Tuning" in e]) >= 3)
    statuses = [d["HyperParameterTuningJobStatus"] for e, d in bench.events if "Tuning" in e]
    assert statuses == ["InProgress", "Stopping", "Stopped"]
    with pytest.raises(ApiError, match="the hyperparameter tuning job is in status Stopped"):
        bench.service.call("StopHyperParameterTuningJob", {"HyperParameterTuningJobName": "tune"})


def test_reached_target_ends_the_job_and_its_training_jobs(bench):
    script = (
        "import argparse, time\nparser = argparse.ArgumentParser()\n"
        "parser.add_argument('--units', type=int)\n"
        "n = parser.parse_args().units\nprint('loss:', n, flush=True)\ntime.sleep(600 if n > 1 else 0)"
    )
    grid = {"CategoricalParameterRanges": [{"Name": "units", "Values": ["5", "1", "9"]}]}
    criteria = {"TargetObjectiveMetricValue": 2.0}
    tune(bench, Strategy="Grid", jobs=3, script=script, ranges=grid, TuningJobCompletionCriteria=criteria)
    job = bench.ended("tune", NOUN)
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["BestTrainingJob"]["TunedHyperParameters"] == {"units": "1"}
    assert [child["TrainingJobStatus"] for child in children(bench)] == ["Stopped", "Completed"]


def test_early_stopping_stops_jobs_below_the_median(bench):
    script = (
        "import argparse, time\nparser = argparse.ArgumentParser()\n"
        "parser.add_argument('--units', type=int)\n"
        "n = parser.parse_args().units\n"
        "print(*('loss: %d' % (n - epoch) for epoch in range(3)), sep='\\n', flush=True)\n"  # in one piece
        "time.sleep(600 if n > 50 else 0)"
    )
    grid = {"CategoricalParameterRanges": [{"Name": "units", "Values": ["10", "99", "5"]}]}
    tune(
        bench,
        Strategy="Grid",
        jobs=None,
        parallel=1,
        script=script,
        ranges=grid,
        TrainingJobEarlyStoppingType="Auto",
    )
    job = bench.ended("tune", NOUN)
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    found = children(bench)
    assert [child["TrainingJobStatus"] for child in found] == ["Completed", "Stopped", "Completed"]
    assert [objective(child) for child in found] == [8.0, 97.0, 3.0]
    assert job["BestTrainingJob"]["TunedHyperParameters"] == {"units": "5"}
    assert job["TrainingJobStatusCounters"]["Stopped"] == 1


def test_single_failures_are_counted(bench):
    script = QUADRATIC + "\nif given.kind == 'bad': raise ValueError('bad kind')"
    tune(bench, Strategy="Grid", jobs=None, script=script, ranges=KINDS)
    job = bench.ended("tune", NOUN)
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["TrainingJobStatusCounters"]["NonRetryableError"] == 2
    assert job["ObjectiveStatusCounters"] == {"Succeeded": 2, "Pending": 0, "Failed": 2}
    failed = children(bench, StatusEquals="Failed")
    assert {child["TunedHyperParameters"]["kind"] for child in failed} == {"bad"}
    assert all("ValueError: bad kind" in child["FailureReason"] for child in failed)
    assert all("FinalHyperParameterTuningJobObjectiveMetric" not in child for child in failed)


def test_tuning_job_fails_if_its_first_training_jobs_all_fail(bench):
    tune(bench, jobs=20, parallel=5, script="raise ValueError('no')")
    job = bench.ended("tune", NOUN)
    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("No training job succeeded after ")
    assert "BestTrainingJob" not in job
    assert 5 <= job["TrainingJobStatusCounters"]["NonRetryableError"] < 20
    assert job["TrainingJobStatusCounters"]["InProgress"] == 0


def test_tuning_job_without_objective_metrics_fails(bench):
    tune(bench, jobs=2, script="print('nothing')")
    job = bench.ended("tune", NOUN)
    assert job["FailureReason"].startswith("No objective metrics found after running 2 training jobs.")
    assert job["TrainingJobStatusCounters"]["Completed"] == 2
    assert [child["ObjectiveStatus"] for child in children(bench)] == ["Failed", "Failed"]


def test_training_jobs_are_listed_by_their_objective(bench):
    script = QUADRATIC.replace("print(f'loss", "given.units == 17 and given.kind == 'bad' or print(f'loss")
    tune(bench, Strategy="Grid", jobs=None, script=script, ranges=KINDS)
    bench.ended("tune", NOUN)
    best_first = children(bench, SortBy="FinalObjectiveMetricValue")
    assert [objective(child) for child in best_first] == [0.09, 0.34, 0.59]
    worst_first = children(bench, SortBy="FinalObjectiveMetricValue", SortOrder="Descending")
    assert worst_first == best_first[::-1]
    asked = {"HyperParameterTuningJobName": "tune", "MaxResults": 3}
    page = bench.service.call("ListTrainingJobsForHyperParameterTuningJob", asked)
    rest = bench.service.call(
        "ListTrainingJobsForHyperParameterTuningJob", {**asked, "NextToken": page["NextToken"]}
    )
    assert len(page["TrainingJobSummaries"]) == 3
    assert page["TrainingJobSummaries"] + rest["TrainingJobSummaries"] == children(bench)
    assert "NextToken" not in rest


def test_tuning_jobs_are_listed(bench):
    for name in ("one", "two", "other"):
        tune(bench, name, jobs=1)
        job = bench.ended(name, NOUN)
    names = "HyperParameterTuningJobName"

    def listed(**asked):
        answer = bench.service.call("ListHyperParameterTuningJobs", asked)
        return [item[names] for item in answer["HyperParameterTuningJobSummaries"]]

    assert listed() == ["one", "other", "two"]
    assert listed(SortBy="CreationTime", SortOrder="Descending") == ["other", "two", "one"]
    assert listed(NameContains="o", MaxResults=2) == ["one", "other"]
    assert listed(StatusEquals="Failed") == []
    assert listed(CreationTimeAfter=job["CreationTime"] - timedelta(milliseconds=1)) == ["other"]
    (found,) = bench.service.call("ListHyperParameterTuningJobs", {"NameContains": "two"})[
        "HyperParameterTuningJobSummaries"
    ]
    assert found["Strategy"] == "Random"
    assert found["ResourceLimits"] == {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 2}
    assert found["TrainingJobStatusCounters"]["Completed"] == 1


def test_warm_start_uses_the_parents_results(bench):
    tune(bench, "parent", jobs=4, parallel=4)
    best = bench.ended("parent", NOUN)["BestTrainingJob"]
    tune(bench, "child", jobs=1, warm_start="parent", Strategy="Bayesian")
    job = bench.ended("child", NOUN)
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    own = job["BestTrainingJob"]
    assert job["OverallBestTrainingJob"] == min((best, own), key=objective)
    other = {"Type": "Maximize", "MetricName": "loss"}
    with pytest.raises(ApiError, match="the objective metric differ from parent tuning job parent's"):
        tune(bench, "other", warm_start="parent", HyperParameterTuningJobObjective=other)
    with pytest.raises(ApiError) as caught:
        tune(bench, "orphan", warm_start="nobody")
    assert caught.value.code == "ResourceNotFound"


def test_several_definitions_alternate(bench):
    asked = request(bench, "several", jobs=3, parallel=1)
    common = {"TuningObjective": {"Type": "Minimize", "MetricName": "loss"}}
    asked["TrainingJobDefinitions"] = [
        definition(bench, DefinitionName="line", HyperParameterRanges=X, **common),
        definition(bench, DefinitionName="kinds", HyperParameterRanges=KINDS, **common),
    ]
    del asked["TrainingJobDefinition"]
    for member in ("HyperParameterTuningJobObjective", "ParameterRanges"):
        del asked["HyperParameterTuningJobConfig"][member]
    bench.service.call("CreateHyperParameterTuningJob", asked)
    assert bench.ended("several", NOUN)["HyperParameterTuningJobStatus"] == "Completed"
    found = [
        (c["TrainingJobDefinitionName"], sorted(c["TunedHyperParameters"]))
        for c in children(bench, "several")
    ]
    assert found == [("line", ["width"]), ("kinds", ["kind", "units"]), ("line", ["width"])]


def test_duplicate_and_unknown_tuning_job_names_are_rejected(bench):
    tune(bench, jobs=1)
    with pytest.raises(ApiError) as caught:
        tune(bench, jobs=1)
    assert caught.value.code == "ResourceInUse"
    assert caught.value.message == (
        "A hyperparameter tuning job with the name, tune, already exists. Choose a different name."
    )
    bench.ended("tune", NOUN)
    for operation in (
        "DescribeHyperParameterTuningJob",
        "StopHyperParameterTuningJob",
        "ListTrainingJobsForHyperParameterTuningJob",
    ):
        with pytest.raises(ApiError) as caught:
            bench.service.call(operation, {"HyperParameterTuningJobName": "nobody"})
        assert caught.value.code == "ResourceNotFound"
        assert caught.value.message == (
            "Amazon SageMaker can't find a tuning job called nobody. Type another name."
        )


def test_deleted_tuning_job_keeps_its_training_jobs(bench):
    tune(bench, jobs=1)
    asked = {"HyperParameterTuningJobName": "tune"}
    (child,) = bench.until(lambda: children(bench))
    bench.ended("tune", NOUN)
    bench.service.call("DeleteHyperParameterTuningJob", asked)
    with pytest.raises(ApiError, match="can't find a tuning job called tune"):
        bench.service.call("DescribeHyperParameterTuningJob", asked)
    assert training(bench, child)["TrainingJobStatus"] == "Completed"
    tune(bench, jobs=2)
    assert bench.ended("tune", NOUN)["TrainingJobStatusCounters"]["Completed"] == 2


def test_running_tuning_job_cannot_be_deleted(bench):
    tune(bench, jobs=1, script=SLEEPS)
    with pytest.raises(ApiError, match="stop it before you delete it"):
        bench.service.call("DeleteHyperParameterTuningJob", {"HyperParameterTuningJobName": "tune"})


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"Strategy": "Hyperband"}, "not supported by the local SageMaker: .*Strategy=Hyperband"),
        ({"Strategy": "Grid"}, "Strategy Grid takes categorical ranges only; width is not categorical"),
        (
            {"ranges": {**X, "AutoParameters": [{"Name": "y", "ValueHint": "1"}]}},
            "not supported by the local SageMaker: .*AutoParameters",
        ),
        (
            {"HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "rmse"}},
            "A metric is required for this hyperparameter tuning job objective",
        ),
        ({"jobs": None}, "ResourceLimits needs MaxNumberOfTrainingJobs or MaxRuntimeInSeconds"),
        (
            {"TuningJobCompletionCriteria": {"ConvergenceDetected": {"CompleteOnConvergence": "Enabled"}}},
            "not supported by the local SageMaker: .*CompleteOnConvergence=Enabled",
        ),
        (
            {"ranges": {"CategoricalParameterRanges": [{"Name": "sagemaker_program", "Values": ["a.py"]}]}},
            "Hyperparameter sagemaker_program is both static and tuned",
        ),
    ],
)
def test_invalid_tuning_job_configs_are_rejected(bench, config, message):
    with pytest.raises(ApiError, match=message) as caught:
        tune(bench, "rejected", **config)
    assert caught.value.code == "ValidationException"
    assert children_of_nobody(bench)


def test_tuning_job_rejects_what_its_training_jobs_would_reject(bench):
    asked = request(bench, "rejected")
    asked["TrainingJobDefinition"]["InputDataConfig"] = [bench.channel("train", bench.uri("absent/"))]
    with pytest.raises(ApiError, match="absent"):
        bench.service.call("CreateHyperParameterTuningJob", asked)
    assert children_of_nobody(bench)


def children_of_nobody(bench):
    return bench.service.call("ListTrainingJobs", {})["TrainingJobSummaries"] == []


def test_jobs_of_a_stopped_server_are_reported(bench, settings):
    tune(bench, jobs=9, script=SLEEPS)
    bench.until(lambda: len(children(bench)) == 2)
    bench.service.close()
    again = SageMaker(settings, lambda *_: None)
    again.start()
    try:
        job = again.call("DescribeHyperParameterTuningJob", {"HyperParameterTuningJobName": "tune"})
        found = again.call(
            "ListTrainingJobsForHyperParameterTuningJob", {"HyperParameterTuningJobName": "tune"}
        )
    finally:
        again.close()
    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert job["FailureReason"] == "InternalServerError: the local server stopped while the job ran"
    assert job["TrainingJobStatusCounters"]["RetryableError"] == 2
    assert [item["TrainingJobStatus"] for item in found["TrainingJobSummaries"]] == ["Failed", "Failed"]


def test_jobs_of_a_killed_server_are_reported(bench, settings):
    """The records are as kill -9 leaves them: a running tuning job and a training job not yet created."""
    tune(bench, jobs=1)
    bench.ended("tune", NOUN)
    store = bench.service._context.store  # what no caller could do
    job = store.get("hyper-parameter-tuning-job", "tune")
    ended = job.pop("HyperParameterTuningEndTime")
    store.put("hyper-parameter-tuning-job", "tune", job | {"HyperParameterTuningJobStatus": "InProgress"})
    (tuned,) = store.all(TUNED)
    store.put(TUNED, "tune-002-ffffffff", tuned | {"TrainingJobName": "tune-002-ffffffff"})
    again = SageMaker(settings, lambda *_: None)
    again.start()
    try:
        found = again.call("DescribeHyperParameterTuningJob", {"HyperParameterTuningJobName": "tune"})
    finally:
        again.close()
    assert found["HyperParameterTuningJobStatus"] == "Failed"
    assert found["HyperParameterTuningEndTime"].timestamp() >= ended
    assert found["TrainingJobStatusCounters"]["Completed"] == 1
    assert found["BestTrainingJob"]["TrainingJobName"] == tuned["TrainingJobName"]
