"""Jobs with network isolation reach nothing but themselves."""

from __future__ import annotations

import pytest

from sagemaker_local.sandbox import launcher
from sagemaker_local.sandbox.isolation import Isolation, probe

CONNECT = """\
import os, pathlib, socket, urllib.parse
own = socket.create_server(("127.0.0.1", 0))
socket.create_connection(own.getsockname(), 5).close()
url = urllib.parse.urlparse(os.environ["AWS_ENDPOINT_URL"])
try:
    socket.create_connection((url.hostname, url.port), 5).close()
    print("REACHED")
except OSError as error:
    print("UNREACHABLE", error)
"""
needs_namespaces = pytest.mark.skipif(not probe().mode, reason="this system forbids namespaces")


def isolated(noun):
    return (
        {"EnableNetworkIsolation": True}
        if noun == "Training"
        else {"NetworkConfig": {"EnableNetworkIsolation": True}}
    )


def run(bench, noun, **more):
    if noun == "Processing":
        bench.process("job", CONNECT, **more)
    else:
        source = bench.source("code/source.tar.gz", train_py=CONNECT)
        own = {"sagemaker_submit_directory": '"/opt/ml/input/data/code/source.tar.gz"'}
        channels = [bench.channel("code", source)]
        bench.train("job", CONNECT, hyperparameters=own, InputDataConfig=channels, **more)
    job = bench.ended("job", noun)
    assert job[f"{noun}JobStatus"] == "Completed", job
    return bench.log("job", noun.lower())


@needs_namespaces
@pytest.mark.parametrize("noun", ["Processing", "Training"])
def test_isolated_job_reaches_no_service(bench, noun):
    log = run(bench, noun, **isolated(noun))
    assert "UNREACHABLE" in log
    assert "has no effect" not in log


@pytest.mark.parametrize("noun", ["Processing", "Training"])
def test_other_job_reaches_the_local_services(bench, noun):
    assert "REACHED" in run(bench, noun).replace("UNREACHABLE", "")


def test_isolation_that_cannot_be_had_is_named_in_the_log(bench, monkeypatch):
    monkeypatch.setattr(launcher, "probe", lambda: Isolation("rewritten paths", "for this test"))
    bench.service.launcher._probe = bench.service.launcher._thread.submit(launcher.probe)
    log = run(bench, "Processing", **isolated("Processing"))
    assert "WARNING: EnableNetworkIsolation has no effect here" in log


def test_isolated_script_mode_downloads_and_installs_nothing(bench):
    bench.train("far", "pass", EnableNetworkIsolation=True)
    job = bench.ended("far", "Training")
    assert job["FailureReason"].startswith(
        "AlgorithmError: the container has no network (EnableNetworkIsolation) to"
    )
    source = bench.source("code/source.tar.gz", train_py="pass", requirements_txt="six")
    own = {"sagemaker_submit_directory": '"/opt/ml/input/data/code/source.tar.gz"'}
    channels = [bench.channel("code", source)]
    bench.train(
        "installs", "pass", hyperparameters=own, InputDataConfig=channels, EnableNetworkIsolation=True
    )
    reason = bench.ended("installs", "Training")["FailureReason"]
    assert reason.startswith("AlgorithmError: InstallRequirementsError: the container has no network")


def test_checkpoints_of_a_failed_job_are_restored_by_the_next(bench):
    script = (
        "import pathlib, sys\nfolder = pathlib.Path('/opt/ml/checkpoints')\n"
        "seen = sorted(path.name for path in folder.iterdir())\nprint('SEEN', seen)\n"
        "(folder / 'epoch-1').write_text('1')\nsys.exit(0 if seen else 1)\n"
    )
    spot = {
        "EnableManagedSpotTraining": True,
        "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 120},
        "CheckpointConfig": {"S3Uri": bench.uri("spot/checkpoints")},
    }
    bench.train("first", script, **spot)
    assert bench.ended("first", "Training")["TrainingJobStatus"] == "Failed"
    bench.train("second", script, **spot)
    assert bench.ended("second", "Training")["TrainingJobStatus"] == "Completed"
    assert "SEEN ['epoch-1']" in bench.log("second", "training")
