"""Script-mode training jobs in real processes."""

from __future__ import annotations

import json
import os
from zipfile import ZipFile

import pytest

from sagemaker_local.api.protocol import ApiError
from sagemaker_local.sandbox import launcher
from sagemaker_local.sandbox.isolation import Isolation

FIT = """
import argparse, json, os, pathlib, sys
parser = argparse.ArgumentParser()
parser.add_argument('--n-estimators', type=int)
parser.add_argument('--deep')
given = parser.parse_args()
rows = pathlib.Path(os.environ['SM_CHANNEL_TRAIN'], 'a.csv').read_text().split()
for epoch in (1, 2):
    print(f'epoch {epoch} MAE: {len(rows) / epoch}', flush=True)
print('MAE: not-a-number')
model = pathlib.Path(os.environ['SM_MODEL_DIR'])
(model / 'model.json').write_text(json.dumps({'n': given.n_estimators, 'deep': given.deep}))
pathlib.Path(os.environ['SM_OUTPUT_DATA_DIR'], 'plot.txt').write_text('plot')
(model / 'variables.json').write_text(json.dumps(dict(os.environ)))
(model / 'argv.json').write_text(json.dumps(sys.argv))
(model / 'config.json').write_text(json.dumps({
    file.stem: json.loads(file.read_text()) for file in pathlib.Path('/opt/ml/input/config').iterdir()}))
(model / 'cwd').write_text(os.getcwd())
"""


def fit(bench, name="fit", script=FIT, **more):
    bench.put("raw/a.csv", "1\n2\n")
    request = {
        "hyperparameters": {"n-estimators": "300", "deep": '"true"'},
        "InputDataConfig": [bench.channel("train", bench.uri("raw/"))],
        "spec": {"MetricDefinitions": [{"Name": "mae", "Regex": r"MAE: ([0-9.\-a-z]+)"}]},
        **more,
    }
    return bench.train(name, script, **request)


def test_training_job_completes_with_all_details(bench):
    fit(bench)
    job = bench.ended("fit", "Training")
    assert job["TrainingJobStatus"] == "Completed", bench.log("fit", "training")
    statuses = [item["Status"] for item in job["SecondaryStatusTransitions"]]
    assert statuses == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert all(item["StartTime"] <= item["EndTime"] for item in job["SecondaryStatusTransitions"])
    assert job["SecondaryStatus"] == "Completed"
    assert job["BillableTimeInSeconds"] == job["TrainingTimeInSeconds"] >= 1
    assert [(item["MetricName"], item["Value"]) for item in job["FinalMetricDataList"]] == [("mae", 1.0)]
    assert job["ModelArtifacts"] == {"S3ModelArtifacts": bench.uri("models/fit/output/model.tar.gz")}
    assert job["TrainingStartTime"] <= job["TrainingEndTime"]
    assert bench.archive("models/fit/output/output.tar.gz") == {"plot.txt": b"plot"}
    model = bench.archive("models/fit/output/model.tar.gz")
    assert json.loads(model["model.json"]) == {"n": 300, "deep": "true"}


def test_script_environment_matches_sagemaker_training(bench):
    fit(bench)
    bench.ended("fit", "Training")
    model = bench.archive("models/fit/output/model.tar.gz")
    env = json.loads(model["variables.json"])
    assert json.loads(model["argv.json"]) == ["train.py", "--deep", "true", "--n-estimators", "300"]
    assert model["cwd"] == b"/opt/ml/code"
    expected = {
        "TRAINING_JOB_NAME": "fit",
        "TRAINING_JOB_ARN": "arn:aws:sagemaker:us-east-1:000000000000:training-job/fit",
        "SM_MODEL_DIR": "/opt/ml/model",
        "SM_CHANNEL_TRAIN": "/opt/ml/input/data/train",
        "SM_CHANNELS": '["train"]',
        "SM_HP_N-ESTIMATORS": "300",
        "SM_HPS": '{"deep":"true","n-estimators":300}',
        "SM_HOSTS": '["algo-1"]',
        "SM_CURRENT_HOST": "algo-1",
        "SM_NUM_CPUS": str(os.cpu_count()),
        "SM_USER_ARGS": '["--deep","true","--n-estimators","300"]',
        "SM_USER_ENTRY_POINT": "train.py",
        "SM_MODULE_NAME": "train",
        "SM_MODULE_DIR": bench.uri("fit/source.tar.gz"),
        "SM_OUTPUT_DATA_DIR": "/opt/ml/output/data",
        "AWS_REGION": "us-east-1",
    }
    assert {key: env.get(key) for key in expected} == expected
    described = json.loads(env["SM_TRAINING_ENV"])
    assert described["hyperparameters"] == {"n-estimators": 300, "deep": "true"}
    assert described["channel_input_dirs"] == {"train": "/opt/ml/input/data/train"}
    assert (described["job_name"], described["is_master"]) == ("fit", True)
    config = json.loads(model["config.json"])
    assert config["hyperparameters"]["n-estimators"] == "300"
    assert config["inputdataconfig"]["train"]["TrainingInputMode"] == "File"
    assert config["resourceconfig"]["current_host"] == "algo-1"


