from __future__ import annotations

import io
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from aws_lambda_powertools import Logger
from tests.support.messages import route
from tests.support.triggers import put_release
from tests.support.waiting import PATIENCE

from stagewright.aws.executions import Executions
from stagewright.document.load import load
from stagewright.errors import TargetError
from stagewright.functions import environment
from stagewright.functions.router import handler
from stagewright.naming import epoch
from stagewright.runs.history.run_history import find_run, list_runs, show
from stagewright.runs.releases import manifest as manifests
from stagewright.runs.releases.push import push


def pushed(gateway, pipeline, files, **more):
    """The version of the manifest."""
    return push(gateway, pipeline, files, **more).trigger_key.rsplit(":", 1)[1]


def batch(*bodies):
    return {"Records": [{"messageId": f"m{n}", "body": body} for n, body in enumerate(bodies)]}


def test_pushed_release_starts_a_run(gateway, pipeline, files, created, tools):
    version = pushed(gateway, pipeline, files, commit="abc", by="ada")
    started = route(gateway, created(version))
    assert started.new
    record = show(gateway, started.run)
    assert gateway.runs.header(started.run).status == "RUNNING"
    assert record.revision == 1
    assert record.trigger.by == "ada"
    assert record.trigger.type == "code"
    assert record.trigger.key == f"code:prices:{version}"
    assert abs(epoch(record.trigger.time) - time.time()) < PATIENCE
    assert [(stage.name, stage.action) for stage in record.stages] == [("prepare", "run"), ("train", "run")]
    assert len(tools.executions(gateway)) == 1
    release = json.loads(gateway.objects.get(f"releases/prices/{record.release}.json").body)
    assert release["commit"] == "abc"
    assert release["by"] == "ada"
    assert release["manifest"] == version
    chains = next(iter(gateway.runs.items(started.run, f"page#{record.plan}")))["chains"]
    training = json.loads(json.loads(chains)[0][1]["requests"]["CreateTrainingJob"])
    uri = json.loads(training["HyperParameters"]["sagemaker_submit_directory"])
    assert gateway.objects.exists(uri.removeprefix(f"s3://{gateway.installation.bucket}/"))


def test_redelivery_starts_no_second_run(gateway, pipeline, files, created, tools):
    body = created(pushed(gateway, pipeline, files))
    first = route(gateway, body)
    assert route(gateway, body) == replace(first, new=False)
    assert route(gateway, created(first_version(gateway), time="2026-01-31T14:00:09Z")).run == first.run
    assert len(tools.executions(gateway)) == 1


def first_version(gateway):
    return manifests.read(gateway, "prices").version


def test_concurrent_deliveries_start_one_run(gateway, pipeline, files, created, tools):
    body = created(pushed(gateway, pipeline, files))
    with ThreadPoolExecutor(5) as pool:
        started = list(pool.map(lambda _: route(gateway, body), range(5)))
    assert len({each.run for each in started}) == 1
    assert sum(each.new for each in started) == 1
    assert len(tools.executions(gateway)) == 1
    assert len(list_runs(gateway, "prices")) == 1


def test_older_manifest_runs_with_its_own_files(gateway, pipeline, files, created, tools, all_end):
    old = pushed(gateway, pipeline, files)
    new = pushed(gateway, pipeline, files | {"train.py": b"new"})
    runs = [route(gateway, created(version)).run for version in (new, old)]
    all_end()
    releases = [show(gateway, run).release for run in runs]
    assert releases[0] != releases[1]
    assert releases[1] == manifests.read(gateway, "prices", old).release.digest
    assert len(tools.executions(gateway)) == 2


def test_redelivery_starts_the_execution_after_a_crash(gateway, pipeline, files, created, monkeypatch, tools):
    body = created(pushed(gateway, pipeline, files))

    def crash(*_):
        raise TargetError("the function died")

    monkeypatch.setattr(Executions, "start", crash)
    with pytest.raises(TargetError):
        route(gateway, body)
    assert tools.executions(gateway) == []
    monkeypatch.undo()
    started = route(gateway, body)
    assert started.new is False
    assert gateway.runs.header(started.run).status == "RUNNING"
    assert len(tools.executions(gateway)) == 1


def test_manual_run_uses_current_release_and_given_parameters(gateway, pipeline, files, created, requested):
    pushed(gateway, pipeline, files)
    started = route(gateway, requested(parameters={"limit": 5}))
    record = show(gateway, started.run)
    assert record.trigger.type == "manual"
    assert record.trigger.by == "ada"
    assert record.trigger.parameters == {"limit": 5}
    assert record.release == manifests.read(gateway, "prices").release.digest
    assert json.loads(gateway.documents.newest_revision("prices").document)["parameters"] == {"limit": 3}
    assert find_run(gateway, "manual:1") == started.run


