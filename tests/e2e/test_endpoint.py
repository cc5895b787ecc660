"""Endpoint stages on the local target, with models that succeed, fail, or answer incorrectly."""

from __future__ import annotations

import io
import itertools
import json
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from tests.support.documents import effective
from tests.support.waiting import until

from sagemaker_local import state_folder
from stagewright.cli.commands.serve.endpoints import list_endpoints
from stagewright.document.load import load
from stagewright.errors import NotFoundError, TargetError
from stagewright.local import server as local
from stagewright.local.state import INSTALLATION
from stagewright.naming import OWNER_TAG
from stagewright.operator_gateway import OperatorGateway
from stagewright.planner.model import Plan, Trigger
from stagewright.planner.release import Release
from stagewright.runs import starting, stop
from stagewright.runs.endpoints import rollback
from stagewright.runs.history.records import RunRecord
from stagewright.runs.history.run_history import show
from stagewright.runs.plan_inputs.load import make_plan
from stagewright.store.endpoints import Rollback

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

IMAGE = "registry.example/own:1"
SCRIPT = """
import json
def model_fn(folder): return None
def transform_fn(model, body, content_type, accept): return json.dumps("{}"), accept
"""
FAILING = SCRIPT.replace('return json.dumps("{}"), accept', 'raise ValueError("the new model is bad")')
ERRORS = {"errors": {"metric": "Invocation5XXErrors", "threshold": 2}}
TEST = {"body": "1", "expect": {"contains": "one", "max_latency": 30}}
NUMBERS = itertools.count()


class Place:
    """A local installation with three model artifacts: one, two, bad."""

    def __init__(self, server: state_folder.Server) -> None:
        self.installation = INSTALLATION
        self.gateway = OperatorGateway.connect(INSTALLATION, server.url, server.access_key, server.secret_key)
        account = {
            "endpoint_url": server.url,
            "region_name": "us-east-1",
            "aws_access_key_id": server.access_key,
            "aws_secret_access_key": server.secret_key,
        }
        names = ("s3", "sagemaker", "sagemaker-runtime", "cloudwatch", "lambda", "events")
        self.clients: dict[str, Any] = {name: boto3.client(name, **account) for name in names}
        for name, script in (("one", SCRIPT), ("two", SCRIPT), ("bad", FAILING)):
            self.put(f"models/{name}.tar.gz", archive(script.replace("{}", name)))

    def __getattr__(self, name: str) -> Any:
        return self.clients[name.replace("_", "-")]

    def put(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=self.installation.bucket, Key=key, Body=body)

    def plan(self, name: str, model: str, /, date: str = "", **fields: Any) -> Plan:
        stage = {
            "kind": "endpoint",
            "model": f"s3://${{bucket}}/models/{model}.tar.gz",
            "image": IMAGE,
            "instance_count": 2,
        }
        document = {
            "name": name,
            "defaults": {"instance_type": "ml.m5.large"},
            "partition": "${trigger.date}",
            "triggers": [],
            "stages": {"deploy": {**stage, **fields}},
        }
        key, time = f"manual:{next(NUMBERS)}", "2026-01-31T14:00:00.000Z"
        trigger = Trigger("manual", key, time, "test", date=date)
        return make_plan(self.gateway, effective(load(document)), trigger, Release(name, {}), 1)

    def deploy(self, name: str, model: str, /, **fields: Any) -> RunRecord:
        return self.run(self.plan(name, model, **fields))

    def run(self, plan: Plan) -> RunRecord:
        starting.start(self.gateway, plan)
        return self.ended(plan)

    def ended(self, plan: Plan) -> RunRecord:
        until(lambda: show(self.gateway, plan.run).status not in ("PLANNED", "RUNNING"))
        return show(self.gateway, plan.run)

    def ask(self, endpoint: str) -> Any:
        answer = self.sagemaker_runtime.invoke_endpoint(
            EndpointName=endpoint, Body=b"1", ContentType="application/json", Accept="application/json"
        )
        return json.load(answer["Body"])

    def described(self, endpoint: str) -> dict[str, Any]:
        found: dict[str, Any] = self.sagemaker.describe_endpoint(EndpointName=endpoint)
        return found

    def serving(self, name: str, model: str, **fields: Any) -> str:
        """Deploys, and returns the configuration that the endpoint then serves."""
        run = self.deploy(name, model, **fields)
        assert run.status == "SUCCEEDED", run.reason
        return str(self.described(f"{name}-local")["EndpointConfigName"])

    def versions(self, pipeline: str) -> list[str]:
        """Configurations; models must be the same."""
        pages = self.sagemaker.list_endpoint_configs(NameContains=pipeline, MaxResults=100)
        configs = sorted(each["EndpointConfigName"] for each in pages["EndpointConfigs"])
        pages = self.sagemaker.list_models(NameContains=pipeline, MaxResults=100)
        assert sorted(each["ModelName"] for each in pages["Models"]) == configs
        return configs

    def sweep(self) -> dict[str, Any]:
        answer = self.clients["lambda"].invoke(
            FunctionName=self.installation.name("sweeper"), Payload=b'{"detail": {"patience": 0}}'
        )
        swept: dict[str, Any] = json.load(answer["Payload"])
        return swept


