"""Every socket of a running installation: server, functions, jobs, model servers and the command daemon."""

from __future__ import annotations

import io
import json
import os
import stat
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
from tests.local.conftest import Connect
from tests.support.listening import listeners, process_tree
from tests.support.processes import command_lines
from tests.support.waiting import until

from sagemaker_local.state_folder import Server
from stagewright.cli import daemon
from stagewright.local import server as local

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

BUCKET = "stagewright-local"
ROLE = "arn:aws:iam::000000000000:role/stagewright-local-sagemaker"
MODEL = """
def model_fn(folder): pass
def input_fn(body, content_type): return body
def predict_fn(data, model): return "yes"
"""
SLEEP = "import time; print('begun', flush=True); time.sleep(600)"
MACHINE = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 5}


@pytest.fixture
def installation(state: Path) -> Server:
    """A server with a command daemon, which `state` stops."""
    server = local.up(state)
    (state / "local.toml").write_text(f'[pythons]\n"own-image" = "{sys.executable}"\n')
    daemon.start(server)
    until(lambda: daemon._answers(daemon.main.socket_path(str(state))))
    return server


def put(client: Connect, key: str, **files: str) -> str:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    client("s3").put_object(Bucket=BUCKET, Key=key, Body=buffer.getvalue())
    return f"s3://{BUCKET}/{key}"


def deploy(client: Connect) -> None:
    data = put(client, "tests/model.tar.gz", **{"code/inference.py": MODEL})
    sagemaker = client("sagemaker")
    container = {"Image": "own-image", "ModelDataUrl": data}
    sagemaker.create_model(ModelName="m", PrimaryContainer=container, ExecutionRoleArn=ROLE)
    variant = {"VariantName": "v", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="e", WaiterConfig={"Delay": 0.1})


def start_jobs(client: Connect) -> None:
    """A tuning job with one training job, and a processing job. They do not end."""
    submit = put(client, "tests/source.tar.gz", **{"train.py": SLEEP})
    sagemaker = client("sagemaker")
    sagemaker.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName="tune",
        HyperParameterTuningJobConfig={
            "Strategy": "Random",
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1},
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
            "ParameterRanges": {
                "ContinuousParameterRanges": [{"Name": "rate", "MinValue": "0", "MaxValue": "1"}]
            },
        },
        TrainingJobDefinition={
            "StaticHyperParameters": {
                "sagemaker_program": json.dumps("train.py"),
                "sagemaker_submit_directory": json.dumps(submit),
            },
            "AlgorithmSpecification": {
                "TrainingImage": "own-image",
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "loss", "Regex": "loss: ([0-9.]+)"}],
            },
            "RoleArn": ROLE,
            "ResourceConfig": MACHINE,
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/tests"},
        },
    )
    sagemaker.create_processing_job(
        ProcessingJobName="process",
        RoleArn=ROLE,
        AppSpecification={"ImageUri": "own-image", "ContainerEntrypoint": ["python3", "-c", SLEEP]},
        ProcessingResources={"ClusterConfig": MACHINE},
    )


def is_running(sagemaker: Any, state: Path) -> bool:
    """Whether the scripts of the training job and the processing job have started."""
    training = sagemaker.list_training_jobs()["TrainingJobSummaries"]
    processing = sagemaker.describe_processing_job(ProcessingJobName="process")
    states = [*(job["TrainingJobStatus"] for job in training), processing["ProcessingJobStatus"]]
    assert "Failed" not in states, processing
    logs = [file.read_text() for file in state.glob("sagemaker/jobs/*/*/log")]
    return len(states) == 2 and sum("begun" in log.splitlines() for log in logs) == 2


def test_only_the_gated_port_is_open_and_all_sockets_are_in_private_folders(
    installation: Server, clients: Any, state: Path
) -> None:
    client = clients(installation)
    deploy(client)
    start_jobs(client)
    until(lambda: is_running(client("sagemaker"), state))

    daemons = [process for process, line in command_lines().items() if f"daemon {state}" in line]
    opened = listeners(process_tree(installation.pid, *daemons))

    network = {item.address for item in opened if item.kind != "unix"}
    assert network == {installation.url.removeprefix("http://")}
    folders = {Path(item.address).parent for item in opened if item.kind == "unix"}
    (servers,) = folders - {state}
    assert state in folders
    assert servers == state / "sagemaker/sockets" or servers.name.startswith("sagemaker-local-")
    for folder in folders:
        assert (stat.S_IMODE(folder.stat().st_mode), folder.stat().st_uid) == (0o700, os.getuid())