def test_pipeline_without_code_has_a_release_of_its_document(gateway, requested):
    document = {
        "name": "prices",
        "stages": {"check": {"kind": "gate", "require": "1 >= 0"}},
    }
    push(gateway, load(document), {})
    record = show(gateway, route(gateway, requested()).run)
    assert gateway.runs.header(record.run).status == "RUNNING"
    assert record.stages[0].action == "run"


def test_release_without_code_trigger_starts_no_run(gateway, files, tools, created, function, context):
    push(gateway, load(tools.document | {"triggers": []}), files)
    body = created(first_version(gateway))
    assert route(gateway, body) is None
    assert handler(batch(body), context) == {"batchItemFailures": []}
    assert list_runs(gateway, "prices") == []


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [({"limti": 5}, "limti"), ({"limit": "many"}, "limit")],
)
def test_wrong_parameters_reject_the_run_with_the_reason(
    gateway, pipeline, files, requested, parameters, reason, tools
):
    push(gateway, pipeline, files)
    started = route(gateway, requested(parameters=parameters))
    record = show(gateway, started.run)
    assert record.status == "REJECTED"
    assert reason in record.reason
    assert route(gateway, requested(parameters=parameters)) == replace(started, new=False)
    assert tools.executions(gateway) == []


def test_release_with_a_wrong_checksum_rejects_the_run(gateway, pipeline, files, created, tools, all_end):
    version = pushed(gateway, pipeline, files)
    route(gateway, created(version))
    all_end()
    published = list(gateway.objects.list("code/"))
    manifest = json.loads(gateway.objects.get("manifests/prices.json", version).body)
    manifest["files"]["train.py"]["version"] = gateway.objects.put("staging/prices/train.py", b"evil")
    forged = gateway.objects.put("manifests/prices.json", json.dumps(manifest).encode())
    record = show(gateway, route(gateway, created(forged)).run)
    assert record.status == "REJECTED"
    assert "train.py has SHA-256" in record.reason
    assert len(tools.executions(gateway)) == 1
    assert list(gateway.objects.list("code/")) == published


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ('{"name": "prices", "stages": {}}', "stages"),
    ],
)
def test_wrong_document_rejects_the_run(gateway, requested, document, reason):
    put_release(gateway, "prices", document)
    record = show(gateway, route(gateway, requested()).run)
    assert record.status == "REJECTED"
    assert reason in record.reason


def test_missing_document_rejects_the_run(gateway, requested):
    record = show(gateway, route(gateway, requested()).run)
    assert record.status == "REJECTED"
    assert "no document of prices" in record.reason


def test_impossible_plan_rejects_the_run(gateway, files, tools, requested):
    stages = tools.document["stages"]
    prepare = stages["prepare"] | {"inputs": {"raw": "s3://${bucket}/raw/"}}
    push(gateway, load(tools.document | {"stages": stages | {"prepare": prepare}}), files)
    record = show(gateway, route(gateway, requested()).run)
    assert record.status == "REJECTED"
    assert "stages.prepare.inputs.raw" in record.reason


def by_hand(gateway, **typed):
    key = {"pipeline": {"S": "prices"}, "item": {"S": "overrides"}}
    gateway.documents.client.put_item(TableName=gateway.documents.table, Item=key | typed)


def limit(number):
    return {"parameters": {"M": {"limit": {"N": number}}}}


class Topics:
    def __init__(self):
        self.sent = []

    def publish(self, topic, subject, message):
        self.sent.append((subject, message))


@pytest.fixture
def notices(gateway, monkeypatch):
    """The notices that are sent, and the lines of the log."""
    lines, topics = io.StringIO(), Topics()
    logger = Logger(service="test-refused", stream=lines)
    monkeypatch.setattr(environment, "logger", lambda: logger)
    monkeypatch.setenv("STAGEWRIGHT_TOPIC", "arn:topic")
    gateway.__dict__["topics"] = topics
    return topics.sent, lambda: [json.loads(line) for line in lines.getvalue().splitlines()]


def training(gateway, run):
    record = show(gateway, run)
    chains = next(iter(gateway.runs.items(run, f"page#{record.plan}")))["chains"]
    return json.loads(json.loads(chains)[0][1]["requests"]["CreateTrainingJob"])


