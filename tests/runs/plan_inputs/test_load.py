from __future__ import annotations

import json
from dataclasses import replace

import pytest
from tests.support.documents import effective

from stagewright.aws.endpoints import Endpoint
from stagewright.aws.registry import Package
from stagewright.document.load import load
from stagewright.errors import PlanError
from stagewright.planner.model import Trigger
from stagewright.runs.plan_inputs.load import make_plan
from stagewright.runs.releases import manifest as manifests
from stagewright.runs.releases.push import push
from stagewright.store.items import encode

TIME = "2026-01-31T14:00:00.000Z"


@pytest.fixture
def planned(gateway, pipeline, files):
    """Return a function that plans the pushed pipeline. Each plan has its own trigger key."""
    push(gateway, pipeline, files)
    release = manifests.read(gateway, pipeline.name).release
    keys = iter(range(100))

    def plan(document=pipeline, **more):
        return make_plan(
            gateway, effective(document), Trigger("manual", f"manual:{next(keys)}", TIME), release, 1, **more
        )

    return plan


def good(gateway, plan, stage, result, ended="2026-01-31T15:00:00.000Z"):
    made = plan.stage(stage)
    item = {
        "run": plan.run,
        "item": f"stage#{stage}",
        "stage_key": f"{plan.pipeline}#{plan.partition}#{stage}",
        "status": "SUCCEEDED",
        "ended": ended,
        "fingerprint": made.fingerprint,
        "inputs": json.dumps(dict(made.inputs)),
        "result": json.dumps(result),
        "job": made.job,
    }
    gateway.runs.client.put_item(TableName=gateway.runs.table, Item=encode(item))


def outputs(gateway, plan):
    return {"outputs": {"clean": plan.stage("prepare").outputs["clean"]}}


def actions(plan):
    return {stage.name: stage.action for stage in plan.stages}


def store(gateway, uri):
    gateway.objects.put(uri.removeprefix(f"s3://{gateway.installation.bucket}/") + "/part", b"x")


def test_everything_runs_without_recorded_results(planned):
    assert actions(planned()) == {"prepare": "run", "train": "run"}


def test_existing_good_result_is_reused(gateway, planned):
    first = planned()
    store(gateway, first.stage("prepare").outputs["clean"])
    good(gateway, first, "prepare", outputs(gateway, first))
    plan = planned()
    assert actions(plan) == {"prepare": "reuse", "train": "run"}
    assert plan.stage("prepare").reused_from == first.run


def test_result_with_a_missing_output_is_not_reused(gateway, planned):
    first = planned()
    good(gateway, first, "prepare", outputs(gateway, first))
    assert actions(planned())["prepare"] == "run"


def test_force_runs_everything(gateway, planned):
    first = planned()
    store(gateway, first.stage("prepare").outputs["clean"])
    good(gateway, first, "prepare", outputs(gateway, first))
    assert actions(planned(force=True)) == {"prepare": "run", "train": "run"}


def test_results_of_another_partition_are_not_reused(gateway, planned, tools):
    first = planned()
    store(gateway, first.stage("prepare").outputs["clean"])
    good(gateway, first, "prepare", outputs(gateway, first))
    other = planned(load(tools.document | {"partition": "${trigger.date}"}))
    assert other.partition == "2026-01-31"
    assert actions(other)["prepare"] == "run"


def test_package_and_endpoint_must_exist_to_be_reused(gateway, planned, tools, sagemaker):
    stages = tools.document["stages"] | {
        "register": {
            "kind": "register",
            "model": "${stages.train.model}",
            "entry_point": "train.py",
            "approval": "approved",
        },
        "deploy": {"kind": "endpoint", "model": "${stages.register.package}", "name": "served"},
    }
    document = load(tools.document | {"stages": stages})
    first = planned(document)
    arn = "arn:aws:sagemaker:us-east-1:000000000000:model-package/prices/1"
    store(gateway, first.stage("prepare").outputs["clean"])
    gateway.objects.put("m/model.tar.gz", b"x")
    good(gateway, first, "prepare", outputs(gateway, first))
    good(gateway, first, "train", {"model": gateway.installation.uri("m/model.tar.gz")})
    good(gateway, first, "register", {"package": arn})
    good(gateway, first, "deploy", {"endpoint": "served"})
    assert actions(planned(document)) == {
        "prepare": "reuse",
        "train": "reuse",
        "register": "run",
        "deploy": "run",
    }
    sagemaker.known[arn] = Package(arn, "prices", 1, "Completed", "Approved")
    assert actions(planned(document))["register"] == "reuse"
    assert actions(planned(document))["deploy"] == "run"
    served = Endpoint("served", "arn", "InService", first.stage("deploy").job, "")
    for other in (replace(served, config="of-another-run"), replace(served, status="Updating")):
        sagemaker.known["served"] = other
        assert actions(planned(document))["deploy"] == "run"
    sagemaker.known["served"] = served
    assert set(actions(planned(document)).values()) == {"reuse"}


