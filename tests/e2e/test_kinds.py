"""Tuning, register, model, and transform stages of a small scikit-learn pipeline on the local target."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support import commands
from tests.support.waiting import until

from stagewright.errors import RunFailedError
from stagewright.local import server as local
from stagewright.local.state import INSTALLATION
from stagewright.operator_gateway import OperatorGateway
from stagewright.runs.history.records import StageRecord
from stagewright.runs.history.run_history import show

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

DOCUMENT = """\
name: plane
parameters: {seconds: 0, broken: 0}
defaults: {image: sklearn-1.4, instance_type: ml.m5.large}
triggers: [{type: code}]
stages:
  prepare: {kind: processing, code: prepare.py, outputs: [train, test]}
  tune:
    kind: tuning
    entry_point: train.py
    channels: {train: "${stages.prepare.outputs.train}"}
    hyperparameters: {seconds: "${parameters.seconds}", broken: "${parameters.broken}"}
    ranges:
      depth: {type: integer, min: 1, max: 6}
      criterion: {type: categorical, values: [squared_error, friedman_mse]}
    metrics: {mae: 'MAE: ([0-9.]+)', leaves: 'leaves: ([0-9]+)', never: 'never: ([0-9]+)'}
    objective: {metric: mae, goal: minimize}
    strategy: Random
    max_jobs: 3
    max_parallel_jobs: 2
  whole:
    kind: training
    entry_point: train.py
    channels: {train: "${stages.prepare.outputs.train}"}
    hyperparameters:
      depth: "${stages.tune.hyperparameters.depth}"
      criterion: "${stages.tune.hyperparameters.criterion}"
      seconds: "${stages.tune.hyperparameters.seconds}"
      broken: "${stages.tune.hyperparameters.broken}"
    metrics: {leaves: 'leaves: ([0-9]+)'}
  found:
    kind: gate
    after: [whole]
    require: "${stages.tune.hyperparameters.criterion} != 'poisson'"
  register: {kind: register, model: "${stages.tune.model}", entry_point: train.py, approval: approved}
  served: {kind: model, model: "${stages.register.package}"}
  score:
    kind: transform
    model: "${stages.served.name}"
    input: "${stages.prepare.outputs.test}"
    input_filter: $[1:]
    join: true
  directly:
    kind: transform
    model: "${stages.tune.model}"
    entry_point: train.py
    input: "${stages.prepare.outputs.test}/rows.csv"
    accept: text/csv
    input_filter: $[1:]
"""
PREPARE = """\
import pathlib
out = pathlib.Path("/opt/ml/processing/output")
rows = [(i, i % 7, i % 5, 3 * (i % 7) - 2 * (i % 5)) for i in range(70)]
(out / "train" / "rows.csv").write_text("".join(f"{a},{b},{y}\\n" for _, a, b, y in rows))
(out / "test" / "rows.csv").write_text("".join(f"id-{i},{a},{b}\\n" for i, a, b, _ in rows[:9]))
"""
TRAIN = """\
import argparse, io, os, pathlib, time

import joblib
import numpy
from sklearn.metrics import mean_absolute_error
from sklearn.tree import DecisionTreeRegressor


def model_fn(folder):
    return joblib.load(pathlib.Path(folder, "tree.joblib"))


def input_fn(body, content_type):
    text = body if isinstance(body, str) else body.decode()
    return numpy.loadtxt(io.StringIO(text), delimiter=",", ndmin=2)


def predict_fn(rows, tree):
    time.sleep(float(os.environ.get("SLEEP", "0")))
    return tree.predict(rows)


def output_fn(answers, accept):
    return "\\n".join(f"{answer:.4f}" for answer in answers), accept


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--depth", type=int)
    parser.add_argument("--criterion")
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--broken", type=int)
    options = parser.parse_args()
    print("depth", options.depth, options.criterion, flush=True)
    time.sleep(options.seconds)
    if options.broken:
        raise ValueError("the tree has fallen")
    rows = numpy.loadtxt(pathlib.Path(os.environ["SM_CHANNEL_TRAIN"], "rows.csv"), delimiter=",")
    tree = DecisionTreeRegressor(max_depth=options.depth, criterion=options.criterion, random_state=0)
    tree.fit(rows[:, :-1], rows[:, -1])
    print(f"leaves: {tree.get_n_leaves()}")
    print(f"MAE: {mean_absolute_error(rows[:, -1], tree.predict(rows[:, :-1])):.6f}")
    joblib.dump(tree, pathlib.Path(os.environ["SM_MODEL_DIR"], "tree.joblib"))
