"""Uses of an installation that need permissions: every stage kind, every trigger, and failures."""

from __future__ import annotations

import io
import json
import tarfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from tests.e2e.enforced import ROOT, Enforced
from tests.e2e.ticks import ticks
from tests.support.documents import effective
from tests.support.waiting import until

from stagewright.aws.executions import Executions
from stagewright.aws.registry import Registry
from stagewright.document.canonical_json import document_json
from stagewright.document.file import read_document
from stagewright.document.load import load
from stagewright.local import sample_functions
from stagewright.local.state import INSTALLATION
from stagewright.naming import timestamp
from stagewright.planner.model import Trigger
from stagewright.planner.release import Release
from stagewright.runs import approvals, queue, starting
from stagewright.runs.dead_letters import list_letters
from stagewright.runs.history.run_history import list_runs, show
from stagewright.runs.plan_inputs.load import make_plan
from stagewright.runs.releases.code_folder import scan
from stagewright.runs.requests import request_run

EXAMPLE = ROOT / "examples" / "house-price"
DEFAULTS = {"image": "sklearn-1.4", "instance_type": "ml.m5.large"}
GATE = {"kind": "gate", "require": "1 >= 0"}
WORK = """\
import pathlib, sys, time
time.sleep(float(sys.argv[1]))
for place in pathlib.Path("/opt/ml/processing/output").iterdir():
    (place / "rows.csv").write_text("1,2\\n3,4\\n")
"""
SHAPE = """\
import json, sys, time
import boto3
from awsglue.utils import getResolvedOptions

options = getResolvedOptions(sys.argv, ["rows", "made", "seconds"])
time.sleep(float(options["seconds"]))
s3 = boto3.client("s3")


def place(uri):
    bucket, _, key = uri[len("s3://"):].partition("/")
    return {"Bucket": bucket, "Prefix": key}


rows = s3.list_objects_v2(**place(options["rows"]))["Contents"]
bucket, prefix = place(options["made"]).values()
sizes = [len(s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()) for each in rows]
s3.put_object(Bucket=bucket, Key=prefix + "/old", Body=b"")
s3.delete_object(Bucket=bucket, Key=prefix + "/old")
s3.put_object(Bucket=bucket, Key=prefix + "/metrics.json", Body=json.dumps({"sum": sum(sizes)}))
"""
TRAIN = """\
import argparse, os, pathlib, sys, time


def model_fn(folder):
    if pathlib.Path(folder, "broken").exists():
        raise ValueError("this model cannot be served")


def transform_fn(model, body, content_type, accept):
    time.sleep(float(os.environ.get("SLEEP", "0")))
    return "1.0", accept


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--depth", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--broken", type=int, default=0)
    options = parser.parse_args()
    time.sleep(options.seconds)
    print(f"MAE: {options.depth}.5")
    folder = pathlib.Path(os.environ["SM_MODEL_DIR"])
    (folder / "model.txt").write_text(str(options.depth))
    if options.broken:
        (folder / "broken").write_text("")
"""
MEASURE = """\
def handler(event, context):
    return {"double": event["sum"] * 2}
"""
FILES = {"work.py": WORK.encode(), "shape.py": SHAPE.encode(), "train.py": TRAIN.encode()}
PREPARE: dict[str, Any] = {"kind": "processing", "code": "work.py", "arguments": ["0"], "outputs": ["rows"]}
TUNE: dict[str, Any] = {
    "kind": "tuning",
    "entry_point": "train.py",
    "ranges": {"depth": {"type": "integer", "min": 1, "max": 6}},
    "metrics": {"mae": "MAE: ([0-9.]+)"},
    "objective": {"metric": "mae", "goal": "minimize"},
    "strategy": "Random",
    "max_jobs": 2,
}
SHAPED: dict[str, Any] = {
    "kind": "glue",
    "code": "shape.py",
    "outputs": ["made"],
    "arguments": {"seconds": "0"},
    "metrics_file": "made/metrics.json",
}
ROWS, SUM = "${stages.prepare.outputs.rows}", "${stages.shape.metrics.sum}"
MODEL = "s3://${bucket}/models/model.tar.gz"
PACKAGE = "${stages.register.package}"
BETTER = "${stages.tune.metrics.mae} <= ${champion.tune.metrics.mae} + 9"
EVERY: dict[str, Any] = {
    "name": "every",
    "parameters": {"seed": 1},
    "defaults": DEFAULTS,
    "stages": {
        "prepare": {**PREPARE, "arguments": ["0", "${parameters.seed}"], "inputs": {"raw": "s3://${bucket}/raw/every/"}},
        "shape": {**SHAPED, "inputs": {"rows": ROWS}},
        "platform": {**SHAPED, "inputs": {"rows": ROWS}, "job": "platform-job"},
        "measure": {"kind": "lambda", "function": "measure", "payload": {"sum": SUM}},
        "label": {"kind": "callback", "queue": "labeling"},
        "tune": {**TUNE, "channels": {"train": ROWS}},
        "better": {"kind": "gate", "require": BETTER},
        "register": {
            "kind": "register",
            "model": "${stages.tune.model}",
            "entry_point": "train.py",
            "after": ["better"],
        },
        "ok": {"kind": "approval", "package": PACKAGE, "message": "go on?", "timeout": "7d"},
        "served": {"kind": "model", "model": PACKAGE, "after": ["ok"]},
        "score": {"kind": "transform", "model": "${stages.served.name}", "input": ROWS},
        "together": {
            **PREPARE,
            "arguments": ["0", "${stages.measure.metrics.double} and ${stages.platform.metrics.sum}"],
            "after": ["score"],
        },
    },
}  # fmt: skip


