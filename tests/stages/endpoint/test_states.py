"""An endpoint stage on a real engine: its API calls, their order, and the remaining resources."""

from __future__ import annotations

import json

import pytest

from stagewright.stages.base.expressions import LONGEST_POLL
from stagewright.stages.endpoint.expressions import NEVER

TAGS = [
    {"Key": "stagewright:environment", "Value": "local"},
    {"Key": "stagewright:installation", "Value": "stagewright-local"},
]
TEST = {"body": "1,2", "content_type": "text/csv", "accept": "application/json"}
CHANGES = (
    "createModel",
    "createEndpointConfig",
    "putMetricAlarm",
    "createEndpoint",
    "updateEndpoint",
    "invoke",
    "deleteEndpoint",
    "deleteEndpointConfig",
    "deleteModel",
    "deleteAlarms",
)


@pytest.fixture
def deploy(engine, stage):
    def run(name, config, bindings=(), update=None, timeout=3600, chain=(), **settings):
        at = {"EndpointName": name, "EndpointConfigName": config}
        requests = {
            "CreateModel": {"ModelName": config},
            "CreateEndpointConfig": {"EndpointConfigName": config},
            "CreateEndpoint": {**at, "Tags": TAGS},
            "UpdateEndpoint": {**at, **(update or {})},
            "Endpoint": {"keep": 2, "alarms": [], **settings},
        }
        return engine.walk([[[*chain, stage("deploy", "endpoint", requests, bindings, timeout=timeout)]]])

    return run


@pytest.fixture
def item(engine):
    def read(name):
        key = {"run": {"S": f"endpoint#{name}"}, "item": {"S": "endpoint"}}
        return engine.dynamodb.get_item(TableName="test-runs", Key=key).get("Item", {})

    return read


def changes(walked):
    return [call["call"] for call in walked.calls if call["call"] in CHANGES]


def test_endpoint_is_created_then_updated(deploy, item):
    first = deploy("prices", "c1")
    assert first.status == "SUCCEEDED", first.cause
    assert changes(first) == ["createModel", "createEndpointConfig", "createEndpoint"]
    assert len(first.requests("describeEndpoint")) == 4
    assert item("prices")["created"] == {"S": NEVER}
    second = deploy("prices", "c2")
    assert second.status == "SUCCEEDED", second.cause
    assert changes(second) == ["createModel", "createEndpointConfig", "updateEndpoint"]
    result = second.result("deploy")
    assert (result["endpoint"], result["arn"]) == ("prices", "arn:prices")


def test_alarms_are_created_before_the_update(deploy, item):
    alarms = [{"AlarmName": "a1", "Threshold": 0.5}, {"AlarmName": "a2", "Threshold": 3}]
    update = {"DeploymentConfig": {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "a1"}]}}}
    deploy("watched", "c1")
    walked = deploy("watched", "c2", update=update, alarms=alarms)
    made = ["createModel", "createEndpointConfig", "putMetricAlarm", "putMetricAlarm", "updateEndpoint"]
    assert changes(walked) == made
    assert walked.requests("putMetricAlarm") == alarms
    assert walked.requests("updateEndpoint")[0]["DeploymentConfig"] == update["DeploymentConfig"]
    assert json.loads(item("watched")["alarms"]["S"]) == ["a1", "a2"]


def test_removed_alarms_are_deleted_after_a_successful_deployment(deploy, item):
    alarms = [{"AlarmName": name} for name in ("b1", "b2", "b3")]
    deploy("dropping", "c1", alarms=alarms)
    failed = deploy("dropping", "rollback", alarms=alarms[:1])
    assert failed.requests("deleteAlarms") == []
    assert json.loads(item("dropping")["alarms"]["S"]) == ["b1", "b2", "b3"]
    good = deploy("dropping", "c2", alarms=[*alarms[:1], {"AlarmName": "b4"}])
    assert good.requests("deleteAlarms") == [{"AlarmNames": ["b2", "b3"]}]
    assert changes(good)[-2:] == ["updateEndpoint", "deleteAlarms"]
    assert json.loads(item("dropping")["alarms"]["S"]) == ["b1", "b4"]
    assert deploy("dropping", "c3").requests("deleteAlarms") == [{"AlarmNames": ["b1", "b4"]}]
    assert deploy("dropping", "c4").requests("deleteAlarms") == []


