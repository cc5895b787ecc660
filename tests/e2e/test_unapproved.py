"""Versions that nobody has approved yet: all that serves them waits alike, and continues once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.e2e.places import Place
from tests.support.waiting import until

from stagewright.local import server
from stagewright.runs.history.records import RunRecord

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

DOCUMENT = """\
name: unapproved
parameters: {version: 1}
defaults: {image: sklearn-1.4, instance_type: ml.m5.large}
stages:
  train:
    kind: training
    entry_point: train.py
    hyperparameters: {version: "${parameters.version}"}
    metrics: {quality: 'QUALITY: ([0-9.]+)'}
  good: {kind: gate, require: "${stages.train.metrics.quality} >= 1"}
  register: {kind: register, model: "${stages.train.model}", entry_point: train.py, after: [good]}
  deploy: {kind: endpoint, model: "${stages.register.package}"}
  model: {kind: model, model: "${stages.register.package}"}
  score: {kind: transform, model: "${stages.register.package}", input: "s3://${bucket}/raw/unapproved/"}
  again: {kind: transform, model: "${stages.model.name}", input: "s3://${bucket}/raw/unapproved/"}
"""
TRAIN = """\
import json, os, pathlib, sys

def model_fn(folder):
    return json.loads((pathlib.Path(folder) / "model.json").read_text())

def input_fn(body, content_type):
    return body

def predict_fn(data, model):
    return model

def output_fn(prediction, accept):
    return json.dumps(prediction)

if __name__ == "__main__":
    version = int(sys.argv[sys.argv.index("--version") + 1])
    print(f"QUALITY: {version}.5")
    target = pathlib.Path(os.environ["SM_MODEL_DIR"]) / "model.json"
    target.write_text(json.dumps({"version": version}))
"""
SERVED = ("deploy", "model", "score", "again")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("unapproved") / "place"
    made = Place(folder, DOCUMENT, {"code/train.py": TRAIN})
    server.up(made.state)
    made.gateway().objects.put("raw/unapproved/data.csv", b"1\n")
    yield made
    server.down(made.state)


def stages(record: RunRecord) -> dict[str, tuple[str, str]]:
    return {stage.name: (stage.action, stage.status) for stage in record.stages}


def runs(place: Place) -> int:
    return len(place.json("runs", "unapproved"))


def prediction(place: Place) -> str:
    return place("predict", "unapproved", "--data", "1").stdout


def test_approved_version_continues_what_waited_exactly_once(place: Place) -> None:
    done = place("run", ".")
    (listed,) = place.json("approvals")
    run = listed["run"]
    command = "waits for approval (stagewright approve unapproved 1 --why TEXT)"
    assert command in done.stdout
    assert f"SUCCEEDED: {command}" in place("show", run).stdout + place("runs", "unapproved").stdout
    assert listed["waiting"] == list(SERVED)
    assert "metrics of train: quality 1.5" in listed["evidence"]
    assert any(line.startswith("gate good: succeeded") for line in listed["evidence"])
    waiting = stages(place.ended(run))
    assert {waiting[name] for name in SERVED} == {("skip", "SKIPPED")}

    decided = place.json("approve", "unapproved", "1", "--why", "as agreed")
    later = place.ended(decided["continued_by"])
    assert later.status == "SUCCEEDED", later.reason
    assert later.trigger.continues == run
    assert {stages(later)[name] for name in SERVED} == {("run", "SUCCEEDED")}
    assert {stages(later)[name] for name in ("train", "good", "register")} == {("reuse", "REUSED")}
    assert '"version": 1' in prediction(place)
    assert place.json("approvals") == []
    assert f"{decided['continued_by']} continues this run" in place("show", run).stdout
    sagemaker = place.gateway().session.client("sagemaker", endpoint_url=place.gateway().endpoint_url)
    sagemaker.update_model_package(ModelPackageArn=listed["package"], ApprovalDescription="edited later")
    sweeper = place.gateway().installation.name("sweeper")
    functions = place.gateway().session.client("lambda", endpoint_url=place.gateway().endpoint_url)
    functions.invoke(FunctionName=sweeper, Payload=b'{"detail": {"patience": 0}}')
    assert runs(place) == 2
    err = place("approve", "unapproved", "1", "--why", "twice", code=5).stderr
    assert "version 1 of unapproved was already approved" in err


@pytest.mark.slow
def test_registry_console_decides_and_an_older_version_is_named(place: Place) -> None:
    second, third = (place.json("run", ".", "-p", f"version={number}")["run"] for number in (2, 3))
    err = place("approve", "unapproved", "--why", "which?", code=5).stderr
    assert "2 decisions of unapproved wait for approval" in err
    assert "stagewright approve unapproved 3 --why TEXT" in err
    packages = {item["version"]: item["package"] for item in place.json("approvals")}
    gateway = place.gateway()
    sagemaker = gateway.session.client("sagemaker", endpoint_url=gateway.endpoint_url)
    before = runs(place)
    sagemaker.update_model_package(ModelPackageArn=packages[3], ModelApprovalStatus="Approved")
    until(lambda: runs(place) == before + 1)
    newest = place.ended(place.json("runs", "unapproved")[0]["run"])
    assert (newest.status, newest.trigger.continues) == ("SUCCEEDED", third)
    assert '"version": 3' in prediction(place)

    older = place("approve", "unapproved", "2", "--why", "back to it")
    assert "version 2 is older than version 3, which serves now" in older.stderr
    until(lambda: runs(place) == before + 2)
    assert place.ended(place.json("runs", "unapproved")[0]["run"]).trigger.continues == second
    assert '"version": 2' in prediction(place)


def test_rejected_version_never_runs(place: Place) -> None:
    run = place.json("run", ".", "-p", "version=4")["run"]
    (version,) = (item["version"] for item in place.json("approvals") if item["run"] == run)
    before = runs(place)
    out = place("reject", run, "register", "--why", "too slow").stdout
    assert f"not run for version {version}: deploy, model, score, again" in out
    shown = place("show", run).stdout
    assert f"version {version} was rejected by" in shown
    assert "too slow" in shown
    again = place.json("run", ".", "-p", "version=4")
    reasons = {stage["name"]: stage["reason"] for stage in again["stages"]}
    assert reasons["deploy"].startswith(f"version {version}")
    assert "rejected" in reasons["deploy"]
    assert runs(place) == before + 1
    assert place.json("approvals") == []
