"""Resuming a run that failed or whose server was killed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.places import Place
from tests.support.waiting import until

from stagewright.local import server

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

DOCUMENT = """\
name: chain
parameters: {day: "${trigger.date}", note: none}
partition: "${parameters.day}"
defaults: {image: sklearn-1.4, instance_type: ml.m5.large}
triggers: [{type: code}]
stages:
  prepare: {kind: processing, code: prepare.py, outputs: [clean]}
  train:
    kind: training
    entry_point: train.py
    channels: {clean: "${stages.prepare.outputs.clean}"}
  evaluate:
    kind: processing
    code: evaluate.py
    inputs: {model: "${stages.train.model}"}
    arguments: ["${parameters.note}"]
    outputs: [report]
"""
PREPARE = """\
import pathlib
pathlib.Path("/opt/ml/processing/output/clean/data").write_text("data")
"""
TRAIN = """\
import os, pathlib
pathlib.Path(os.environ["SM_MODEL_DIR"], "model").write_text("model")
"""
EVALUATE = """\
import pathlib, sys
pathlib.Path("/opt/ml/processing/output/report/note").write_text(sys.argv[1])
"""
BROKEN = "raise ValueError('not like this')\n"
SLOW = "import time\ntime.sleep(600)\n"


FILES = {"code/prepare.py": PREPARE, "code/train.py": TRAIN, "code/evaluate.py": EVALUATE}


def write(place: Place, name: str, text: str) -> None:
    (place.folder / "code" / f"{name}.py").write_text(text)


def runs(place: Place) -> list[str]:
    return [run["run"] for run in place.json("runs", "chain")]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path / "place", DOCUMENT, FILES)
    made.up()
    yield made
    server.down(made.state)


def actions(record: Any) -> dict[str, str]:
    return {stage["name"]: stage["action"] for stage in record["stages"]}


def jobs(place: Place) -> dict[str, int]:
    """Kind -> how many jobs there have been."""
    gateway = place.gateway()
    client = gateway.session.client("sagemaker", endpoint_url=gateway.endpoint_url)
    return {
        "processing": len(client.list_processing_jobs()["ProcessingJobSummaries"]),
        "training": len(client.list_training_jobs()["TrainingJobSummaries"]),
    }


def test_resume_reuses_the_stages_that_its_plan_lists(place: Place) -> None:
    write(place, "evaluate", BROKEN)
    place("run", ".", "-p", "day=2024-03-01", "-p", "note=kept", code=6)
    (failed,) = runs(place)
    before = jobs(place)
    write(place, "evaluate", EVALUATE)

    planned = place.json("resume", failed, "--plan")
    assert actions(planned) == {"prepare": "reuse", "train": "reuse", "evaluate": "run"}
    assert [stage["reused_from"] for stage in planned["stages"]] == [failed, failed, ""]
    assert planned["partition"] == "2024-03-01"
    said = place("resume", failed, "--plan").stdout.splitlines()
    assert [line.split()[:3] for line in said[1:4]] == [
        ["prepare", "processing", "reuse"],
        ["train", "training", "reuse"],
        ["evaluate", "processing", "run"],
    ]
    assert (runs(place), jobs(place)) == ([failed], before)

    done = place("resume", failed)
    assert done.stdout.splitlines()[1:4] == said[1:4]  # the plan comes before the run
    warnings = [line for line in done.stderr.splitlines() if line.startswith("warning: ")]
    assert len(warnings) == 1
    assert warnings[0].endswith(f"runs on {sys.executable}, set in local.toml")
    later = next(run for run in runs(place) if run != failed)
    record = place.json("show", later)
    assert (record["status"], actions(record)) == ("SUCCEEDED", actions(planned))
    assert jobs(place) == {"processing": before["processing"] + 1, "training": before["training"]}
    report = f"runs/chain/{later}/evaluate/report/note"
    assert place.gateway().objects.get(report).body == b"kept"

    assert (record["trigger"]["resumes"], record["resumed_by"]) == (failed, [])
    first = place.json("show", failed)
    assert first["resumed_by"] == [later]
    kept = ("type", "time", "parameters")
    assert {name: record["trigger"][name] for name in kept} == {name: first["trigger"][name] for name in kept}
    assert f"resumes {failed}" in place("show", later).stdout
    assert f"resumed by {later}" in place("show", failed).stdout
    again = place("resume", failed, code=6)
    assert f"{failed} was resumed already, by {later}: SUCCEEDED" in again.stderr
    assert "succeeded: there is nothing to resume" in place("resume", later, code=6).stderr
    assert len(runs(place)) == 2


def test_resume_keeps_stage_selection_of_failed_run(place: Place) -> None:
    place("run", ".")
    write(place, "evaluate", BROKEN)
    place("run", ".", "--from", "train", code=6)
    failed = runs(place)[0]
    assert place.json("show", failed)["trigger"]["start"] == ["train"]
    assert "from train" in place("show", failed).stdout
    resumed = place.json("resume", failed, code=6)
    assert (resumed["trigger"]["start"], resumed["trigger"]["resumes"]) == (["train"], failed)
    assert actions(resumed) == {"prepare": "reuse", "train": "run", "evaluate": "run"}
    assert resumed["trigger"]["key"] == f"resume:{failed}:1"
    second = place.json("resume", failed, code=6)
    assert second["trigger"]["key"] == f"resume:{failed}:2"


def test_resume_reuses_stages_completed_before_kill(place: Place) -> None:
    write(place, "evaluate", SLOW)
    place("run", ".", "--no-wait")
    (run,) = runs(place)
    gateway = place.gateway()
    until(lambda: (done := gateway.runs.stage(run, "train")) and done.status == "SUCCEEDED")
    assert "has not ended: RUNNING" in place("resume", run, code=6).stderr
    place.kill()
    write(place, "evaluate", EVALUATE)
    gateway = place.up()
    until(lambda: not gateway.runs.header(run).is_open)
    record = place.json("resume", run)
    assert actions(record) == {"prepare": "reuse", "train": "reuse", "evaluate": "run"}
    assert (record["status"], record["trigger"]["resumes"]) == ("SUCCEEDED", run)
    assert record["partition"] == place.json("show", run)["partition"]


def test_resume_rejects_document_of_another_pipeline(place: Place) -> None:
    write(place, "prepare", BROKEN)
    place("run", ".", code=6)
    other = place.folder / "other.yaml"
    other.write_text(DOCUMENT.replace("name: chain", "name: other"))
    said = place("resume", "chain", "other.yaml", code=5).stderr
    assert "other.yaml is the document of other" in said
    assert (
        "no run chain-20260101t000000-000000"
        in place("resume", "chain-20260101t000000-000000", code=5).stderr
    )