def test_longer_key_is_not_an_output(gateway, planned):
    first = planned()
    uri = first.stage("prepare").outputs["clean"]
    good(gateway, first, "prepare", outputs(gateway, first))
    store(gateway, f"{uri}-2")
    assert actions(planned())["prepare"] == "run"
    store(gateway, uri)
    assert actions(planned())["prepare"] == "reuse"


def test_longer_key_is_not_a_model_artifact(gateway, planned):
    first = planned()
    store(gateway, first.stage("prepare").outputs["clean"])
    good(gateway, first, "prepare", outputs(gateway, first))
    good(gateway, first, "train", {"model": gateway.installation.uri("m/model.tar.gz")})
    gateway.objects.put("m/model.tar.gz.old", b"x")
    assert actions(planned())["train"] == "run"
    gateway.objects.put("m/model.tar.gz", b"x")
    assert actions(planned())["train"] == "reuse"


def test_unreferenced_output_may_be_empty(gateway, planned, tools):
    stages = tools.document["stages"]
    prepare = stages["prepare"] | {"outputs": ["clean", "rejected"]}
    document = load(tools.document | {"stages": stages | {"prepare": prepare}})
    first = planned(document)
    good(gateway, first, "prepare", {"outputs": dict(first.stage("prepare").outputs)})
    store(gateway, first.stage("prepare").outputs["rejected"])
    assert actions(planned(document))["prepare"] == "run"
    store(gateway, first.stage("prepare").outputs["clean"])
    assert actions(planned(document))["prepare"] == "reuse"


def test_folder_marker_is_not_an_output(gateway, planned):
    first = planned()
    uri = first.stage("prepare").outputs["clean"]
    good(gateway, first, "prepare", outputs(gateway, first))
    gateway.objects.put(uri.removeprefix(f"s3://{gateway.installation.bucket}/") + "/", b"")
    assert actions(planned())["prepare"] == "run"
    store(gateway, uri)
    assert actions(planned())["prepare"] == "reuse"


def test_external_inputs_are_compared_by_their_objects(gateway, planned, tools):
    stages = tools.document["stages"]
    prepare = stages["prepare"] | {"inputs": {"raw": "s3://${bucket}/raw/"}}
    document = load(tools.document | {"stages": stages | {"prepare": prepare}})
    with pytest.raises(PlanError, match=r"stages\.prepare\.inputs\.raw"):
        planned(document)
    gateway.objects.put("raw/", b"")
    with pytest.raises(PlanError, match=r"stages\.prepare\.inputs\.raw"):
        planned(document)
    gateway.objects.put("raw/a.csv", b"1")
    first = planned(document).stage("prepare").fingerprint
    gateway.objects.put("raw/a.csv", b"1")
    assert planned(document).stage("prepare").fingerprint == first
    gateway.objects.put("raw/a.csv", b"2")
    second = planned(document).stage("prepare").fingerprint
    gateway.objects.put("raw/b.csv", b"1")
    assert len({first, second, planned(document).stage("prepare").fingerprint}) == 3


def test_missing_bucket_holds_no_objects(planned, tools):
    stages = tools.document["stages"]
    prepare = stages["prepare"] | {"inputs": {"raw": "s3://no-such-bucket-anywhere/raw/"}}
    with pytest.raises(PlanError, match="nothing at s3://no-such-bucket-anywhere/raw/"):
        planned(load(tools.document | {"stages": stages | {"prepare": prepare}}))


def test_model_and_predictions_must_exist_to_be_reused(gateway, planned, tools, sagemaker):
    stages = tools.document["stages"] | {
        "served": {"kind": "model", "model": "${stages.train.model}", "entry_point": "train.py"},
        "score": {
            "kind": "transform",
            "model": "${stages.served.name}",
            "input": "${stages.prepare.outputs.clean}",
        },
        "after": {
            "kind": "processing",
            "code": "prepare.py",
            "inputs": {"said": "${stages.score.outputs.predictions}"},
        },
    }
    document = load(tools.document | {"stages": stages})
    first = planned(document)
    store(gateway, first.stage("prepare").outputs["clean"])
    gateway.objects.put("m/model.tar.gz", b"x")
    good(gateway, first, "prepare", outputs(gateway, first))
    good(gateway, first, "train", {"model": gateway.installation.uri("m/model.tar.gz")})
    good(gateway, first, "served", {"name": "served-1"})
    good(gateway, first, "score", {"outputs": dict(first.stage("score").outputs)})
    good(gateway, first, "after", {"outputs": {}})
    some = {"prepare": "reuse", "train": "reuse", "after": "reuse"}
    assert actions(planned(document)) == some | {"served": "run", "score": "run"}
    sagemaker.known["served-1"] = "there"
    assert actions(planned(document)) == some | {"served": "reuse", "score": "run"}
    store(gateway, first.stage("score").outputs["predictions"])
    plan = planned(document)
    assert set(actions(plan).values()) == {"reuse"}