def test_alarms_that_cannot_be_deleted_stay_recorded(deploy, item):
    deploy("clinging", "c1", alarms=[{"AlarmName": "shared-1"}])
    walked = deploy("clinging", "c2", alarms=[{"AlarmName": "b2"}])
    assert walked.status == "SUCCEEDED", walked.cause
    assert json.loads(item("clinging")["alarms"]["S"]) == ["shared-1", "b2"]


def test_rolled_back_update_fails_and_leaves_nothing(deploy, item):
    assert deploy("rolled", "c1").status == "SUCCEEDED"
    alarms = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "a1"}, {"AlarmName": "a2"}]}}
    walked = deploy("rolled", "rollback", update={"DeploymentConfig": alarms})
    assert walked.cause == (
        "deploy: the update was rolled back, and endpoint rolled still serves the previous version: "
        "the container did not answer /ping (rolls back on: a1, a2)"
    )
    assert walked.requests("deleteEndpointConfig") == [{"EndpointConfigName": "rollback"}]
    assert walked.requests("deleteModel") == [{"ModelName": "rollback"}]
    assert json.loads(item("rolled")["configurations"]["S"]) == ["c1"]


def test_failed_endpoint_is_replaced_by_the_next_run(deploy):
    first = deploy("mended", "broken")
    assert first.cause == "deploy: endpoint mended is Failed: the container did not answer /ping"
    assert first.requests("deleteEndpointConfig") == []
    second = deploy("mended", "good")
    assert second.status == "SUCCEEDED", second.cause
    made = ["deleteEndpoint", "createModel", "createEndpointConfig", "createEndpoint"]
    assert changes(second) == made


def test_endpoint_that_takes_too_long_fails_the_stage(deploy):
    walked = deploy("slow", "stuck", timeout=1)
    assert walked.cause == "deploy: endpoint slow is still Updating after 1 seconds"


def test_stage_waits_while_the_endpoint_is_updating(deploy):
    assert deploy("busy", "stuck", timeout=1).status == "FAILED"
    walked = deploy("busy", "c2", timeout=1)
    assert walked.cause == "deploy: endpoint busy is still Updating after 1 seconds"
    assert changes(walked) == []


@pytest.fixture
def hold_lock(engine):
    """Locks an endpoint for another run, which is active if its header has `open`."""

    def hold(name, run, **header):
        engine.put(f"endpoint#{name}", "endpoint", lock=f"{run}/deploy", configurations='["theirs"]')
        engine.put(run, "run", **header)

    return hold


def test_stage_waits_for_the_lock_of_an_active_run(deploy, item, hold_lock):
    hold_lock("turns", "other-1", open="yes")
    walked = deploy("turns", "c1", timeout=1)
    assert walked.cause == "deploy: run other-1 is still deploying to endpoint turns after 1 seconds"
    assert [call["call"] for call in walked.calls] == []
    assert item("turns")["lock"] == {"S": "other-1/deploy"}


def test_lock_of_an_ended_run_is_taken_and_released(deploy, item, hold_lock):
    hold_lock("inherited", "other-2")
    walked = deploy("inherited", "c1")
    assert walked.status == "SUCCEEDED", walked.cause
    assert "lock" not in item("inherited")
    assert json.loads(item("inherited")["configurations"]["S"]) == ["c1", "theirs"]