def archive(script: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        entry = tarfile.TarInfo("code/inference.py")
        entry.size = len(script)
        tar.addfile(entry, io.BytesIO(script.encode()))
    return buffer.getvalue()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    state = tmp_path_factory.mktemp("state")
    (state / "local.toml").write_text(f'[pythons]\n"{IMAGE}" = "{sys.executable}"\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STAGEWRIGHT_CACHE", str(tmp_path_factory.mktemp("cache")))
        server = local.up(state)
    try:
        place = Place(server)
        # Nothing sweeps but the tests, which count what a sweep has repaired.
        place.clients["events"].disable_rule(Name=place.installation.name("sweep"))
        yield place
    finally:
        local.down(state)


class Asking:
    """Asks an endpoint all the time, in a thread of its own."""

    def __init__(self, ask: Callable[[], Any]) -> None:
        self.ask = ask
        self.answers: list[str] = []
        self.failures: list[dict[str, Any]] = []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self.over.is_set():
            try:
                self.answers.append(self.ask())
            except ClientError as error:
                self.failures.append(error.response)
            time.sleep(0.02)

    def __enter__(self) -> Asking:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()


def test_tripped_canary_fails_run_and_keeps_previous_model_serving(place: Place) -> None:
    canary = {"type": "canary", "size": 50, "wait": "1h", "bake": "1m"}
    first = place.deploy("tripped", "one", update=canary, alarms=ERRORS)
    assert first.status == "SUCCEEDED", first.reason
    serving = place.described("tripped-local")["EndpointConfigName"]
    with Asking(lambda: place.ask("tripped-local")) as asking:
        run = place.deploy("tripped", "bad", update=canary, alarms=ERRORS)
    alarm = place.installation.alarm_name("tripped-local-errors")
    assert run.status == "FAILED"
    assert run.reason.startswith(
        "deploy: the update was rolled back, and endpoint tripped-local still serves the previous version: "
    )
    assert alarm in run.reason
    # Only the canary has failed requests: what the old model was asked, it answered.
    assert asking.failures
    assert all(each["OriginalMessage"].startswith("the new model is bad") for each in asking.failures)
    assert set(asking.answers) == {"one"}
    found = place.described("tripped-local")
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", serving)
    assert [place.ask("tripped-local") for _ in range(20)] == ["one"] * 20
    assert place.versions("tripped") == [serving]


def test_alarms_exist_before_the_update_that_uses_them(place: Place) -> None:
    place.deploy("watched", "one")
    name = place.installation.alarm_name("watched-local-errors")
    assert place.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"] == []
    run = place.deploy("watched", "two", alarms=ERRORS, update={"bake": "10s"})
    assert run.status == "SUCCEEDED", run.reason
    (alarm,) = place.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    # The service refuses an update whose alarms are not there.
    assert place.described("watched-local")["LastDeploymentConfig"]["AutoRollbackConfiguration"] == {
        "Alarms": [{"AlarmName": name}]
    }
    assert (alarm["Threshold"], alarm["TreatMissingData"]) == (2.0, "notBreaching")
    assert {each["Name"]: each["Value"] for each in alarm["Dimensions"]} == {
        "EndpointName": "watched-local",
        "VariantName": "AllTraffic",
    }
    assert place.ask("watched-local") == "two"


def test_failed_smoke_test_restores_previous_version(place: Place) -> None:
    assert place.deploy("tested", "one", smoke_test=TEST).status == "SUCCEEDED"
    serving = place.described("tested-local")["EndpointConfigName"]
    wrong = place.deploy("tested", "two", smoke_test=TEST)
    assert wrong.reason == (
        'deploy: the smoke test of endpoint tested-local failed: the response "two" does not contain one'
        "; the previous version serves again"
    )
    failed = place.deploy("tested", "bad", smoke_test=TEST)
    assert "the new model is bad" in failed.reason
    assert place.described("tested-local")["EndpointConfigName"] == serving
    assert place.ask("tested-local") == "one"
    assert place.versions("tested") == [serving]
    # What serves is the result of the first run, so there is nothing to do.
    assert place.plan("tested", "one", smoke_test=TEST).stage("deploy").action == "reuse"


def test_failed_smoke_test_deletes_new_endpoint(place: Place) -> None:
    place.put("samples/one.json", b"1")
    sample = {**TEST, "file": "s3://${bucket}/samples/one.json"}
    del sample["body"]
    run = place.deploy("fresh", "bad", smoke_test=sample)
    assert run.reason.endswith("the new endpoint was deleted")
    until(lambda: place.gateway.endpoints.describe("fresh-local") is None)
    assert place.versions("fresh") == []
    assert place.deploy("fresh", "one", smoke_test=sample).status == "SUCCEEDED"


READING = """
def model_fn(folder): return None
def transform_fn(model, body, content_type, accept):
    raw = body if isinstance(body, bytes) else body.encode()
    return content_type + " " + raw.hex(), accept
"""


@pytest.mark.parametrize(
    ("name", "content_type", "body"),
    [
        ("text", "text/csv", b"1,2\n3.50,x"),
        ("quoted", "text/csv", b'"a ""b""",\xc3\xa9'),
        ("document", "application/json", b'{ "rooms": 3.0,  "id": 12345678901234567890 }'),
        ("image", "application/x-image", b"\x89PNG\r\n\x00\xff"),
    ],
)
def test_model_receives_the_bytes_of_the_smoke_test(
    place: Place, name: str, content_type: str, body: bytes
) -> None:
    place.put("models/reading.tar.gz", archive(READING))
    place.put(f"samples/{name}", body)
    test = {"content_type": content_type, "expect": {"contains": f"{content_type} {body.hex()}"}}
    sources = {"filed": {"file": f"s3://${{bucket}}/samples/{name}"}}
    if name != "image":
        sources["written"] = {"body": body.decode()}
    for way, source in sources.items():
        run = place.deploy(f"{name}-{way}", "reading", smoke_test={**test, **source})
        assert run.status == "SUCCEEDED", run.reason


def test_failed_first_deployment_is_listed_with_its_run(place: Place) -> None:
    place.put("models/broken.tar.gz", archive("raise ValueError('broken')"))
    run = place.deploy("broken", "broken")
    assert run.status == "FAILED"

    def listed() -> dict[str, Any]:
        (found,) = (each for each in list_endpoints(place.gateway) if each["endpoint"] == "broken-local")
        return found

    assert (listed()["state"], listed()["run"], listed()["since"]) == ("Failed", run.run, "")
    good = place.deploy("broken", "one")
    assert (listed()["state"], listed()["run"]) == ("InService", good.run)
    assert place.deploy("broken", "broken").status == "FAILED"
    assert (listed()["state"], listed()["run"]) == ("InService", good.run)


def test_deployment_deletes_versions_beyond_keep_limit(place: Place) -> None:
    made = []
    for model in ("one", "two", "one", "two"):
        run = place.deploy("keeps", model, keep=1, smoke_test={"body": str(len(made) + 1)})
        assert run.status == "SUCCEEDED", run.reason
        made.append(place.described("keeps-local")["EndpointConfigName"])
    assert len(set(made)) == 4
    assert place.versions("keeps") == sorted(made[2:])
    (item,) = (each for each in place.gateway.endpoint_records.all() if each.name == "keeps-local")
    assert item.configurations == (made[3], made[2])
    assert (item.until, item.deployed_by, item.stage) == ("", run.run, "deploy")


@pytest.mark.parametrize("there", [False, True])
def test_runs_of_two_partitions_deploy_to_one_endpoint_in_sequence(place: Place, there: bool) -> None:
    name = f"shared-{there}".lower()
    test = {"smoke_test": TEST | {"expect": {"contains": ""}}}
    served = [place.serving(name, "one", date="2025-12")] if there else []
    plans = {
        model: place.plan(name, model, date, **test)
        for model, date in (("one", "2026-01"), ("two", "2026-02"))
    }
    for plan in plans.values():
        starting.start(place.gateway, plan)
    for plan in plans.values():
        run = place.ended(plan)
        assert run.status == "SUCCEEDED", run.reason
    item = place.gateway.endpoint_records.get(f"{name}-local")
    assert item is not None
    model = next(model for model, plan in plans.items() if plan.run == item.deployed_by)
    assert place.ask(item.name) == model
    serving = place.described(item.name)["EndpointConfigName"]
    assert item.configurations[0] == serving
    assert place.versions(name) == sorted({*item.configurations, *served})
    assert len(item.configurations) == len(served) + 2

    lost = next(each for each in plans if each != model)
    date = {"one": "2026-01", "two": "2026-02"}
    (again,) = place.plan(name, lost, date[lost], **test).stages
    reason = f"endpoint {item.name} serves what run {item.deployed_by} (partition {date[model]}) deployed"
    assert (again.action, again.reason) == ("run", reason)
    (kept,) = place.plan(name, model, date[model], **test).stages
    assert kept.action == "reuse"


def test_stopped_run_releases_endpoint_to_the_next_run(place: Place) -> None:
    slow = {"update": {"type": "canary", "size": 50, "wait": "5m", "bake": "1m"}}
    place.serving("stopped", "one")
    plan = place.plan("stopped", "two", "2026-02", **slow)
    starting.start(place.gateway, plan)
    until(lambda: place.described("stopped-local")["EndpointStatus"] == "Updating")
    stop.stop(place.gateway, plan.run, "test")
    run = place.deploy("stopped", "one", date="2026-03")
    assert run.status == "SUCCEEDED", run.reason
    item = place.gateway.endpoint_records.get("stopped-local")
    assert item is not None
    assert item.deployed_by == run.run
    assert place.ask("stopped-local") == "one"


def test_rollback_is_rejected_while_a_run_deploys(place: Place) -> None:
    for model in ("one", "two"):
        serving = place.serving("taken", model)
    item = rollback.find_endpoint(place.gateway, "taken")
    header = place.gateway.runs.header(item.deployed_by)
    assert header is not None
    runs = place.gateway.runs
    table: Any = {"TableName": runs.table, "ExpressionAttributeNames": {"#value": "lock"}}
    runs.client.update_item(
        **table,
        Key={"run": {"S": "endpoint#taken-local"}, "item": {"S": "endpoint"}},
        UpdateExpression="SET #value = :value",
        ExpressionAttributeValues={":value": {"S": f"{header.run}/deploy"}},
    )
    prepared = rollback.prepare(place.gateway, rollback.find_endpoint(place.gateway, "taken"))
    assert prepared.origin == serving  # the run is over, so its turn is
    runs.client.update_item(
        **table | {"ExpressionAttributeNames": {"#value": "status"}},
        Key={"run": {"S": header.run}, "item": {"S": "run"}},
        UpdateExpression="SET #value = :value",
        ExpressionAttributeValues={":value": {"S": "RUNNING"}},
    )
    with pytest.raises(TargetError, match="is deploying to endpoint taken-local") as refused:
        rollback.prepare(place.gateway, rollback.find_endpoint(place.gateway, "taken"))
    assert refused.value.remedy.endswith(f"stagewright stop {header.run}")


def test_sweeper_deletes_expired_endpoint_and_its_resources(place: Place) -> None:
    run = place.deploy("trial", "one", time_to_live="8h", alarms=ERRORS)
    assert run.status == "SUCCEEDED", run.reason
    place.sweep()
    assert place.ask("trial-local") == "one"
    (item,) = (each for each in place.gateway.endpoint_records.all() if each.name == "trial-local")
    left = datetime.fromisoformat(item.until) - datetime.now(UTC)
    assert timedelta(hours=7, minutes=50) < left < timedelta(hours=8)
    assert place.deploy("trial", "two", time_to_live="1s", alarms=ERRORS, update={"bake": "1s"}).status
    time.sleep(1)
    assert place.sweep()["repairs"] == 1
    until(lambda: place.gateway.endpoints.describe("trial-local") is None)
    assert place.versions("trial") == []
    assert (
        place.cloudwatch.describe_alarms(AlarmNamePrefix=place.installation.alarm_name("trial"))[
            "MetricAlarms"
        ]
        == []
    )
    assert "trial-local" not in {each.name for each in place.gateway.endpoint_records.all()}
    assert place.sweep()["repairs"] == 0


def test_sweeper_keeps_expired_endpoint_of_another_owner(place: Place) -> None:
    assert place.deploy("swapped", "one", time_to_live="1s").status == "SUCCEEDED"
    arn = place.described("swapped-local")["EndpointArn"]
    place.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": OWNER_TAG, "Value": "other-local"}])
    time.sleep(1)
    place.sweep()
    assert place.ask("swapped-local") == "one"
    assert "swapped-local" not in {each.name for each in place.gateway.endpoint_records.all()}


def test_deployment_does_not_overwrite_endpoint_of_another_owner(place: Place) -> None:
    place.deploy("theirs", "one")
    found = place.described("theirs-local")
    place.sagemaker.delete_tags(ResourceArn=found["EndpointArn"], TagKeys=[OWNER_TAG])
    run = place.deploy("theirs", "two")
    assert run.reason.startswith("deploy: endpoint theirs-local was not created by this installation")
    assert place.described("theirs-local") | {"ResponseMetadata": 0} == found | {"ResponseMetadata": 0}
    assert place.versions("theirs") == [found["EndpointConfigName"]]


def test_data_capture_stores_requests_and_responses(place: Place) -> None:
    assert place.deploy("caught", "one", capture={"percent": 100}).status == "SUCCEEDED"
    assert place.ask("caught-local") == "one"
    prefix = "captured/caught/deploy/caught-local/AllTraffic/"

    def captured() -> list[Any]:
        listed = place.s3.list_objects_v2(Bucket=place.installation.bucket, Prefix=prefix)
        found: list[Any] = listed.get("Contents", [])
        return found

    until(captured)
    body = place.s3.get_object(Bucket=place.installation.bucket, Key=captured()[0]["Key"])["Body"].read()
    line = json.loads(body.decode().splitlines()[0])["captureData"]
    assert (line["endpointInput"]["data"], line["endpointOutput"]["data"]) == ("1", '"one"')


def back(place: Place, name: str, to: str | None = None, why: str = "", smoke_test: bool = True) -> Rollback:
    going = rollback.prepare(place.gateway, rollback.find_endpoint(place.gateway, name), to)
    return going.execute("ada", why, smoke_test)


def test_next_run_does_not_redeploy_rolled_back_version(place: Place) -> None:
    first = place.deploy("backs", "one")
    second = place.deploy("backs", "two")
    assert (first.status, second.status) == ("SUCCEEDED", "SUCCEEDED")
    assert place.ask("backs-local") == "two"
    old, bad = (f"{run.run}-deploy-1" for run in (first, second))
    with Asking(lambda: place.ask("backs-local")) as asking:
        done = back(place, "backs", why="too many complaints")
    assert (done.origin, done.to, done.by, done.outcome) == (bad, old, "ada", "serves")
    assert asking.failures == []
    assert place.described("backs-local")["EndpointConfigName"] == old
    assert [place.ask("backs-local") for _ in range(20)] == ["one"] * 20
    item = place.gateway.endpoint_records.get("backs-local")
    assert item is not None
    assert item.rollbacks == (done,)
    sentence = (
        f"endpoint backs-local serves {old} since ada rolled it back at {done.at} (too many complaints)"
    )
    plan = place.plan("backs", "two")
    stage = plan.stage("deploy")
    assert (stage.action, stage.reused_from) == ("reuse", second.run)
    assert stage.reason == f"{sentence}; the same is not deployed again, --from deploy deploys it"
    assert plan.warnings == (f"deploy: {stage.reason}",)
    assert place.run(plan).status == "SUCCEEDED"
    assert place.ask("backs-local") == "one"
    # What the endpoint serves is the first run's; something else is deployed.
    assert place.plan("backs", "one").stage("deploy").reason == f"same as run {first.run}"
    changed = place.plan("backs", "two", keep=3).stage("deploy")
    models = [f"s3://{place.installation.bucket}/models/{name}.tar.gz" for name in ("one", "two")]
    differs = f"model {models[0]} -> {models[1]}, keep 2 -> 3"
    assert changed.action == "run"
    assert changed.reason.startswith(f"deploy: {differs}, ")
    assert changed.reason.endswith(f"; {sentence}")
    third = place.run(place.plan("backs", "two", keep=3))
    assert third.status == "SUCCEEDED", third.reason
    assert place.ask("backs-local") == "two"
    assert place.plan("backs", "two", keep=3).stage("deploy").reason == f"same as run {third.run}"
    assert place.versions("backs") == sorted([old, bad, f"{third.run}-deploy-1"])


def test_rollback_moves_between_kept_versions(place: Place) -> None:
    jobs = [place.serving("steps", model, smoke_test={"body": "1"}) for model in ("one", "two")]
    assert back(place, "steps-local").to == jobs[0]
    with pytest.raises(NotFoundError, match="is the oldest version that is kept") as oldest:
        back(place, "steps")
    command = f"stagewright rollback-endpoint steps-local --to {jobs[1]}"
    assert oldest.value.remedy == f"restore a newer one: {command}"
    with pytest.raises(NotFoundError, match="serves already"):
        back(place, "steps", jobs[0])
    with pytest.raises(NotFoundError, match="nothing is not kept") as unknown:
        back(place, "steps", "nothing")
    assert unknown.value.remedy == f"kept: {jobs[1]}"
    assert back(place, "steps", jobs[1]).outcome == "serves"
    assert place.ask("steps-local") == "two"
    assert place.plan("steps", "two", smoke_test={"body": "1"}).stage("deploy").action == "reuse"
    place.sagemaker.delete_model(ModelName=jobs[0])
    with pytest.raises(NotFoundError, match="somebody has deleted its configuration or model"):
        back(place, "steps")


def test_rollback_ignores_alarm_already_in_alarm_state(place: Place) -> None:
    assert place.deploy("alarmed", "one", alarms=ERRORS, update={"bake": "1m"}).status == "SUCCEEDED"
    assert place.deploy("alarmed", "bad", alarms=ERRORS, update={"bake": "1s"}).status == "SUCCEEDED"
    alarm = place.installation.alarm_name("alarmed-local-errors")
    place.cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="test")
    going = rollback.prepare(place.gateway, rollback.find_endpoint(place.gateway, "alarmed"))
    assert going.unwatched == {alarm: "ALARM"}
    assert going.execute("ada", "").outcome == "serves"
    assert place.ask("alarmed-local") == "one"
    asked = place.described("alarmed-local")["LastDeploymentConfig"]
    assert "AutoRollbackConfiguration" not in asked
    assert asked["BlueGreenUpdatePolicy"]["TerminationWaitInSeconds"] == 1


@pytest.mark.slow
def test_alarm_during_rollback_undoes_it(place: Place) -> None:
    canary = {"type": "canary", "size": 50, "wait": "20m", "bake": "1m"}
    # The bad one comes first: nothing asks it.
    assert place.deploy("undone", "bad", alarms=ERRORS, update=canary).status == "SUCCEEDED"
    serving = place.serving("undone", "one", alarms=ERRORS, update=canary)
    with Asking(lambda: place.ask("undone-local")), pytest.raises(TargetError) as undone:
        back(place, "undone")
    assert undone.value.message.startswith(
        f"the update was undone, and endpoint undone-local serves {serving}: "
    )
    assert place.installation.alarm_name("undone-local-errors") in undone.value.message
    assert [place.ask("undone-local") for _ in range(20)] == ["one"] * 20
    item = place.gateway.endpoint_records.get("undone-local")
    assert item is not None
    assert item.rollbacks[0].outcome == undone.value.message
    assert place.plan("undone", "one", alarms=ERRORS, update=canary).stage("deploy").action == "reuse"


def test_rollback_is_undone_when_earlier_version_fails_smoke_test(place: Place) -> None:
    place.put("samples/asked.json", b"1")
    sample = {"file": "s3://${bucket}/samples/asked.json", "expect": {"contains": "two"}}
    old = place.serving("smoked", "one")
    serving = place.serving("smoked", "two", smoke_test=sample)
    with pytest.raises(TargetError) as failed:
        back(place, "smoked")
    assert failed.value.message == (
        f'the smoke test of endpoint smoked-local failed: the response "one" does not contain two; {serving}'
        " serves again"
    )
    assert place.ask("smoked-local") == "two"
    assert back(place, "smoked", smoke_test=False).to == old
    assert place.ask("smoked-local") == "one"


def test_rollback_uses_endpoint_of_newest_run(place: Place) -> None:
    """The stage's endpoint is renamed, and another pipeline deploys to the new endpoint last."""
    for model in ("one", "two"):
        assert place.deploy("renamed", model).status == "SUCCEEDED"
    assert place.deploy("renamed", "one", name="common").status == "SUCCEEDED"
    assert place.deploy("other", "two", name="common").status == "SUCCEEDED"
    assert rollback.find_endpoint(place.gateway, "renamed").name == "common"
    back(place, "renamed")
    assert place.ask("common") == "one"
    assert place.ask("renamed-local") == "two"
    assert rollback.find_endpoint(place.gateway, "renamed-local").name == "renamed-local"


def test_plan_warns_about_endpoint_left_by_rename(place: Place) -> None:
    place.serving("left", "one")
    (warning,) = place.plan("left", "one", name="left-too").warnings
    command = "aws sagemaker delete-endpoint --endpoint-name left-local"
    assert warning.endswith(f"keeps running and costs money (when it is no longer used: {command})")
    place.sagemaker.delete_endpoint(EndpointName="left-local")
    until(lambda: place.gateway.endpoints.describe("left-local") is None)
    assert place.plan("left", "one", name="left-too").warnings == ()


def test_impossible_rollback_reports_reason(place: Place) -> None:
    with pytest.raises(NotFoundError, match="nobody has deployed no endpoint"):
        back(place, "nobody")
    assert place.deploy("single", "one").status == "SUCCEEDED"
    with pytest.raises(NotFoundError, match="no earlier version of endpoint single-local was kept"):
        back(place, "single")
    assert place.deploy("single", "two").status == "SUCCEEDED"
    arn = place.described("single-local")["EndpointArn"]
    serving = place.described("single-local")["EndpointConfigName"]
    slow = {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0},
            "TerminationWaitInSeconds": 3600,
        }
    }
    place.sagemaker.update_endpoint(
        EndpointName="single-local", EndpointConfigName=serving, DeploymentConfig=slow
    )
    with pytest.raises(TargetError, match="is being changed now: it is Updating"):
        back(place, "single")
    place.sagemaker.delete_tags(ResourceArn=arn, TagKeys=["stagewright:installation"])
    with pytest.raises(TargetError, match="is not this installation's"):
        back(place, "single")
    item = place.gateway.endpoint_records.get("single-local")
    assert item is not None
    assert item.rollbacks == ()


def test_successful_deployment_deletes_removed_alarms(place: Place) -> None:
    more = {**ERRORS, "slow": {"metric": "ModelLatency", "threshold": 5e6}}
    assert place.deploy("drops", "one", alarms=more, update={"bake": "1s"}).status == "SUCCEEDED"
    assert place.deploy("drops", "two", alarms=ERRORS, update={"bake": "1s"}).status == "SUCCEEDED"
    name = place.installation.alarm_name
    left = place.cloudwatch.describe_alarms(AlarmNamePrefix=name("drops-local-"))["MetricAlarms"]
    assert [each["AlarmName"] for each in left] == [name("drops-local-errors")]
    item = place.gateway.endpoint_records.get("drops-local")
    assert item is not None
    assert item.alarms == (name("drops-local-errors"),)
