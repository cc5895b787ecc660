"""Jobs with several instances. Each host is a process with its own /opt/ml, name and address."""

from __future__ import annotations

import json
import sys

import pytest
from tests.sagemaker_local.jobs.test_job_parts import messages
from tests.support import processes

from sagemaker_local.api.protocol import ApiError

TWO = {"InstanceCount": 2, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 1}
CLUSTER = {"ProcessingResources": {"ClusterConfig": TWO}}
INSPECT = """\
import json, os, pathlib, socket
host = os.environ["SM_CURRENT_HOST"]
seen = {
    "hosts": json.loads(os.environ["SM_HOSTS"]),
    "master": json.loads(os.environ["SM_TRAINING_ENV"])["is_master"],
    "config": json.loads(pathlib.Path("/opt/ml/input/config/resourceconfig.json").read_text()),
    "sharded": sorted(file.name for file in pathlib.Path("/opt/ml/input/data/sharded").iterdir()),
    "whole": sorted(file.name for file in pathlib.Path("/opt/ml/input/data/whole").iterdir()),
}
model = pathlib.Path(os.environ["SM_MODEL_DIR"])
(model / f"{host}.json").write_text(json.dumps(seen))
(model / "same.txt").write_text(host)
(pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"]) / host).write_text("made")
print("loss from", host)
"""
MEET = """\
import os, socket, time
host = os.environ["SM_CURRENT_HOST"]
assert socket.gethostname() == host
if host == "algo-1":
    with socket.create_server(("algo-1", 29500)) as server:
        connection, peer = server.accept()
        print("met", peer[0], connection.recv(100).decode())
else:
    for _ in range(6000):
        try:
            connection = socket.create_connection(("algo-1", 29500), source_address=(host, 0))
            break
        except ConnectionRefusedError:
            time.sleep(0.05)
    connection.sendall(host.encode())
"""
FAIL = """\
import os, time
if os.environ["SM_CURRENT_HOST"] == "algo-2":
    raise ValueError("no luck here")
time.sleep(600.125)
"""
PROCESS = """\
import json, pathlib
root = pathlib.Path("/opt/ml")
config = json.loads((root / "config/resourceconfig.json").read_text())
parts = sorted(file.name for file in (root / "processing/input/data").iterdir())
out = root / "processing/output/made"
(out / f"{config['current_host']}.json").write_text(json.dumps([config["hosts"], parts]))
"""


def channel(bench, name, distribution):
    made = bench.channel(name, bench.uri("data/"))
    made["DataSource"]["S3DataSource"]["S3DataDistributionType"] = distribution
    return made


def needs_namespaces(bench):
    if not bench.service._context.launcher.isolation.mode:
        pytest.skip("no namespaces here")


def test_host_has_its_own_opt_ml_and_its_shard_of_the_data(bench):
    for number in range(5):
        bench.put(f"data/{number}.csv", "x")
    inputs = [channel(bench, "sharded", "ShardedByS3Key"), channel(bench, "whole", "FullyReplicated")]
    bench.train("hosts", INSPECT, ResourceConfig=TWO, InputDataConfig=inputs)
    job = bench.ended("hosts", "Training")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    model = bench.archive("models/hosts/output/model.tar.gz")
    first, second = (json.loads(model[f"algo-{number}.json"]) for number in (1, 2))
    files = [f"{number}.csv" for number in range(5)]
    assert (first["sharded"], second["sharded"]) == (files[::2], files[1::2])
    assert first["whole"] == second["whole"] == files
    assert (first["master"], second["master"]) == (True, False)
    for number, seen in enumerate((first, second), 1):
        assert seen["hosts"] == seen["config"]["hosts"] == ["algo-1", "algo-2"]
        assert seen["config"]["current_host"] == f"algo-{number}"
        assert seen["config"]["network_interface_name"] == "lo"
        assert seen["config"]["instance_groups"][0]["hosts"] == ["algo-1", "algo-2"]
    assert set(bench.archive("models/hosts/output/output.tar.gz")) == {"algo-1", "algo-2"}


