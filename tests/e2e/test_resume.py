"""A run that failed, or whose server died, goes on in another one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.processes import command_lines

from stagewright.local import server as local
from stagewright.run.gateway import Gateway

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("resume")]

COMMAND = [sys.executable, "-c", "from stagewright.cli.app import main; main()"]
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


class Place:
    """A folder with a pipeline, a state, and the command line there."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.state = folder, folder / "state"
        (folder / "code").mkdir(parents=True)
        self.state.mkdir()
        (self.state / "local.toml").write_text(f'[pythons]\n"sklearn-1.4" = "{sys.executable}"\n')
        (folder / "pipeline.yaml").write_text(DOCUMENT)
        for name, text in (("prepare", PREPARE), ("train", TRAIN), ("evaluate", EVALUATE)):
            self.write(name, text)
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "STAGEWRIGHT_"))}
        self.environment = inherited | {"STAGEWRIGHT_STATE": str(self.state)}

    def write(self, name: str, text: str) -> None:
        (self.folder / "code" / f"{name}.py").write_text(text)

    def __call__(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*COMMAND, *arguments], cwd=self.folder, env=self.environment, capture_output=True, text=True,
            check=False, timeout=240,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self(*arguments, "--json", code=code).stdout)

    def runs(self) -> list[str]:
        return [run["run"] for run in self.json("runs", "chain")]

    def gateway(self) -> Gateway:
        running = local.find(self.state)
        assert running
        key = (running.access_key, running.secret_key)
        return Gateway.connect(running.installation, running.url, *key)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path / "place")
    local.up(made.state)
    yield made
    local.down(made.state)


def until(holds: Callable[[], Any], seconds: float = 90.0) -> Any:
    end = time.monotonic() + seconds
    while not (value := holds()):
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.05)
    return value


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


def test_the_plan_says_what_a_mended_run_reuses_and_so_it_does(place: Place) -> None:
    place.write("evaluate", BROKEN)
    place("run", ".", "-p", "day=2024-03-01", "-p", "note=kept", code=6)
    (failed,) = place.runs()
    before = jobs(place)
    place.write("evaluate", EVALUATE)

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
    assert (place.runs(), jobs(place)) == ([failed], before)

    done = place("resume", failed)
    assert done.stdout.splitlines()[1:4] == said[1:4]  # the plan comes before the run
    later = next(run for run in place.runs() if run != failed)
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
    assert "ended well: there is nothing to resume" in place("resume", later, code=6).stderr
    assert len(place.runs()) == 2


def test_a_selection_goes_on_as_it_was_and_nothing_changed_on_disk(place: Place) -> None:
    place("run", ".")
    place.write("evaluate", BROKEN)
    place("run", ".", "--from", "train", code=6)
    failed = place.runs()[0]
    assert place.json("show", failed)["trigger"]["start"] == ["train"]
    assert "from train" in place("show", failed).stdout
    resumed = place.json("resume", failed, code=6)
    assert (resumed["trigger"]["start"], resumed["trigger"]["resumes"]) == (["train"], failed)
    assert actions(resumed) == {"prepare": "reuse", "train": "run", "evaluate": "run"}
    assert resumed["trigger"]["key"] == f"resume:{failed}:1"
    second = place.json("resume", failed, code=6)
    assert second["trigger"]["key"] == f"resume:{failed}:2"


def test_what_ended_before_the_server_was_killed_is_reused(place: Place) -> None:
    place.write("evaluate", SLOW)
    place("run", ".", "--no-wait")
    (run,) = place.runs()
    gateway = place.gateway()
    until(lambda: (done := gateway.runs.stage(run, "train")) and done.status == "SUCCEEDED")
    assert "has not ended: RUNNING" in place("resume", run, code=6).stderr
    running = local.find(place.state)
    assert running
    os.kill(running.pid, signal.SIGKILL)
    until(lambda: not [line for line in command_lines().values() if str(place.state) in line])
    place.write("evaluate", EVALUATE)
    local.up(place.state)
    until(lambda: not gateway_header(place, run).is_open)
    record = place.json("resume", run)
    assert actions(record) == {"prepare": "reuse", "train": "reuse", "evaluate": "run"}
    assert (record["status"], record["trigger"]["resumes"]) == ("SUCCEEDED", run)
    assert record["partition"] == place.json("show", run)["partition"]


def gateway_header(place: Place, run: str) -> Any:
    return place.gateway().runs.header(run)


def test_a_document_of_another_pipeline_is_refused(place: Place) -> None:
    place.write("prepare", BROKEN)
    place("run", ".", code=6)
    other = place.folder / "other.yaml"
    other.write_text(DOCUMENT.replace("name: chain", "name: other"))
    said = place("resume", "chain", "other.yaml", code=5).stderr
    assert "other.yaml is the document of other" in said
    assert (
        "no run chain-20260101t000000-000000"
        in place("resume", "chain-20260101t000000-000000", code=5).stderr
    )
