"""Requests that break a rule between their fields are refused when the run is planned."""

from __future__ import annotations

import pytest

from stagewright.document.load import load
from stagewright.errors import DocumentError, PlanError
from stagewright.planner.planner import plan


def refusals(house, changes):
    with pytest.raises(PlanError) as refused:
        plan(load(house.documents.changed(house.DOCUMENT, changes)), house.trigger(), house.recorded())
    return [str(problem) for problem in refused.value.problems]


def test_spot_without_a_wait_is_refused_with_its_place(house):
    (problem,) = refusals(house, {"stages.train.request": {"EnableManagedSpotTraining": True}})
    assert problem.startswith(
        "stages.train: CreateTrainingJob.StoppingCondition.MaxWaitTimeInSeconds: Invalid"
    )
    assert "spot-needs-a-wait in docs/sagemaker-rules.md" in problem


def test_too_few_combinations_of_a_tuning_stage_are_refused(house):
    tune = {
        "kind": "tuning",
        "entry_point": "train.py",
        "ranges": {"depth": {"type": "integer", "min": 1, "max": 3}},
        "metrics": {"mae": "MAE: ([0-9.]+)"},
        "objective": {"metric": "mae"},
    }
    (problem,) = refusals(house, {"stages.tune": tune})
    assert "combinations for the provided ranges [3.0] must be equal or greater" in problem


SPOT = {"stages.train.spot": True}


@pytest.mark.parametrize(
    ("changes", "request_"),
    [
        (SPOT, {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200}),
        (
            SPOT | {"stages.train.max_wait_seconds": 3600},
            {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 3600},
        ),
        (
            SPOT | {"stages.train.max_runtime_seconds": 2_000_000},
            {"MaxRuntimeInSeconds": 2_000_000, "MaxWaitTimeInSeconds": 2_419_200},
        ),
    ],
)
def test_spot_has_its_wait_and_checkpoints(house, changes, request_):
    document = load(house.documents.changed(house.DOCUMENT, changes))
    stage = plan(document, house.trigger(), house.recorded()).stage("train")
    job = stage.requests["CreateTrainingJob"]
    assert (job["EnableManagedSpotTraining"], job["StoppingCondition"]) == (True, request_)
    folder = job["OutputDataConfig"]["S3OutputPath"]
    assert job["CheckpointConfig"] == {"S3Uri": f"{folder}/checkpoints"}
    assert stage.timeout == request_["MaxWaitTimeInSeconds"] + 600


def test_attempts_share_their_checkpoints(house):
    changes = SPOT | {"stages.train.retry": {"attempts": 2}}
    document = load(house.documents.changed(house.DOCUMENT, changes))
    job = plan(document, house.trigger(), house.recorded()).stage("train").requests["CreateTrainingJob"]
    assert "<<attempt>>" in job["OutputDataConfig"]["S3OutputPath"]
    assert job["CheckpointConfig"]["S3Uri"].endswith("/train/checkpoints")


@pytest.mark.parametrize("own", [False, "s3://${bucket}/runs/own/"])
def test_checkpoints_of_ones_own_or_none(house, own):
    document = load(house.documents.changed(house.DOCUMENT, SPOT | {"stages.train.checkpoints": own}))
    job = plan(document, house.trigger(), house.recorded()).stage("train").requests["CreateTrainingJob"]
    assert job.get("CheckpointConfig") == ({"S3Uri": "s3://bucket/runs/own/"} if own else None)


def test_keep_alive_is_a_warm_pool(house):
    document = load(house.documents.changed(house.DOCUMENT, {"stages.train.keep_alive": "10m"}))
    job = plan(document, house.trigger(), house.recorded()).stage("train").requests["CreateTrainingJob"]
    assert job["ResourceConfig"]["KeepAlivePeriodInSeconds"] == 600


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"stages.train.max_wait_seconds": 7200},
            "stages.train.max_wait_seconds: only Spot jobs have a wait",
        ),
        (SPOT | {"stages.train.max_wait_seconds": 60}, "60 is less than max_runtime_seconds, 3600"),
        (SPOT | {"stages.train.keep_alive": "5m"}, "stages.train.keep_alive: Spot instances cannot be kept"),
        ({"stages.train.keep_alive": "2h"}, "2h is longer than the maximum of AWS, 1h"),
        ({"stages.prepare.inputs": {"train": "s3://${bucket}/raw/sales/"}}, "train is also an output"),
        (
            {"stages.train.channels": {"code": "s3://${bucket}/raw/sales/"}},
            "stages.train.channels.code: the script has this channel",
        ),
    ],
)
def test_document_reports_it_before_the_plan(house, changes, message):
    with pytest.raises(DocumentError) as refused:
        load(house.documents.changed(house.DOCUMENT, changes))
    assert any(message in str(problem) for problem in refused.value.problems), refused.value.problems
