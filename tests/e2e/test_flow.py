"""Gates that compare with the champion, stage retries, pins, and caching, in real runs."""

from __future__ import annotations

import copy

import pytest

from stagewright.api.tables import why
from stagewright.document.load import load
from stagewright.errors import PlanError

pytestmark = pytest.mark.e2e

SCORE = """\
import json, pathlib, sys
job = json.loads(pathlib.Path("/opt/ml/config/processingjobconfig.json").read_text())["ProcessingJobName"]
report = pathlib.Path("/opt/ml/processing/output/report")
(report / "job").write_text(job)
if job.endswith(f"-{sys.argv[2]}"):
    sys.exit("this attempt fails")
(report / "model.tar.gz").write_text(job)
(report / "metrics.json").write_text(json.dumps({"r2": float(sys.argv[1])}))
"""
DOCUMENT = {
    "name": "flow",
    "parameters": {"r2": 0.9, "fails": "never"},
    "defaults": {"image": "sklearn-1.4", "instance_type": "ml.m5.large"},
    "stages": {
        "score": {
            "kind": "processing",
            "code": "score.py",
            "arguments": ["${parameters.r2}", "${parameters.fails}"],
            "outputs": ["report"],
            "metrics_file": "report/metrics.json",
        },
        "quality": {
            "kind": "gate",
            "require": "${stages.score.metrics.r2} >= ${champion.score.metrics.r2} - 0.01",
            "else": "stop",
        },
        "register": {
            "kind": "register",
            "after": ["quality"],
            "model": "${stages.score.outputs.report}/model.tar.gz",
            "approval": "approved",
        },
    },
}


@pytest.fixture(scope="module")
def flow(runner):
    return runner(document(), {"score.py": SCORE.encode()})


def document(r2=0.9, partition="default", fails="never", **changes):
    """`stage__field` -> value."""
    data = copy.deepcopy(DOCUMENT) | {"partition": partition, "parameters": {"r2": r2, "fails": fails}}
    for path, value in changes.items():
        stage, _, field = path.partition("__")
        data["stages"].setdefault(stage, {})[field] = value
    return load(data)


def packages(flow):
    client = flow.gateway.registry.client
    return client.list_model_packages(ModelPackageGroupName="flow")["ModelPackageSummaryList"]


def statuses(record):
    return {stage.name: stage.status for stage in record.stages}


@pytest.mark.slow
def test_gate_blocks_model_worse_than_champion(flow):
    first = flow.run(document())
    assert first.status == "SUCCEEDED", first.reason
    assert first.stage("quality").reason == "no earlier result; no champion yet"
    assert len(packages(flow)) == 1

    again = flow.run(document())
    assert statuses(again) == {"score": "REUSED", "quality": "REUSED", "register": "REUSED"}

    worse = flow.run(document(0.8))
    cause = "score.metrics.r2 >= champion.score.metrics.r2 - 0.01 does not hold: 0.8 >= 0.89"
    assert (worse.status, worse.reason) == ("SUCCEEDED", f"stopped by gate quality: {cause}")
    assert statuses(worse) == {"score": "SUCCEEDED", "quality": "CLOSED", "register": "SKIPPED"}
    assert worse.stage("quality").cause == cause
    assert worse.stage("register").cause == f"gate quality: {cause}"
    assert len(packages(flow)) == 1

    good = flow.run(document(0.895))
    assert statuses(good) == {"score": "SUCCEEDED", "quality": "SUCCEEDED", "register": "SUCCEEDED"}
    assert len(packages(flow)) == 2

    once_more = flow.run(document(0.8))
    assert once_more.stage("score").status == "REUSED"
    assert once_more.reason.endswith("does not hold: 0.8 >= 0.885")


def test_gate_with_skip_runs_only_independent_stages(flow):
    beside = DOCUMENT["stages"]["score"] | {"inputs": {"in": "${stages.score.outputs.report}"}}
    shut = {"quality__require": "${stages.score.metrics.r2} > 1", "quality__else": "skip"}
    record = flow.run(
        document(0.7, "skipped", **shut, **{f"beside__{name}": each for name, each in beside.items()})
    )
    assert record.status == "SUCCEEDED"
    assert statuses(record) == {
        "score": "SUCCEEDED",
        "quality": "CLOSED",
        "register": "SKIPPED",
        "beside": "SUCCEEDED",
    }
    assert record.reason.startswith("skipped the stages that depend on gate quality: ")