"""


class Place:
    """A folder with the pipeline, and the command line as a user calls it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.state = folder, folder / "state"
        (folder / "code").mkdir(parents=True)
        (folder / "pipeline.yaml").write_text(DOCUMENT)
        (folder / "code" / "prepare.py").write_text(PREPARE)
        (folder / "code" / "train.py").write_text(TRAIN)
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        self.environment = inherited | {"STAGEWRIGHT_STATE": str(self.state)}

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return commands.stagewright(arguments, self.folder, self.environment)

    def json(self, *arguments: str) -> Any:
        done = self(*arguments, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def plan(self) -> dict[str, dict[str, Any]]:
        return {stage["name"]: stage for stage in self.json("plan", ".")["stages"]}

    def write(self, old: str, new: str) -> None:
        text = (self.folder / "pipeline.yaml").read_text()
        assert text.count(old) == 1
        (self.folder / "pipeline.yaml").write_text(text.replace(old, new))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(tmp_path_factory.mktemp("kinds") / "place")
    local.up(place.state)
    yield place
    local.down(place.state)


@pytest.fixture(scope="module")
def gateway(place: Place) -> OperatorGateway:
    server = local.find(place.state)
    assert server is not None
    return OperatorGateway.connect(INSTALLATION, server.url, server.access_key, server.secret_key)


@pytest.fixture(scope="module")
def sagemaker(gateway: OperatorGateway) -> Any:
    return gateway.jobs.client


@pytest.fixture(scope="module")
def ran(place: Place) -> dict[str, dict[str, Any]]:
    """The stages of the first run, which succeeded."""
    record = place.json("run", ".")
    assert record["status"] == "SUCCEEDED"
    return {stage["name"]: stage for stage in record["stages"]}


def training_jobs(sagemaker: Any, tuning_job: str) -> list[dict[str, Any]]:
    answer = sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=tuning_job
    )
    return list(answer["TrainingJobSummaries"])


def read(gateway: OperatorGateway, uri: str) -> bytes:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    client = gateway.session.client("s3", endpoint_url=gateway.endpoint_url)
    return bytes(client.get_object(Bucket=bucket, Key=key)["Body"].read())


