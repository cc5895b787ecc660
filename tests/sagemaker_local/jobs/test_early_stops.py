"""Jobs that are stopped before their processes run, at exact moments that are rarely hit by chance."""

from __future__ import annotations

import pytest
from tests.sagemaker_local.meanwhile import Meanwhile
from tests.sagemaker_local.tuning.test_tuning_jobs import children, tune
from tests.support import processes

NEVER = "import time\nprint('ran', flush=True)\ntime.sleep(611.25)"
TUNING = "HyperParameterTuning"


def stop(bench, noun, name="early"):
    bench.service.call(f"Stop{noun}Job", {f"{noun}JobName": name})


def create(bench, noun):
    match noun:
        case "Processing":
            bench.process("early", NEVER)
        case "Training":
            bench.train("early", NEVER)
        case _:
            tune(bench, "early", jobs=9, script=NEVER)


def left(bench):
    """Processes of this service's jobs."""
    return [line for line in processes.command_lines().values() if str(bench.settings.root) in line]


@pytest.mark.parametrize("noun", ["Processing", "Training", TUNING])
def test_visible_job_can_be_stopped(bench, monkeypatch, noun):
    """The stop arrives after the job's record is stored and before its thread starts."""

    def stop_it(kind, name, *_):
        if name == "early":
            stop(bench, noun)

    seen = Meanwhile(monkeypatch, bench.service._context.store, "add", stop_it, before=False)
    create(bench, noun)
    assert bench.ended("early", noun)[f"{noun}JobStatus"] == "Stopped"
    assert seen.errors == []
    assert "ran" not in bench.log("early", noun.lower())
    assert left(bench) == []


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("noun", ["Processing", "Training"])
def test_job_can_be_stopped_while_its_process_starts(bench, monkeypatch, noun, before):
    launcher = bench.service.launcher
    seen = Meanwhile(monkeypatch, type(launcher), "start", lambda *_: stop(bench, noun), before=before)
    create(bench, noun)
    assert bench.ended("early", noun)[f"{noun}JobStatus"] == "Stopped"
    assert (seen.called, seen.errors) == (1, [])
    bench.until(lambda: not left(bench))


@pytest.mark.parametrize("before", [True, False])
def test_stopped_tuning_job_stops_its_training_jobs(bench, monkeypatch, before):
    """The stop arrives just before or just after the first training job's process starts."""
    launcher = bench.service.launcher
    seen = Meanwhile(monkeypatch, type(launcher), "start", lambda *_: stop(bench, TUNING), before=before)
    tune(bench, "early", jobs=9, script=NEVER)
    assert bench.ended("early", TUNING)["HyperParameterTuningJobStatus"] == "Stopped"
    assert seen.called >= 1
    assert {each["TrainingJobStatus"] for each in children(bench, "early")} == {"Stopped"}
    bench.until(lambda: not left(bench))


def test_host_that_cannot_start_ends_the_others(bench, monkeypatch):
    launcher = type(bench.service.launcher)
    start = launcher.start

    def only_the_first(self, command):
        if command.host != "algo-1":
            raise OSError("no more processes")
        return start(self, command)

    monkeypatch.setattr(launcher, "start", only_the_first)
    cluster = {"InstanceCount": 2, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 10}
    bench.process("early", NEVER, ProcessingResources={"ClusterConfig": cluster})
    assert "no more processes" in bench.ended("early")["FailureReason"]
    bench.until(lambda: not left(bench))


def test_job_fails_if_its_log_cannot_be_opened(bench):
    folder = bench.settings.root / "jobs/processing/early"
    folder.parent.mkdir(parents=True)
    folder.write_text("a file where the folder should be")
    bench.process("early", NEVER)
    job = bench.ended("early")
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("InternalServerError: FileExistsError")
