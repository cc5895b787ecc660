"""Definitions of five public pipelines of AWS, as their unchanged code makes them (see definitions/)."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.tarballs import tarball

from stagewright.cli.commands.author.convert import write
from stagewright.document.file import read_document
from stagewright.document.load import load
from stagewright.document.pipeline import Pipeline
from stagewright.migration import pipelines
from stagewright.migration.code_files import CodeFiles
from stagewright.migration.converted import ConvertedPipeline
from stagewright.naming import Installation
from stagewright.planner.external_inputs import external_inputs
from stagewright.planner.model import Plan, Recorded, Trigger
from stagewright.planner.planner import plan
from stagewright.planner.release import CodeFile, Release

INSTALLATION = Installation(bucket="bucket", region="us-east-1", account="111122223333")
DEFINITIONS = Path(__file__).parent / "definitions"
SCRIPTS = ("preprocess.py", "evaluate.py", "preprocessing.py", "evaluation.py")
NAMES = sorted(path.stem for path in DEFINITIONS.glob("*.json"))
KINDS = {
    "customer-churn": "processing training processing gate register",
    "abalone-transform": "processing training processing gate register model transform",
    "abalone-tuning": "processing tuning model approval processing gate register",
    "california-housing": "processing training processing gate gate register model lambda lambda",
    "abalone-checks": "processing approval approval training model transform approval approval approval "
    "processing gate register",
}
UNCONVERTED = {"abalone-tuning": 1, "abalone-checks": 5}
"""Definition -> the number of steps without a counterpart."""


def definition(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((DEFINITIONS / f"{name}.json").read_text())["definition"]
    return loaded


def converted(data: dict[str, Any], name: str = "converted", **values: Any) -> ConvertedPipeline:
    files = {**dict.fromkeys(SCRIPTS, b"print()"), "sourcedir.tar.gz": tarball({"train.py": "print()"})}
    return pipelines.convert(pipelines.read(data, values), lambda: CodeFiles(files), name)


def read_back(result: ConvertedPipeline, folder: Path) -> Pipeline:
    write(result, {}, folder / "made", "definition.json")
    return read_document(folder / "made/pipeline.yaml")


def test_five_public_definitions_are_here() -> None:
    assert sorted(KINDS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_public_definition_is_converted_and_read_back(tmp_path: Path, name: str) -> None:
    result = converted(definition(name), name)
    stages = read_back(result, tmp_path).stages
    assert [stage.kind for stage in stages.values()] == KINDS[name].split()
    waiting = [stage for stage in stages.values() if stage.kind == "approval"]
    assert len(waiting) == UNCONVERTED.get(name, 0)
    assert bool(result.unconverted) == bool(waiting)
    assert all(note.path and note.reason for note in (*result.notes, *result.unconverted))


def test_step_that_waits_for_an_unconverted_step_waits_for_the_approval() -> None:
    """The checks of AWS's example run before training. Nothing that they guard runs without a person."""
    stages = converted(definition("abalone-checks")).document["stages"]
    checks = {name for name, stage in stages.items() if stage["kind"] == "approval"}
    assert set(stages["train-abalone-model"]["after"]) == {"data-bias-check-step", "data-quality-check-step"}
    assert set(stages["train-abalone-model"]["after"]) <= checks
    assert stages["data-quality-check-step"]["after"] == ["preprocess-abalone-data"]


def test_description_of_a_version_that_cannot_be_converted_is_listed() -> None:
    result = converted(definition("abalone-checks"))
    listed = {note.path.partition("RegisterModel.Arguments.")[2] for note in result.unconverted}
    assert "ModelMetrics.ModelQuality.Statistics.S3Uri" in listed
    assert "DriftCheckBaselines.Bias.PreTrainingConstraints.S3Uri" in listed


def test_best_model_of_tuning_is_a_reference_and_the_second_best_is_not_converted() -> None:
    result = converted(definition("abalone-tuning"))
    assert result.document["stages"]["create-best-model"]["model"] == "${stages.hp-tuning.model}"
    (note,) = result.unconverted
    assert "TrainingJobSummaries[1]" in note.reason
    assert note.path.startswith("Steps.CreateSecondBestModel-CreateModel.Arguments.PrimaryContainer")


def test_fixed_location_of_an_output_is_a_reference() -> None:
    """AWS's template takes the location from the arguments of a step, with the time of the build in it."""
    stages = converted(definition("customer-churn")).document["stages"]
    assert stages["register-model"]["metrics"] == "${stages.eval.outputs.evaluation}/evaluation.json"


def test_else_steps_that_fail_close_the_gate_and_others_have_a_gate_of_their_own() -> None:
    fails = converted(definition("abalone-transform")).document["stages"]["mse-cond"]
    assert fails["else"] == "fail"
    assert fails["description"] == "Execution failed due to MSE > Parameters.MseThreshold"
    stages = converted(definition("california-housing")).document["stages"]
    gate, other = stages["mse-lower-than-threshold"], stages["mse-lower-than-threshold-else"]
    assert other["require"] == f"not ({gate['require']})"
    assert stages["send-email-to-ds-team"]["after"] == ["mse-lower-than-threshold-else"]


def test_values_of_parameters_replace_their_defaults() -> None:
    document = converted(definition("abalone-transform"), MseThreshold=3.5).document
    assert document["parameters"]["MseThreshold"] == 3.5


@pytest.mark.parametrize("name", NAMES)
def test_public_definition_is_planned(name: str) -> None:
    """Every request satisfies AWS's service model, and everything runs in the first run."""
    result = converted(definition(name), name)
    made = planned(result)
    assert {stage.name for stage in made.stages} == set(result.document["stages"])
    assert {stage.action for stage in made.stages} == {"run"}


def planned(result: ConvertedPipeline) -> Plan:
    document = load(result.document)
    files = {path: CodeFile(hashlib.sha256(body).hexdigest(), "v1", 1) for path, body in result.files.items()}
    release = Release(document.name, files)
    trigger = Trigger("code", "code:x:1", "2026-01-31T14:00:00.000Z")
    external = dict.fromkeys(external_inputs(document, trigger, INSTALLATION), "digest")
    return plan(document, trigger, Recorded(INSTALLATION, release, 1, {}, external))