def test_first_hosts_file_wins_a_name_clash_with_a_warning(bench):
    bench.put("data/a.csv", "x")
    inputs = [channel(bench, "sharded", "ShardedByS3Key"), channel(bench, "whole", "FullyReplicated")]
    bench.train("clash", INSPECT, ResourceConfig=TWO, InputDataConfig=inputs)
    assert bench.ended("clash", "Training")["TrainingJobStatus"] == "Completed"
    assert bench.archive("models/clash/output/model.tar.gz")["same.txt"] == b"algo-1"
    assert "WARNING: algo-2 also wrote /opt/ml/model/same.txt" in bench.log("clash", "training")


def test_host_has_its_own_log_stream(bench, logs_client):
    bench.put("data/a.csv", "x")
    inputs = [channel(bench, "sharded", "ShardedByS3Key"), channel(bench, "whole", "FullyReplicated")]
    bench.train("streams", INSPECT, ResourceConfig=TWO, InputDataConfig=inputs)
    bench.ended("streams", "Training")
    group = {"logGroupName": "/aws/sagemaker/TrainingJobs", "logStreamNamePrefix": "streams/"}

    def lines(number):
        return messages(logs_client, group["logGroupName"], f"streams/algo-{number}-")

    for number in (1, 2):
        bench.until(lambda number=number: f"loss from algo-{number}" in lines(number))
        assert f"loss from algo-{3 - number}" not in lines(number)
    assert len(logs_client.describe_log_streams(**group)["logStreams"]) == 2


def test_hosts_reach_one_another_by_name(bench):
    needs_namespaces(bench)
    bench.train("meet", MEET, ResourceConfig=TWO)
    assert bench.ended("meet", "Training")["TrainingJobStatus"] == "Completed", bench.log("meet", "training")
    assert "met 127.0.0.2 algo-2" in bench.log("meet", "training")


def test_failing_host_fails_the_job_and_ends_the_others(bench):
    bench.train("fails", FAIL, ResourceConfig=TWO)
    job = bench.ended("fails", "Training")
    assert job["TrainingJobStatus"] == "Failed"
    assert "no luck here" in job["FailureReason"]
    assert not [line for line in processes.command_lines().values() if str(bench.settings.root) in line]


def test_processing_job_shards_its_input_over_two_hosts(bench):
    for name in ("a", "b", "c"):
        bench.put(f"data/{name}", "x")
    data = bench.s3_input(
        "data", bench.uri("data/"), "/opt/ml/processing/input/data", S3DataDistributionType="ShardedByS3Key"
    )
    outputs = {"Outputs": [bench.s3_output("made", bench.uri("made"), "/opt/ml/processing/output/made")]}
    bench.process("two", PROCESS, inputs=[data], ProcessingOutputConfig=outputs, **CLUSTER)
    job = bench.ended("two")
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    made = {key: json.loads(bench.get(key)) for key in bench.keys("made/")}
    hosts = ["algo-1", "algo-2"]
    assert made == {"made/algo-1.json": [hosts, ["a", "c"]], "made/algo-2.json": [hosts, ["b"]]}


def test_stopped_job_of_two_hosts_leaves_no_process(bench):
    bench.process("stopped", "import time; print('up', flush=True); time.sleep(600.25)", **CLUSTER)
    bench.until(lambda: "up" in bench.log("stopped"))
    bench.service.call("StopProcessingJob", {"ProcessingJobName": "stopped"})
    assert bench.ended("stopped")["ProcessingJobStatus"] == "Stopped"
    assert not [line for line in processes.command_lines().values() if str(bench.settings.root) in line]


def test_too_many_hosts_are_rejected(bench):
    with pytest.raises(ApiError, match=r"ClusterConfig\.InstanceCount=33"):
        bench.process("many", "pass", ProcessingResources={"ClusterConfig": {**TWO, "InstanceCount": 33}})


@pytest.mark.skipif(sys.platform != "linux", reason="needs namespaces")
def test_job_sees_no_account_files(bench, tmp_path, monkeypatch):
    needs_namespaces(bench)
    home = tmp_path / "user"
    (home / ".aws/sso").mkdir(parents=True)
    (home / ".aws/credentials").write_text("secret")
    (home / "elsewhere").write_text("secret")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(home / "elsewhere"))
    script = f"""\
import pathlib
home = pathlib.Path({str(home)!r})
print("found", list((home / ".aws").iterdir()), repr((home / "elsewhere").read_text()))
"""
    bench.process("secrets", script)
    assert bench.ended("secrets")["ProcessingJobStatus"] == "Completed"
    assert "found [] ''" in bench.log("secrets")
    assert (home / ".aws/credentials").read_text() == "secret"
