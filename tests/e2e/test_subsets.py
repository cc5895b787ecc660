"""Every subset of disabled stages in the example: the run succeeds, or is rejected with the stage's name.

The tests compute the expected result from the document's structure, not with the planner.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from stagewright.document import canonical_json
from stagewright.document.file import read_document
from stagewright.document.load import load
from stagewright.document.pipeline import Pipeline
from stagewright.errors import PlanError
from stagewright.runs.releases.code_folder import scan

EXAMPLE = Path(__file__).parents[2] / "examples" / "house-price"
pytestmark = [pytest.mark.e2e, pytest.mark.slow]

READS = {
    "prepare": set(),
    "train": {"prepare"},
    "evaluate": {"prepare", "train"},
    "quality": {"evaluate"},
    "register": {"train", "evaluate"},
    "deploy": {"register"},
}
AFTER = {**READS, "register": {"train", "evaluate", "quality"}}
SUBSETS = [frozenset(off) for n in range(len(READS) + 1) for off in itertools.combinations(READS, n)]


def document(off: frozenset[str] = frozenset(), partition: str = "subsets", trees: int = 20) -> Pipeline:
    data = json.loads(canonical_json.document_json(read_document(EXAMPLE / "pipeline.yaml")))
    data["partition"] = partition
    data["parameters"]["min_r2"] = 0.5
    data["stages"]["train"]["hyperparameters"]["n-estimators"] = trees
    data["stages"] = {name: data["stages"][name] for name in READS}  # not those that the example has off
    for name in off:
        data["stages"][name]["enabled"] = False
    return load(data)


def refused(found: PlanError) -> set[str]:
    return {problem.path.removeprefix("stages.") for problem in found.problems if problem.remedy}


def first_time(off: frozenset[str]) -> Mapping[str, str] | set[str]:
    """Stage -> action; or the stages that a refusal names."""
    missing = {need for name in READS if name not in off for need in READS[name] & off}
    return missing or {name: "skip" if name in off else "run" for name in READS}


def unchanged(off: frozenset[str]) -> Mapping[str, str]:
    return dict.fromkeys(READS, "reuse")


def other_trees(off: frozenset[str]) -> Mapping[str, str] | set[str]:
    """Training has changed. What is off lends its old result, and a gate does not judge by that."""
    runs: set[str] = set()
    for name in READS:
        if name not in off and (name == "train" or AFTER[name] & runs):
            runs.add(name)
    if "train" in runs and "evaluate" in off and "quality" not in off:
        return {"quality"}
    return {name: "run" if name in runs else "reuse" for name in READS}


@pytest.fixture(scope="module")
def example(runner):
    """The example, run once as a whole in the partition `subsets`."""
    data = EXAMPLE / "data" / "ames_house_sales.csv"
    made = runner(document(), scan(EXAMPLE / "code"))
    made.gateway.objects.put(f"raw/house-price/{data.name}", data.read_bytes())
    made.first = made.run(document())
    assert made.first.status == "SUCCEEDED", made.first
    assert {stage.status for stage in made.first.stages} == {"SUCCEEDED"}
    return made


PLANNED: Mapping[str, tuple[Callable[[frozenset[str]], Mapping[str, str] | set[str]], dict[str, object]]] = {
    "nothing has run yet": (first_time, {"partition": "another"}),
    "all has run": (unchanged, {}),
    "all has run, and training has changed": (other_trees, {"trees": 21}),
}


@pytest.mark.parametrize("case", PLANNED)
def test_every_subset_is_planned_or_rejected_by_stage_name(example, case):
    expect, change = PLANNED[case]
    assert len(SUBSETS) == 64
    outcomes = set()
    for off in SUBSETS:
        try:
            made = example.plan(document(off, **change))
        except PlanError as error:
            outcome = refused(error)
        else:
            outcome = {stage.name: stage.action for stage in made.stages}
            assert {name for wave in made.waves for chain in wave for name in chain} == {
                name for name, action in outcome.items() if action == "run"
            }
            said = {stage.name: stage.reason for stage in made.stages}
            assert all(said[name].startswith("off") for name in off)
        outcomes.add(type(outcome))
        assert outcome == expect(off), sorted(off)
    assert set in outcomes or expect is unchanged


STATUS = {"run": "SUCCEEDED", "reuse": "REUSED", "skip": "SKIPPED"}


def jobs_of(example, run: str) -> set[str]:
    """The stages of the jobs that SageMaker has of a run."""
    client = example.gateway.jobs.client
    processing = client.list_processing_jobs(NameContains=run, MaxResults=100)["ProcessingJobSummaries"]
    training = client.list_training_jobs(NameContains=run, MaxResults=100)["TrainingJobSummaries"]
    names = [*(job["ProcessingJobName"] for job in processing), *(job["TrainingJobName"] for job in training)]
    return {name.removeprefix(f"{run}-").rpartition("-")[0] for name in names}


def check_run(example, expected: Mapping[str, str], pipeline: Pipeline) -> None:
    record = example.run(pipeline)
    assert record.status == "SUCCEEDED", record.reason
    assert {stage.name: stage.status for stage in record.stages} == {
        name: STATUS[action] for name, action in expected.items()
    }
    ran = {name for name, action in expected.items() if action == "run"}
    assert jobs_of(example, record.run) == ran & {"prepare", "train", "evaluate"}
    for stage in record.stages:
        if stage.status == "SUCCEEDED":
            assert stage.result["job" if stage.kind in ("processing", "training") else "seconds"]
        elif stage.status == "REUSED":
            assert stage.result


def test_every_subset_succeeds_when_nothing_changed(example):
    for off in SUBSETS:
        check_run(example, unchanged(off), document(off))


CHANGED = [
    frozenset(off.split())
    for off in (
        "train", "train evaluate", "prepare train evaluate quality register", "register",
        "quality register deploy", "prepare", "prepare evaluate quality", "quality", "deploy", "",
    )
]  # fmt: skip
"""What is off lends its newest result: so first those that make no other training, then no other package."""


def test_subsets_succeed_when_training_changed(example):
    """Each run uses another number of trees, so no run can reuse a result of the previous one."""
    for trees, off in enumerate(CHANGED, start=30):
        expected = other_trees(off)
        assert isinstance(expected, dict)
        check_run(example, expected, document(off, trees=trees))


def test_subsets_succeed_without_earlier_runs(example):
    for number, off in enumerate(({"deploy"}, {"quality", "register", "deploy"})):
        expected = first_time(frozenset(off))
        assert isinstance(expected, dict)
        check_run(example, expected, document(frozenset(off), f"new-{number}"))
