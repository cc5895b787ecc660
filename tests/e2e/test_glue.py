"""Glue stages: the script runs as a Python shell job and writes its outputs to the bucket."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from tests.e2e.places import Place
from tests.support.waiting import until

from stagewright.local import server
from stagewright.runs.history.run_history import show

pytestmark = pytest.mark.e2e

DOCUMENT = """\
name: shell
parameters: {rate: 0.5, seconds: 0, fail: false}
sample_data: {raw/shell/: numbers.txt}
defaults: {image: sklearn-1.4, instance_type: ml.m5.large}
stages:
  shape:
    kind: glue
    code: jobs/shape.py
    include: [jobs/helping.py]
    inputs: {numbers: "s3://${bucket}/raw/shell/"}
    outputs: [made]
    metrics_file: made/metrics.json
    arguments: {rate: "${parameters.rate}", seconds: "${parameters.seconds}", fail: "${parameters.fail}"}
    max_runtime_seconds: 60
  use:
    kind: processing
    code: use.py
    inputs: {made: "${stages.shape.outputs.made}"}
    arguments: ["sum=${stages.shape.metrics.sum}", "run=${stages.shape.outputs.made}"]
    outputs: [seen]
"""
SHAPE = """\
import json, os, sys, time, urllib.parse, urllib.request
import boto3
from awsglue.utils import getResolvedOptions
from helping import added

options = getResolvedOptions(sys.argv, ["numbers", "made", "rate", "seconds", "fail"])
print("shaping with", options["rate"], flush=True)
time.sleep(float(options["seconds"]))
if options["fail"] == "true":
    raise ValueError('a "bad" number')
s3 = boto3.client("s3")


def place(uri):
    bucket, _, key = uri[len("s3://"):].partition("/")
    return bucket, key


bucket, prefix = place(options["numbers"])
found = s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]
bodies = [s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read().decode() for each in found]
total = added(bodies) * float(options["rate"])
bucket, prefix = place(options["made"])
s3.put_object(Bucket=bucket, Key=prefix + "/metrics.json", Body=json.dumps({"sum": total, "note": "x"}))
"""
HELPING = """\
def added(bodies):
    return sum(float(line) for body in bodies for line in body.split())
"""
USE = """\
import pathlib, sys
made = pathlib.Path("/opt/ml/processing/input/made/metrics.json").read_text()
pathlib.Path("/opt/ml/processing/output/seen/file").write_text("\\n".join([*sys.argv[1:], made]))
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    files = {
        "code/jobs/shape.py": SHAPE,
        "code/jobs/helping.py": HELPING,
        "code/use.py": USE,
        "numbers.txt": "1\n2\n3\n",
    }
    made = Place(tmp_path_factory.mktemp("shell") / "place", DOCUMENT, files)
    server.up(made.state)
    yield made
    server.down(made.state)


def test_glue_script_outputs_and_metrics_reach_the_next_stage(place: Place) -> None:
    ran = place.json("run", ".")
    gateway = place.gateway()
    stages = {stage["name"]: stage for stage in ran["stages"]}
    result = stages["shape"]["result"]
    made = f"s3://{gateway.installation.bucket}/runs/shell/{ran['run']}/shape/made"
    assert result["outputs"] == {"made": made}
    assert result["metrics"] == {"sum": 3}
    glue = gateway.session.client("glue", endpoint_url=gateway.endpoint_url)
    run = glue.get_job_run(JobName="stagewright-local-pythonshell", RunId=result["job"])["JobRun"]
    assert (run["JobRunState"], run["Timeout"], run["MaxCapacity"]) == ("SUCCEEDED", 1, 0.0625)
    assert run["Arguments"]["--rate"] == "0.5"
    assert run["Arguments"]["--scriptLocation"].endswith("/files/jobs/shape.py")
    seen = stages["use"]["result"]["outputs"]["seen"].partition(f"{gateway.installation.bucket}/")[2]
    lines = gateway.objects.get(f"{seen}/file").body.decode().splitlines()
    assert lines == ["sum=3", f"run={made}", '{"sum": 3.0, "note": "x"}']
    said = place.json("logs", ran["run"], "shape")["lines"]
    assert "shaping with 0.5" in [line["text"] for line in said]


def test_changed_glue_argument_or_code_appears_in_plan_reason(place: Place) -> None:
    place.json("run", ".")
    again = place.json("plan", ".", "-p", "rate=2")
    reasons = {stage["name"]: (stage["action"], stage["reason"]) for stage in again["stages"]}
    assert reasons["shape"] == ("run", "shape: arguments.rate 0.5 -> 2")
    helping = place.folder / "code/jobs/helping.py"
    helping.write_text(HELPING + "# changed\n")
    again = place.json("plan", ".")
    helping.write_text(HELPING)
    assert again["stages"][0]["reason"] == "shape: code jobs/helping.py changed"


def test_failed_glue_script_reports_its_exception(place: Place) -> None:
    err = place("run", ".", "-p", "fail=true", code=6).stderr
    assert "stage shape: " in err
    assert 'a "bad" number' in err
    assert "| shaping with 0.5" in err


def test_stop_ends_the_glue_job_run(place: Place) -> None:
    run = place.begun("-p", "seconds=300")
    gateway = place.gateway()
    until(lambda: gateway.runs.header(run) and show(gateway, run).stage("shape").detail == "RUNNING")
    record = show(gateway, run).stage("shape")
    assert record.definition == "stagewright-local-pythonshell"
    stopped = place.json("stop", run)
    assert stopped["status"] == "STOPPED"
    ended = until(
        lambda: (found := gateway.glue.find(record.definition, record.job)) and found.ended and found
    )
    assert ended.state == "STOPPED"


def test_plan_shows_the_glue_request(place: Place) -> None:
    planned = place.json("plan", ".", "--force")
    (shape,) = [stage for stage in planned["stages"] if stage["name"] == "shape"]
    request = shape["requests"]["StartJobRun"]
    assert request["JobName"] == "stagewright-local-pythonshell"
    assert "MaxCapacity" not in request
    assert request["Arguments"]["--stagewright-job"] == shape["job"]
    assert json.dumps(request["Arguments"]["--extra-py-files"]).endswith('/files/jobs/helping.py"')