def test_tuning_stage_returns_model_of_best_job(ran, sagemaker) -> None:
    result = ran["tune"]["result"]
    jobs = training_jobs(sagemaker, result["job"])
    assert [job["TrainingJobStatus"] for job in jobs] == ["Completed"] * 3
    values = {
        job["TrainingJobName"]: job["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for job in jobs
    }
    assert values[result["best"]] == min(values.values())
    best = sagemaker.describe_training_job(TrainingJobName=result["best"])
    assert result["model"] == best["ModelArtifacts"]["S3ModelArtifacts"]
    assert result["metrics"] == {each["MetricName"]: each["Value"] for each in best["FinalMetricDataList"]}
    assert result["metrics"]["mae"] == values[result["best"]]
    assert ran["tune"]["unmatched_metrics"] == ["never"]
    tuned = {name: best["HyperParameters"][name] for name in ("depth", "criterion")}
    fixed = {"seconds": best["HyperParameters"]["seconds"], "broken": best["HyperParameters"]["broken"]}
    assert result["hyperparameters"] == {**tuned, **fixed, "criterion": json.loads(tuned["criterion"])}
    assert sorted(result["tuned"]) == ["criterion", "depth"]
    assert json.loads(tuned["criterion"]) in ("squared_error", "friedman_mse")


def test_training_stage_receives_tuned_hyperparameters(ran, sagemaker) -> None:
    best = ran["tune"]["result"]["hyperparameters"]
    given = sagemaker.describe_training_job(TrainingJobName=ran["whole"]["result"]["job"])["HyperParameters"]
    assert {name: json.loads(given[name]) for name in best} == best
    assert ran["whole"]["metrics"]["leaves"] == ran["tune"]["metrics"]["leaves"]
    assert ran["found"]["status"] == "SUCCEEDED"


def test_transform_predicts_with_model_of_best_job(ran, gateway, tmp_path) -> None:
    def rows(stage: str, file: str) -> list[list[str]]:
        uri = ran[stage]["result"]["outputs"]["predictions"]
        return list(csv.reader(io.StringIO(read(gateway, f"{uri}/{file}").decode())))

    joined, plain = rows("score", "rows.csv.out"), rows("directly", "rows.csv.out")
    asked = list(
        csv.reader(
            io.StringIO(read(gateway, f"{ran['prepare']['result']['outputs']['test']}/rows.csv").decode())
        )
    )
    assert [row[:3] for row in joined] == asked
    assert [row[3:] for row in joined] == plain
    archive = read(gateway, ran["tune"]["result"]["model"])
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        assert "tree.joblib" in tar.getnames()
    leaves = ran["tune"]["metrics"]["leaves"]
    assert 1 < len({row[0] for row in plain}) <= leaves


def test_model_stage_uses_the_registered_package(ran, sagemaker) -> None:
    model = sagemaker.describe_model(ModelName=ran["served"]["result"]["name"])
    assert model["PrimaryContainer"]["ModelPackageName"] == ran["register"]["result"]["package"]
    scored = sagemaker.describe_transform_job(TransformJobName=ran["score"]["result"]["job"])
    assert scored["ModelName"] == ran["served"]["result"]["name"]
    assert sagemaker.describe_model(ModelName=ran["directly"]["result"]["job"])


def test_show_and_logs_print_results_of_each_kind(ran, place) -> None:
    shown = place("show", "plane").stdout
    result = ran["tune"]["result"]
    assert f"best depth={result['hyperparameters']['depth']}, criterion=" in shown
    assert f"predictions {ran['score']['result']['outputs']['predictions']}" in shown
    assert f"model {ran['served']['result']['name']}" in shown
    html = place("report", "plane", "--output", "-").stdout
    assert f"<code>{ran['score']['result']['outputs']['predictions']}</code>" in html
    lines = place("logs", "plane", "tune").stdout
    for number in ("001", "002", "003"):
        assert f"tune/{number}  depth " in lines
    assert place.json("logs", "plane", "score")["lines"]
    refused = place("logs", "plane", "served")
    assert "served has no log: it is a stage of kind model" in refused.stderr


def test_second_run_reuses_every_stage(ran, place) -> None:
    record = place.json("run", ".")
    assert record["status"] == "SUCCEEDED"
    assert {stage["status"] for stage in record["stages"]} == {"REUSED"}
    assert {stage["name"]: stage["result"] for stage in record["stages"]} == {
        name: stage["result"] for name, stage in ran.items()
    }


def test_deleted_model_is_created_again(ran, place, sagemaker) -> None:
    sagemaker.delete_model(ModelName=ran["served"]["result"]["name"])
    planned = place.plan()
    assert {name for name, stage in planned.items() if stage["action"] == "run"} == {"served"}
    record = place.json("run", ".")
    (made,) = [stage["result"]["name"] for stage in record["stages"] if stage["name"] == "served"]
    assert sagemaker.describe_model(ModelName=made)


def test_changed_tuning_range_reruns_tuning_with_reason(ran, place, sagemaker) -> None:
    place.write("min: 1, max: 6", "min: 2, max: 5")
    record = place.json("run", ".")
    stages = {stage["name"]: stage for stage in record["stages"]}
    assert stages["tune"]["reason"] == "tune: ranges.depth.max 6 -> 5, ranges.depth.min 1 -> 2"
    assert {name for name, stage in stages.items() if stage["status"] == "REUSED"} == {"prepare"}
    tuned = training_jobs(sagemaker, stages["tune"]["result"]["job"])
    assert all(2 <= int(job["TunedHyperParameters"]["depth"]) <= 5 for job in tuned)
    assert stages["score"]["result"]["outputs"] != ran["score"]["result"]["outputs"]


def test_tuning_without_successful_job_fails_with_cause(ran, place, sagemaker) -> None:
    failed = place("run", ".", "-p", "broken=1")
    assert failed.returncode == RunFailedError.exit_code, failed.stdout + failed.stderr
    assert "stage tune: " in failed.stderr
    assert "the tree has fallen" in failed.stderr
    assert "tune/00" not in failed.stdout
    record = place.json("show", "plane")
    stages = {stage["name"]: stage for stage in record["stages"]}
    assert stages["tune"]["status"] == "FAILED"
    assert stages["tune"]["cause"].startswith(("No objective metrics found", "No training job"))
    assert {stages[name]["status"] for name in ("register", "served", "score")} == {"NOT_RUN"}
    assert {job["TrainingJobStatus"] for job in training_jobs(sagemaker, stages["tune"]["job"])} == {"Failed"}


def test_stopped_run_stops_tuning_and_its_training_jobs(ran, place, gateway, sagemaker) -> None:
    started = place.json("run", ".", "-p", "seconds=300", "--no-wait")["run"]

    def at_work() -> StageRecord | None:
        stage = show(gateway, started).stage("tune")
        return stage if "2 in progress" in stage.detail else None

    stage = until(at_work)
    assert stage.status == "RUNNING"
    assert stage.detail == "0 of 3 training jobs completed, 2 in progress"
    stopped = place("stop", started)
    assert stopped.returncode == 0, stopped.stderr
    describe = sagemaker.describe_hyper_parameter_tuning_job
    until(
        lambda: describe(HyperParameterTuningJobName=stage.job)["HyperParameterTuningJobStatus"] == "Stopped"
    )
    assert {job["TrainingJobStatus"] for job in training_jobs(sagemaker, stage.job)} == {"Stopped"}
    until(lambda: show(gateway, started).status == "STOPPED")


def test_failed_and_timed_out_transforms_report_cause(ran, place, sagemaker) -> None:
    """One transform fails because its input keeps the row name. The other is too slow."""
    place.write("    input_filter: $[1:]\n    join: true\n", "    join: true\n")
    place.write("    accept: text/csv\n", "    environment: {SLEEP: '300'}\n    max_runtime_seconds: 4\n")
    failed = place("run", ".")
    assert failed.returncode == RunFailedError.exit_code
    assert "could not convert string" in failed.stderr
    stages = {stage["name"]: stage for stage in place.json("show", "plane")["stages"]}
    assert stages["score"]["cause"].startswith("AlgorithmError")
    late = "the job was stopped: it did not end within 4 seconds"
    assert (stages["directly"]["error"], stages["directly"]["cause"]) == ("States.Timeout", late)
    job = sagemaker.describe_transform_job(TransformJobName=stages["directly"]["job"])
    assert job["TransformJobStatus"] in ("Stopping", "Stopped")
    assert job["MaxConcurrentTransforms"] == 1