def test_item_of_a_later_format_is_refused_and_stays(deploy, item, engine):
    typed = {"run": {"S": "endpoint#newer"}, "item": {"S": "endpoint"}, "format": {"N": "99"}}
    engine.dynamodb.put_item(TableName="test-runs", Item=typed)
    walked = deploy("newer", "newer-1")
    assert "the item of endpoint newer has format 99; this state machine reads up to 1" in walked.cause
    assert changes(walked) == []
    assert item("newer") == typed


def test_failed_stage_releases_its_lock(deploy, item):
    assert deploy("failing", "broken").status == "FAILED"
    assert "lock" not in item("failing")


@pytest.mark.parametrize("before", [(), ("c1",)])
def test_stage_waits_for_another_update_and_starts_again(deploy, item, before):
    """SageMaker rejects the request. Then the endpoint serves another version."""
    name = f"raced-{len(before)}"
    for config in before:
        assert deploy(name, config).status == "SUCCEEDED"
    walked = deploy(name, f"sick-first-{len(before)}", smoke_test=TEST)
    asked = "updateEndpoint" if before else "createEndpoint"
    made = ["createModel", "createEndpointConfig", asked, "updateEndpoint", "invoke"]
    assert changes(walked)[:5] == made
    assert walked.cause.endswith("; the previous version serves again")
    assert walked.requests("updateEndpoint")[-1] == {"EndpointName": name, "EndpointConfigName": "by-hand"}


def test_repeatedly_rejected_update_fails_with_the_message_of_sagemaker(deploy, item):
    assert deploy("rejected", "c1").status == "SUCCEEDED"
    walked = deploy("rejected", "c-never-2", timeout=1)
    assert walked.status == "FAILED"
    assert 'Cannot update in-progress endpoint "arn:e"' in walked.cause
    assert "lock" not in item("rejected")


def test_endpoint_without_the_tag_is_not_changed(deploy, item):
    assert deploy("foreign", "c1").status == "SUCCEEDED"
    before = item("foreign")
    walked = deploy("foreign", "c2")
    assert walked.cause == (
        "deploy: endpoint foreign was not created by this installation (its tag "
        "stagewright:installation is not stagewright-local): use another name, or delete the"
        " endpoint"
    )
    assert changes(walked) == []
    assert item("foreign") == before


def test_older_versions_are_deleted_after_a_successful_deployment(deploy, item):
    removed = []
    for config in ("k1", "k2", "k3", "k4", "k5"):
        walked = deploy("kept", config)
        assert walked.status == "SUCCEEDED", walked.cause
        removed += walked.requests("deleteEndpointConfig") + walked.requests("deleteModel")
    names = [{"EndpointConfigName": "k1"}, {"ModelName": "k1"}, {"EndpointConfigName": "k2"}]
    assert removed == [*names, {"ModelName": "k2"}]
    assert json.loads(item("kept")["configurations"]["S"]) == ["k5", "k4", "k3"]
    assert deploy("kept", "k6", keep=0).requests("deleteModel") == [
        {"ModelName": name} for name in ("k5", "k4", "k3")
    ]


def test_version_deployed_by_hand_is_kept(deploy, engine, item):
    for config in ("w1", "w2", "w3"):
        deploy("went-back", config)
    walked = deploy("went-back", "w1-again")
    assert json.loads(item("went-back")["configurations"]["S"]) == ["w1-again", "w3", "w2"]
    assert walked.requests("deleteModel") == [{"ModelName": "w1"}]


def test_failed_deletion_does_not_fail_the_deployment(deploy, item):
    for config in ("shared", "s2"):
        walked = deploy("lenient", config, keep=0)
        assert walked.status == "SUCCEEDED", walked.cause
    assert walked.requests("deleteModel")[-1] == {"ModelName": "shared"}
    assert json.loads(item("lenient")["configurations"]["S"]) == ["s2"]