SCRIPT = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
SERVING = {"kind": "endpoint", "model": MODEL, "environment": SCRIPT}


def artifact(place: Enforced) -> None:
    """A model, for whoever serves one that no run has trained."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        entry = tarfile.TarInfo("code/inference.py")
        entry.size = len(TRAIN)
        tar.addfile(entry, io.BytesIO(TRAIN.encode()))
    place.gateway.objects.put("models/model.tar.gz", buffer.getvalue())


def example(place: Enforced) -> None:
    """The example is served, fails at its gate, and replaces what it served; the sweeper takes it away."""
    sales = EXAMPLE / "data" / "ames_house_sales.csv"
    place.client("s3").upload_file(str(sales), INSTALLATION.bucket, f"raw/house-price/{sales.name}")
    place.gateway.objects.put("samples/house.json", (EXAMPLE / "house.json").read_bytes())
    tested = {
        "smoke_test": {"file": "s3://${bucket}/samples/house.json"},
        "alarms": {"errors": {"metric": "Invocation5XXErrors", "threshold": 1}},
        "update": {"bake": "1s"},
        "time_to_live": "1s",
    }
    assert _example(place) == "SUCCEEDED"
    assert _example(place, min_r2=0.999) == "FAILED"
    assert _example(place, deploy=tested) == "SUCCEEDED"
    time.sleep(1)
    place.sweep()
    until(lambda: place.client("sagemaker").list_endpoints(NameContains="house-price")["Endpoints"] == [])


def _example(place: Enforced, min_r2: float = 0.88, deploy: Mapping[str, Any] | None = None) -> str:
    document = json.loads(document_json(read_document(EXAMPLE / "pipeline.yaml")))
    document["parameters"]["min_r2"] = min_r2
    document["stages"]["deploy"].update(deploy or {})
    return place.ended(place.push(document, scan(EXAMPLE / "code"))).status


def every_kind(place: Enforced, folder: Path) -> None:
    """A run of every kind, approved in the registry; one rejected there; one whose models are reused."""
    place.gateway.objects.put("raw/every/rows.csv", b"1,2\n")
    (folder / "measure.py").write_text(MEASURE)
    sample_functions.put(place.server, folder, {"measure": "measure.py:handler"})
    glue = place.client("glue")
    own = glue.get_job(JobName=INSTALLATION.name("pythonshell"))["Job"]
    taken = {
        name: own[name] for name in ("Role", "Command", "GlueVersion", "MaxCapacity", "DefaultArguments")
    }
    glue.create_job(Name="platform-job", Tags=INSTALLATION.tags, **taken)
    place.client("sqs").create_queue(QueueName="labeling", tags=INSTALLATION.tags)
    first = place.push(EVERY, FILES)
    _return_token(place)
    assert _decided(place, first, "Approved") == "SUCCEEDED"
    assert _decided(place, request_run(place.gateway, "every", {"seed": 2}, "test"), "Rejected") == "FAILED"
    again = place.ended(request_run(place.gateway, "every", {}, "test"))
    assert {stage.name: stage.action for stage in again.stages}["served"] == "reuse"


def _return_token(place: Enforced) -> None:
    """As the program does that gets the message of the callback stage."""
    queue = place.client("sqs").get_queue_url(QueueName="labeling")["QueueUrl"]
    messages = until(lambda: place.client("sqs").receive_message(QueueUrl=queue).get("Messages"))
    token = json.loads(messages[0]["Body"])["token"]
    place.client("stepfunctions").send_task_success(taskToken=token, output="{}")


def _decided(place: Enforced, key: str, status: str) -> str:
    """How the run ended after the registry had said so."""
    place.client("sagemaker").update_model_package(
        ModelPackageArn=_asked(place, key).package, ModelApprovalStatus=status, ApprovalDescription="so be it"
    )
    return place.ended(key).status


def _asked(place: Enforced, key: str) -> Any:
    run = place.run_of(key)

    def waits() -> Any:
        record = show(place.gateway, run)
        assert not record.ended, record.reason
        return [each for each in approvals.waiting(place.gateway) if each.run == run]

    return until(waits)[0]


def versions(place: Enforced) -> None:
    """An endpoint that is updated until versions and an alarm are removed, that fails, and is made anew."""
    watched = {
        "alarms": {"errors": {"metric": "Invocation5XXErrors", "threshold": 1}},
        "update": {"bake": "1s"},
    }
    assert _deployed(place, 1, deploy=watched) == "SUCCEEDED"
    assert _deployed(place, 2) == "SUCCEEDED"
    place.client("sagemaker").delete_endpoint(EndpointName="versions-local")
    assert _deployed(place, 3, broken=1) == "FAILED"
    assert _deployed(place, 4) == "SUCCEEDED"


def _deployed(
    place: Enforced, depth: int, broken: int = 0, deploy: Mapping[str, Any] = MappingProxyType({})
) -> str:
    train = {
        "kind": "training",
        "entry_point": "train.py",
        "hyperparameters": {"depth": depth, "broken": broken},
    }
    serving = {"kind": "endpoint", "model": "${stages.train.model}", "entry_point": "train.py", "keep": 0}
    stages = {"train": train, "deploy": {**serving, **deploy}}
    document = {"name": "versions", "defaults": DEFAULTS, "stages": stages}
    return place.ended(place.push(document, FILES)).status


def gathered(place: Enforced) -> None:
    """A list gets a second item: what the first one made is copied next to what the second one makes."""
    stages = {
        "prepare": {**PREPARE, "for_each": "items", "arguments": ["0", "${each.name}"]},
        "all": {**PREPARE, "inputs": {"every": "${stages.prepare.all.outputs.rows}"}},
    }
    lists = {"items": {"items": "${parameters.items}"}}
    document = {"name": "listed", "parameters": {"items": "a"}, "defaults": DEFAULTS, "lists": lists}
    assert place.ended(place.push({**document, "stages": stages}, FILES)).status == "SUCCEEDED"
    second = place.ended(request_run(place.gateway, "listed", {"items": "a,b"}, "test"))
    assert {stage.name: stage.action for stage in second.stages}["prepare/a"] == "reuse"
    listed = place.gateway.objects.list(f"runs/listed/{second.run}/prepare/rows/")
    assert [each.key.split("/")[-2] for each in listed] == ["a", "b"]


def cancelled(place: Enforced) -> None:
    """A run with a job of every kind at work makes way for a newer one."""
    raw = "s3://${bucket}/raw/every/"
    at_work: dict[str, Any] = {
        "work": {**PREPARE, "arguments": ["600"]},
        "train": {"kind": "training", "entry_point": "train.py", "hyperparameters": {"seconds": 600}},
        "tune": {**TUNE, "hyperparameters": {"seconds": 600}},
        "shape": {**SHAPED, "inputs": {"rows": raw}, "arguments": {"seconds": "600"}},
        "platform": {
            **SHAPED,
            "inputs": {"rows": raw},
            "arguments": {"seconds": "600"},
            "job": "platform-job",
        },
        "score": {
            "kind": "transform",
            "model": MODEL,
            "input": raw,
            "environment": {**SCRIPT, "SLEEP": "600"},
        },
    }
    document = {"name": "busy", "concurrency": "cancel-running", "defaults": DEFAULTS, "stages": at_work}
    first = place.run_of(place.push(document, FILES))
    until(lambda: all(stage.status == "RUNNING" for stage in show(place.gateway, first).stages))
    second = place.push({**document, "stages": {"check": GATE}}, FILES)
    assert place.ended(second).status == "SUCCEEDED"
    stopped = show(place.gateway, first)
    assert (stopped.status, stopped.reason) == ("STOPPED", f"stopped by run {place.run_of(second)}")


def triggered(place: Enforced) -> None:
    """Data that settles, the pipeline after it, the clock; runs in a line; one that is refused; what nobody
    can read."""
    gateway = place.gateway
    _push(place, "settled", {"type": "data", "prefix": "raw/settled/", "settle": "1s"})
    _push(place, "after", {"type": "upstream", "pipeline": "settled"})
    gateway.objects.put("raw/settled/2026-01-31/rows.csv", b"1,2\n")
    assert _only(place, "after").trigger.run == _only(place, "settled").run
    with ticks(gateway) as (now, tick):
        _push(place, "nightly", {"type": "schedule", "cron": f"{now.minute} {now.hour} * * ? *"})
        tick()
        assert _only(place, "nightly").trigger.type == "schedule"
    slow = {"name": "line", "defaults": DEFAULTS, "stages": {"work": {**PREPARE, "arguments": ["1"]}}}
    first = place.push(slow, FILES)
    second = request_run(gateway, "line", {}, "test", force=True)
    assert {place.ended(key).status for key in (first, second)} == {"SUCCEEDED"}
    off = {"prepare": {**PREPARE, "enabled": False}, "use": {**PREPARE, "inputs": {"made": ROWS}}}
    key = place.push({"name": "rejected", "defaults": DEFAULTS, "stages": off}, FILES)
    assert place.ended(key).status == "REJECTED"
    gateway.queue.send({"what": "is this"})
    (letter,) = until(lambda: list_letters(gateway))
    assert "pipeline: Field required" in letter.why
    spoilt = {"run": {"S": "spoilt"}, "item": {"S": "run"}, "trigger": {"S": "{"}}
    place.client("dynamodb").put_item(TableName=INSTALLATION.runs_table, Item=spoilt)
    queue.send_run_ready(gateway, "spoilt")
    until(lambda: any(each["action"] == "sqs:ChangeMessageVisibility" for each in place.judged()))
    assert not (denied := place.denied()), denied


def _push(place: Enforced, name: str, *triggers: Mapping[str, Any]) -> None:
    place.push({"name": name, "stages": {"check": GATE}, "triggers": list(triggers)}, {})


def _only(place: Enforced, pipeline: str) -> Any:
    def over() -> Any:
        assert not (denied := place.denied()), denied
        return [run for run in list_runs(place.gateway, pipeline) if run.status == "SUCCEEDED"]

    (run,) = until(over)
    return run


def mended(place: Enforced, patch: pytest.MonkeyPatch) -> None:
    """What the sweeper puts right: events that were lost, decisions and starts that were half made."""
    stood = timestamp(datetime.now(UTC) - timedelta(minutes=3))
    clock = {"run": {"S": "tick"}, "item": {"S": "tick"}, "last": {"S": stood}}
    place.client("dynamodb").put_item(TableName=INSTALLATION.runs_table, Item=clock)
    place.sweep()
    document = {"name": "lost", "stages": {"check": GATE}}
    with place.deaf("release"):
        key = place.push(document, {"a.py": b""})
        time.sleep(1)
    place.sweep()
    assert place.ended(key).status == "SUCCEEDED"
    with place.deaf("run-status"):
        failing = {**document, "stages": {"check": {"kind": "gate", "require": "0 >= 1"}}}
        run = place.run_of(place.push(failing, {}))
        waits = request_run(place.gateway, "lost", {}, "test")
        until(lambda: _is_over(place, run))
        place.sweep()
        place.sweep()
    assert place.ended(waits).status == "FAILED"
    _half_decided(place, patch)
    _half_started(place, patch)


def recounted(place: Enforced) -> None:
    """The sweeper counts what runs used, as if the recorder had died."""
    since = timestamp(datetime.now(UTC) - timedelta(minutes=3))
    table, client = INSTALLATION.runs_table, place.client("dynamodb")
    for header in place.gateway.runs.of_pipeline("every", 20):
        mark = {"run": {"S": "uncounted"}, "item": {"S": f"run#{header.run}"}, "since": {"S": since}}
        client.put_item(TableName=table, Item=mark)
        key = {"run": {"S": header.run}, "item": {"S": "run"}}
        client.update_item(TableName=table, Key=key, UpdateExpression="REMOVE cost")
    place.sweep()
    assert place.gateway.runs.uncounted() == ()
    assert all(header.cost for header in place.gateway.runs.of_pipeline("every", 20) if header.execution)


def _is_over(place: Enforced, run: str) -> bool:
    executions = place.gateway.executions
    return executions.exists(run) and executions.describe(executions.arn_of(run)).status != "RUNNING"


def _half_decided(place: Enforced, patch: pytest.MonkeyPatch) -> None:
    key = request_run(place.gateway, "every", {"seed": 3}, "test")
    asked = _asked(place, key)
    place.sweep()  # sends the notice with the evidence
    with place.deaf("model-approval"):
        place.gateway.registry.approve(asked.package, "Rejected", "no")
    place.sweep()
    assert place.ended(key).status == "FAILED"
    key = request_run(place.gateway, "every", {"seed": 4}, "test")
    asked = _asked(place, key)
    with patch.context() as crashing:
        crashing.setattr(Registry, "approve", _crash)
        with pytest.raises(ConnectionError):
            approvals.decide(place.gateway, asked.run, "ok", approved=True, by="ann", why="fine")
    place.sweep()
    assert place.ended(key).status == "SUCCEEDED"


def _half_started(place: Enforced, patch: pytest.MonkeyPatch) -> None:
    """A claimed run whose starter died."""
    pipeline = load({"name": "dead", "stages": {"check": GATE}, "triggers": []})
    trigger = Trigger("manual", "manual:dead", timestamp(datetime.now(UTC)), "test")
    plan = make_plan(place.gateway, effective(pipeline), trigger, Release("dead", {}), 1)
    with patch.context() as crashing:
        crashing.setattr(Executions, "start", _crash)
        with pytest.raises(ConnectionError):
            starting.start(place.gateway, plan)
    place.sweep()
    assert place.ended("manual:dead").status == "SUCCEEDED"


def _crash(*_: Any) -> bool:
    raise ConnectionError("the process died")