def test_layers_apply_in_order_overlay_overrides_parameters(
    gateway, pipeline, files, created, requested, all_end
):
    version = pushed(gateway, pipeline, files, by="ada", overlay={"parameters": {"limit": 4}})
    first = route(gateway, created(version)).run
    by_hand(gateway, **limit("5"), stages={"M": {"train": {"M": {"instance_count": {"N": "2"}}}}})
    second = route(gateway, requested()).run
    third = route(gateway, requested(request="2", parameters={"limit": 6})).run
    all_end()
    given = [json.loads(training(gateway, run)["HyperParameters"]["limit"]) for run in (first, second, third)]
    assert given == [4, 5, 6]
    counts = [training(gateway, run)["ResourceConfig"]["InstanceCount"] for run in (first, second, third)]
    assert counts == [1, 2, 2]
    assert [show(gateway, run).revision for run in (first, second, third)] == [1, 2, 2]
    authors = [revision.author for revision in gateway.documents.revisions("prices", 9)]
    assert authors == ["unknown (table edit)", "ada"]


def test_requester_of_a_run_is_not_the_author_of_the_document(gateway, pipeline, files, requested):
    push(gateway, pipeline, files)
    route(gateway, requested(by="zoe"))
    assert gateway.documents.newest_revision("prices").author == "unknown"


def test_wrong_table_edit_rejects_the_run_and_sends_one_notice(
    gateway, pipeline, files, requested, notices, tools
):
    sent, lines = notices
    push(gateway, pipeline, files)
    push(gateway, load(tools.document | {"name": "others"}), files)
    by_hand(gateway, parameters={"M": {"limit": {"S": "many"}}})
    started = route(gateway, requested())
    assert route(gateway, requested()) == replace(started, new=False)
    record = show(gateway, started.run)
    assert record.status == "REJECTED"
    assert 'parameters.limit: must be a number, not "many", in the overrides' in record.reason
    assert "stagewright unset prices parameters.limit" in record.reason
    ((subject, message),) = sent
    assert subject == f"prices was rejected: {started.run}"
    assert message.startswith(record.reason)
    (line,) = [line for line in lines() if line.get("metric") == "Rejected"]
    assert line["value"] == 1
    assert line["run"] == started.run
    assert line["pipeline"] == "prices"
    assert gateway.documents.newest_revision("prices") is None
    assert tools.executions(gateway) == []
    other = route(gateway, requested(pipeline="others", request="2"))
    assert gateway.runs.header(other.run).status == "RUNNING"
    by_hand(gateway, **limit("5"))
    again = route(gateway, requested(request="3"))
    assert gateway.runs.header(again.run).status == "RUNNING"


def test_table_edit_of_another_type_rejects_the_run_unless_quoted(gateway, pipeline, files, requested, tools):
    train = {**tools.document["stages"]["train"], "hyperparameters": {"trees": 300}}
    stages = {**tools.document["stages"], "train": train}
    push(gateway, load(tools.document | {"stages": stages}), files)
    push(gateway, load(tools.document | {"name": "others"}), files)

    def trees(value):
        edit = {"M": {"train": {"M": {"hyperparameters": {"M": {"trees": value}}}}}}
        by_hand(gateway, stages=edit)

    trees({"S": "many"})
    refused = show(gateway, route(gateway, requested()).run)
    place = "stages.train.hyperparameters.trees"
    assert refused.status == "REJECTED"
    assert f'{place}: the document has the number 300, not "many", in the overrides' in refused.reason
    assert f"stagewright unset prices {place}" in refused.reason
    assert show(gateway, route(gateway, requested(pipeline="others", request="2")).run).status == "RUNNING"
    trees({"S": '"many"'})
    meant = route(gateway, requested(request="3")).run
    assert json.loads(training(gateway, meant)["HyperParameters"]["trees"]) == "many"


def test_notice_of_five_thousand_problems_fits_sns(gateway, pipeline, files, requested, notices):
    sent, _ = notices
    push(gateway, pipeline, files)
    by_hand(gateway, stages={"M": {f"stage-{number}": {"M": {}} for number in range(5_000)}})
    record = show(gateway, route(gateway, requested()).run)
    assert record.status == "REJECTED"
    assert record.reason.startswith("stages.stage-0: no such stage, in the overrides")
    assert "stagewright unset prices stages.stage-0)" in record.reason
    ((_, message),) = sent
    assert len(message.encode()) < 256 * 1024
    assert message.endswith(f"look: stagewright show {record.run}\n")


def test_code_overrides_need_the_functions_permission(gateway, pipeline, files, requested, monkeypatch):
    push(gateway, pipeline, files)
    train = {"M": {"image": {"S": "sklearn-1.2"}}}
    by_hand(gateway, stages={"M": {"train": train}})
    assert "STAGEWRIGHT_CODE_OVERRIDES" in show(gateway, route(gateway, requested()).run).reason
    monkeypatch.setenv("STAGEWRIGHT_CODE_OVERRIDES", "yes")
    run = route(gateway, requested(request="2")).run
    assert ":1.2-" in training(gateway, run)["AlgorithmSpecification"]["TrainingImage"]