def test_configuration_that_sagemaker_does_not_see_yet_is_waited_for(deploy):
    """Its reads are eventually consistent (CreateEndpoint, API reference)."""
    first = deploy("stale", "c-stale-1")
    assert first.status == "SUCCEEDED", first.cause
    assert changes(first) == ["createModel", "createEndpointConfig", "createEndpoint", "createEndpoint"]
    second = deploy("stale", "c-stale-2")
    assert second.status == "SUCCEEDED", second.cause
    assert changes(second) == ["createModel", "createEndpointConfig", "updateEndpoint", "updateEndpoint"]


def test_smoke_test_function_gets_the_endpoint_and_the_settings(deploy):
    settings = {**TEST, "contains": "1,2 is answered", "max_latency": 30}
    walked = deploy("tried", "c1", smoke_test=settings)
    assert walked.status == "SUCCEEDED", walked.cause
    assert walked.requests("invoke") == [{"endpoint": "tried", "test": settings}]


@pytest.mark.parametrize(
    ("config", "test", "told"),
    [
        ("sick", {}, "Received server error (500)"),
        ("well", {"contains": "price"}, "the response does not contain price"),
        ("crash", {}, "ValueError: no such setting"),
    ],
)
def test_failed_smoke_test_restores_the_previous_version(deploy, item, config, test, told):
    name = f"e-{config}-{len(test)}{len(told)}"
    assert deploy(name, "c1").status == "SUCCEEDED"
    walked = deploy(name, config, smoke_test={**TEST, **test})
    assert f"deploy: the smoke test of endpoint {name} failed: {told}" in walked.cause
    assert walked.cause.endswith("; the previous version serves again")
    assert walked.items["stage#deploy"]["error"] == {"S": "Stagewright.SmokeTestFailed"}
    assert walked.requests("updateEndpoint")[-1] == {"EndpointName": name, "EndpointConfigName": "c1"}
    assert walked.requests("deleteModel") == [{"ModelName": config}]
    assert json.loads(item(name)["configurations"]["S"]) == ["c1"]


def test_new_endpoint_that_fails_its_smoke_test_is_deleted(deploy):
    walked = deploy("withdrawn", "sick", smoke_test=TEST)
    assert walked.cause == (
        "deploy: the smoke test of endpoint withdrawn failed: Received server error (500)"
        "; the new endpoint was deleted"
    )
    assert walked.requests("deleteEndpoint") == [{"EndpointName": "withdrawn"}]
    assert walked.requests("deleteEndpointConfig") == [{"EndpointConfigName": "sick"}]
    assert deploy("withdrawn", "c2", smoke_test=TEST).status == "SUCCEEDED"


def test_smoke_test_names_a_file_with_a_run_time_location(deploy, train):
    settings = {key: value for key, value in TEST.items() if key != "body"}
    place = {**settings, "file": "s3://bucket/<<a.job>>/sample.csv"}
    walked = deploy("filed", "c1", ["a.job"], chain=[train("a")], smoke_test=place)
    assert walked.status == "SUCCEEDED", walked.cause
    assert walked.requests("invoke")[0]["test"]["file"] == "s3://bucket/run-a-1/sample.csv"


def test_deadline_is_recorded_before_the_endpoint_is_created(deploy, item):
    walked = deploy("trial", "broken", time_to_live=3600)
    assert walked.status == "FAILED"
    started = walked.items["stage#deploy"]["started"]["S"]
    deadline = item("trial")["created"]["S"]
    assert deadline[11:13] != started[11:13]
    assert len(deadline) == len(started)
    assert item("trial")["open"] == {"S": "endpoint"}


def test_history_events_while_waiting(deploy):
    """One poll is a task, a choice and a wait."""

    def visited(timeout):
        walked = deploy(f"waits-{timeout}", "stuck", timeout=timeout)
        return len(walked.events), walked.entered("Wait")

    (few, waits), (many, more_waits) = visited(1), visited(2)  # a busy machine may wait less often in two
    assert more_waits != waits
    assert (many - few) / (more_waits - waits) == 9
    assert 9 * 60 / LONGEST_POLL <= 15