def test_failing_script_fails_the_job_with_the_toolkits_message(bench):
    bench.train("fails", "raise ValueError('no rows')")
    job = bench.ended("fails", "Training")
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Failed", "Failed")
    reason = job["FailureReason"]
    assert reason.startswith(
        'AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage "ValueError: no rows"'
    )
    assert reason.endswith('train.py", exit code: 1')
    assert "ModelArtifacts" not in job
    assert bench.keys("models/") == []


def test_failure_file_of_the_script_is_the_failure_reason(bench):
    entry = ["python3", "-c", "open('/opt/ml/output/failure', 'w').write('bad data'); raise SystemExit(3)"]
    bench.train("own", "", spec={"ContainerEntrypoint": entry})
    assert bench.ended("own", "Training")["FailureReason"] == "AlgorithmError: bad data, exit code: 3"


def test_stopping_keeps_the_model_so_far(bench):
    script = (
        "import os, time\nopen(os.environ['SM_MODEL_DIR'] + '/part', 'w').write('half')\n"
        "print('ready', flush=True)\ntime.sleep(600)"
    )
    bench.train("halted", script)
    bench.until(lambda: bench.describe("halted", "Training")["SecondaryStatus"] == "Training")
    bench.until(lambda: "ready" in bench.log("halted", "training"))
    bench.service.call("StopTrainingJob", {"TrainingJobName": "halted"})
    job = bench.ended("halted", "Training")
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert [item["Status"] for item in job["SecondaryStatusTransitions"]][-2:] == ["Stopping", "Stopped"]
    assert bench.archive("models/halted/output/model.tar.gz") == {"part": b"half"}


def test_max_runtime_exceeded(bench):
    bench.train("long", "import time\ntime.sleep(600)", StoppingCondition={"MaxRuntimeInSeconds": 1})
    job = bench.ended("long", "Training")
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


def test_checkpoints_are_downloaded_and_uploaded(bench):
    bench.put("checkpoints/old", "1")
    script = (
        "import pathlib\nfolder = pathlib.Path('/opt/ml/checkpoints')\n"
        "(folder / 'new').write_text((folder / 'old').read_text() + '2')"
    )
    bench.train("resumes", script, CheckpointConfig={"S3Uri": bench.uri("checkpoints/")})
    assert bench.ended("resumes", "Training")["TrainingJobStatus"] == "Completed", bench.log(
        "resumes", "training"
    )
    assert bench.get("checkpoints/new") == b"12"


def test_uncompressed_model_is_uploaded_as_files(bench):
    where = {"S3OutputPath": bench.uri("models"), "CompressionType": "NONE"}
    fit(bench, OutputDataConfig=where)
    job = bench.ended("fit", "Training")
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == bench.uri("models/fit/output/model/")
    assert "models/fit/output/model/model.json" in bench.keys("models/")