def registered(flow, record) -> bytes:
    """The artifact of the model version that a run registered, a copy of the stage's."""
    package = flow.gateway.registry.client.describe_model_package(
        ModelPackageName=record.stage("register").result["package"]
    )
    uri = package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
    key = uri.removeprefix(flow.gateway.installation.uri(""))
    assert key.startswith(f"models/flow/{record.run}-register-")
    return flow.gateway.objects.get(key).body


def test_stage_retry_uses_new_job_name_and_output_path(flow):
    record = flow.run(
        document(0.6, "retried", "1", score__retry={"attempts": 3, "wait": "1s"}, quality__enabled=False)
    )
    assert record.status == "SUCCEEDED", record.reason
    score = record.stage("score")
    assert (score.attempt, score.attempts, score.job) == (2, 3, f"{record.run}-score-2")
    (earlier,) = score.failed_attempts
    assert earlier.job == f"{record.run}-score-1"
    assert why(score).startswith("attempt 2 of 3; attempt 1: AlgorithmError")
    folder = f"runs/flow/{record.run}/score"
    assert score.result["outputs"] == {"report": flow.gateway.installation.uri(f"{folder}/2/report")}
    written = {each.key for each in flow.gateway.objects.list(folder)}
    assert {key for key in written if key.startswith(f"{folder}/2/")} == {
        f"{folder}/2/report/{name}" for name in ("job", "metrics.json", "model.tar.gz")
    }
    assert {key for key in written if key.endswith("metrics.json")} == {f"{folder}/2/report/metrics.json"}
    assert flow.gateway.objects.get(f"{folder}/2/report/job").body.decode() == score.job
    assert registered(flow, record) == flow.gateway.objects.get(f"{folder}/2/report/model.tar.gz").body


def test_run_fails_after_last_attempt(flow):
    retry = {"score__retry": {"attempts": 2, "wait": "1s"}, "score__arguments": ["no number", "never"]}
    record = flow.run(document(0.5, "failed", **retry))
    assert record.status == "FAILED"
    assert (record.stage("score").attempt, len(record.stage("score").failed_attempts)) == (2, 1)
    assert statuses(record) == {"score": "FAILED", "quality": "NOT_RUN", "register": "NOT_RUN"}


def test_pin_reuses_result_of_its_run_in_any_partition(flow):
    old = flow.run(document(0.4, "old", quality__enabled=False))
    new = flow.run(document(0.45, "new", quality__enabled=False))
    assert new.stage("score").status == "SUCCEEDED"
    pinned = flow.run(document(0.45, "new", quality__enabled=False, score__pin=old.run))
    score = pinned.stage("score")
    assert (score.status, score.reused_from) == ("REUSED", old.run)
    assert score.reason.startswith(f"pinned to run {old.run} of partition old (stale: arguments 0.4 -> 0.45")
    model = flow.gateway.objects.get(f"runs/flow/{old.run}/score/report/model.tar.gz").body
    assert registered(flow, pinned) == model
    follows = flow.run(document(0.45, "new", quality__enabled=False, score__pin=pinned.run))
    assert follows.stage("score").reused_from == old.run


@pytest.mark.parametrize(
    ("pin", "said"),
    [
        ("flow-20200101t000000-abcdef", "there is no run flow-20200101t000000-abcdef"),
        (None, "has no good result of quality"),
    ],
)
def test_plan_rejects_pin_without_result(flow, pin, said):
    stopped = flow.run(document(0.3, "stopped", quality__require="1 > 2"))
    with pytest.raises(PlanError) as caught:
        flow.plan(document(0.3, "stopped", quality__pin=pin or stopped.run))
    (problem,) = caught.value.problems
    assert problem.path == "stages.quality.pin"
    assert said in problem.message


def test_stage_without_cache_always_runs(flow):
    uncached = document(0.2, "uncached", quality__enabled=False, score__cache=False)
    runs = [flow.run(uncached), flow.run(uncached)]
    assert [run.stage("score").status for run in runs] == ["SUCCEEDED", "SUCCEEDED"]
    assert runs[1].stage("score").reason == "cache is off"
    assert runs[1].stage("register").reason == "register: score runs again"