@pytest.mark.slow
def test_requirements_get_an_environment_over_the_images(bench, tmp_path, monkeypatch):
    """A local wheel is installed without an index. The base environment does not change."""
    monkeypatch.setenv("SAGEMAKER_LOCAL_CACHE", str(tmp_path / "cache"))
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    with ZipFile(wheels / "tinypart-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tinypart.py", "VALUE = 41\n")
        wheel.writestr(
            "tinypart-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tinypart\nVersion: 1.0\n"
        )
        wheel.writestr(
            "tinypart-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr("tinypart-1.0.dist-info/RECORD", "")
    requirements = f"--no-index\n--find-links {wheels}\ntinypart==1.0\n"
    for name in ("first", "second"):
        bench.train(name, "import tinypart\nprint('got', tinypart.VALUE)", {"requirements_txt": requirements})
        assert bench.ended(name, "Training")["TrainingJobStatus"] == "Completed", bench.log(name, "training")
        assert "got 41" in bench.log(name, "training")
    assert "installing requirements.txt" in bench.log("first", "training")
    assert "installing requirements.txt" not in bench.log("second", "training")
    bench.train("without", "import tinypart")
    assert "No module named 'tinypart'" in bench.ended("without", "Training")["FailureReason"]


@pytest.mark.slow
def test_unavailable_requirements_fail_the_job(bench, tmp_path, monkeypatch):
    monkeypatch.setenv("SAGEMAKER_LOCAL_CACHE", str(tmp_path / "cache"))
    bench.train("unmet", "pass", {"requirements_txt": "--no-index\nno-such-part==9\n"})
    reason = bench.ended("unmet", "Training")["FailureReason"]
    assert reason.startswith("AlgorithmError: InstallRequirementsError:")
    assert "no-such-part" in reason
    assert not list((tmp_path / "cache/environments").glob("*/bin"))


def test_channel_without_objects_is_rejected_before_the_job_exists(bench):
    with pytest.raises(ApiError) as caught:
        bench.train("nothing", "pass", InputDataConfig=[bench.channel("train", bench.uri("absent/"))])
    assert caught.value.code == "ValidationException"
    assert bench.uri("absent/") in caught.value.message
    with pytest.raises(ApiError, match=r"Requested resource not found\."):
        bench.describe("nothing", "Training")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"spec": {"TrainingInputMode": "Pipe"}}, "AlgorithmSpecification.TrainingInputMode=Pipe"),
        (
            {"hyperparameters": {"sagemaker_program": '""'}},
            "AlgorithmSpecification without ContainerEntrypoint",
        ),
        ({"TensorBoardOutputConfig": {"S3OutputPath": "s3://jobs/tb"}}, "TensorBoardOutputConfig"),
        (
            {"CheckpointConfig": {"S3Uri": "s3://jobs/c", "LocalPath": "/opt/ml/../c"}},
            "CheckpointConfig.LocalPath",
        ),
    ],
)
def test_fields_that_could_change_a_result_are_rejected(bench, change, field):
    with pytest.raises(ApiError) as caught:
        bench.train("rejected", "pass", **change)
    assert caught.value.message.startswith(f"not supported by the local SageMaker: {field}")


def test_metric_with_an_invalid_regex_is_rejected(bench):
    with pytest.raises(ApiError, match="The regular expression of metric mae is not valid"):
        bench.train("bad", "pass", spec={"MetricDefinitions": [{"Name": "mae", "Regex": "("}]})


def test_spot_training_is_accepted_with_a_warning(bench):
    stopping = {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 600}
    bench.train("spot", "pass", EnableManagedSpotTraining=True, StoppingCondition=stopping)
    assert bench.ended("spot", "Training")["EnableManagedSpotTraining"] is True
    assert "WARNING: EnableManagedSpotTraining has no effect" in bench.log("spot", "training")


@pytest.fixture
def _no_namespaces(monkeypatch):
    monkeypatch.setattr(launcher, "probe", lambda: Isolation("rewritten paths", "for this test"))


@pytest.mark.usefixtures("_no_namespaces")
def test_training_job_gives_the_same_model_without_namespaces(bench):
    """Scripts that use /opt/ml also work on a system that forbids namespaces."""
    fit(bench, script=FIT.replace("os.environ['SM_MODEL_DIR']", "'/opt/ml/model'"))
    job = bench.ended("fit", "Training")
    assert job["TrainingJobStatus"] == "Completed", bench.log("fit", "training")
    model = bench.archive("models/fit/output/model.tar.gz")
    assert json.loads(model["model.json"]) == {"n": 300, "deep": "true"}
    folder = bench.settings.root / "jobs/training/fit/ml"
    assert json.loads(model["variables.json"])["SM_CHANNEL_TRAIN"] == str(folder / "input/data/train")
