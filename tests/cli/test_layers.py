"""set, unset, diff, history, rollback, document, and overlays, against a real local server."""

from __future__ import annotations

import getpass
import json
import uuid

import boto3
import pytest
from tests.support.waiting import until

from stagewright.local import server
from stagewright.local.state import INSTALLATION


@pytest.fixture
def aws(served):
    """Clients as another program has them, which knows nothing of Stagewright."""
    running = server.find(served.state)

    def client(service):
        return boto3.client(
            service,
            endpoint_url=running.url,
            aws_access_key_id=running.access_key,
            aws_secret_access_key=running.secret_key,
            region_name=INSTALLATION.region,
        )

    return client


@pytest.fixture(autouse=True)
def clean(served):
    yield
    (served.folder / "environments").mkdir(exist_ok=True)
    for file in (served.folder / "environments").iterdir():
        file.unlink()
    served("unset", "tiny", "--all")


def edit(aws, **typed):
    """A hand edit, as the console makes one."""
    key = {"pipeline": {"S": "tiny"}, "item": {"S": "overrides"}}
    aws("dynamodb").put_item(TableName="stagewright-local-documents", Item=key | typed)


def overrides(aws):
    key = {"pipeline": {"S": "tiny"}, "item": {"S": "overrides"}}
    return aws("dynamodb").get_item(TableName="stagewright-local-documents", Key=key).get("Item")


def action(plan):
    return {stage["name"]: stage["action"] for stage in plan["stages"]}


@pytest.mark.slow
def test_override_applies_to_the_next_plan_and_run_and_is_in_the_history(served):
    done = served.json("set", "tiny", "parameters.factor=5", "stages.serve.enabled=false")
    assert [change["path"] for change in done["changes"]] == ["parameters.factor", "stages.serve.enabled"]
    plan = served.json("plan", ".")
    fit = next(stage for stage in plan["stages"] if stage["name"] == "fit")
    assert "hyperparameters.factor 2 -> 5" in fit["reason"]
    record = served.json("run", ".")
    assert record["revision"] == done["revision"]
    metrics = {stage["name"]: stage["metrics"] for stage in record["stages"]}
    assert metrics["fit"]["product"] == 30
    assert action(record)["serve"] == "reuse"
    assert served("diff", "tiny").stdout.startswith("tiny: no difference")
    first = served.json("history", "tiny")[0]
    assert (first["number"], first["author"]) == (done["revision"], getpass.getuser())
    back = served.json("unset", "tiny", "parameters.factor")
    assert back["changes"] == [{"path": "parameters.factor", "before": 5, "after": 2}]
    assert served("diff", "tiny").stdout == "parameters.factor: 5 -> 2\n"
    told = served.json("diff", "tiny", "now", str(done["revision"]))
    assert told["changes"] == [{"path": "parameters.factor", "before": 2, "after": 5}]
    assert served.json("rollback", "tiny", str(done["revision"]))["changes"] == [
        {"path": "parameters.factor", "before": 2, "after": 5}
    ]


def test_config_show_prints_the_layer_of_each_setting(served):
    served.json("set", ".", "stages.fit.hyperparameters.depth=3")
    told = served.json("config", "show", "tiny")
    assert told["document"]["stages"]["fit"]["hyperparameters"]["depth"] == 3
    assert told["layers"] == {"stages.fit.hyperparameters.depth": "overrides"}
    assert told["overrides_by"] == getpass.getuser()
    lines = served("config", "show", "tiny").stdout.splitlines()
    assert ["stages.fit.hyperparameters.depth", "3", "overrides"] in [line.split() for line in lines]
    assert ["parameters.factor", "2", "base"] in [line.split() for line in lines]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("set", "tiny", "parameters.factr=3"), 2, 'did you mean "factor"?'),
        (("set", "tiny", "parameters.factor"), 2, "write parameters.factor=VALUE"),
        (("set", "tiny", "stages.fit.image=x"), 2, "it is the code that runs"),
        (("set", "tiny"), 2, ""),
        (("set", "nobody", "parameters.factor=3"), 5, "no document of nobody"),
        (("unset", "tiny"), 2, "name the overrides to remove, or give --all"),
        (("unset", "tiny", "--all", "parameters.factor"), 2, "name the overrides to remove, or give --all"),
        (("unset", "tiny", "parameters.factor"), 2, "is not overridden"),
        (("rollback", "tiny", "999"), 5, "tiny has no revision 999"),
        (("diff", "tiny", "yesterday"), 5, "yesterday is neither a revision number nor a layer"),
        (("config", "show", "nobody"), 5, "no document of nobody"),
    ],
)
def test_rejected_command_is_one_message_and_an_exit_code(served, aws, arguments, code, words):
    before = overrides(aws)
    done = served(*arguments)
    assert done.returncode == code, done.stdout + done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert overrides(aws) == before


def test_changed_default_is_shown(served):
    line = "stages.serve.enabled: true (default) -> false"
    assert line in served("set", "tiny", "stages.serve.enabled=false").stdout
    assert line in served("diff", "tiny", "base", "now").stdout
    listed = served("history", "tiny").stdout
    assert line in listed
    assert listed.rstrip().endswith("first revision")
    (change,) = served.json("diff", "tiny", "base", "now")["changes"]
    assert change == {"path": "stages.serve.enabled", "after": False}
    assert "false -> true (default)" in served("unset", "tiny", "--all").stdout


def test_history_without_revisions_is_empty(served):
    assert served.json("history", "nobody") == []


def test_invalid_table_edit_rejects_the_run_and_can_be_removed(served, aws):
    sqs, sns = aws("sqs"), aws("sns")
    url = sqs.create_queue(QueueName=f"people-{uuid.uuid4().hex[:6]}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topics = (each["TopicArn"] for each in sns.list_topics()["Topics"])
    (topic,) = (each for each in topics if each.endswith("-notifications"))
    subscription = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True)
    edit(aws, stages={"M": {"fit": {"M": {"instance_count": {"S": "two"}}}}}, parameters={"SS": ["factor"]})
    place = "stagewright-local"
    detail = {"installation": place, "pipeline": "tiny", "request": uuid.uuid4().hex, "by": "ada"}
    entry = {"Source": "stagewright", "DetailType": "Run Requested", "Detail": json.dumps(detail)}
    aws("events").put_events(Entries=[entry])
    until(lambda: served.json("runs", "tiny")[0]["status"] == "REJECTED")
    newest = served.json("runs", "tiny")[0]
    assert "parameters: a set of texts (SS), in the overrides" in newest["reason"]
    (message,) = until(lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10).get("Messages"))
    assert f"tiny was rejected: {newest['run']}" in message["Body"]
    sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    ran = served("run", ".")
    assert ran.returncode == 2
    assert "stagewright unset tiny parameters" in ran.stderr
    shown = served("config", "show", "tiny")
    assert shown.returncode == 2
    assert '"two"' in shown.stdout
    half = served("unset", "tiny", "parameters")
    assert half.returncode == 0, half.stderr
    assert "still invalid: stages.fit.instance_count" in half.stderr
    whole = served.json("unset", "tiny", "stages.fit")
    assert whole["problems"] == []
    assert served.json("run", ".")["status"] == "SUCCEEDED"


def test_valid_table_edit_applies_without_author(served, aws):
    edit(aws, parameters={"M": {"factor": {"N": "4"}}})
    record = served.json("run", ".")
    fit = next(stage for stage in record["stages"] if stage["name"] == "fit")
    assert fit["metrics"]["product"] == 24
    newest = served.json("history", "tiny", "--limit", "1")[0]
    assert (newest["number"], newest["author"]) == (record["revision"], "unknown (table edit)")


def test_overlay_is_planned_pushed_and_removed(served, aws):
    overlay = served.folder / "environments" / "local.yaml"
    overlay.parent.mkdir(exist_ok=True)
    overlay.write_text("parameters: {factor: 3, extra: yes-please}\n")
    (overlay.parent / "prod.yaml").write_text("parameters: {factor: 99}\n")
    assert served("validate", ".").returncode == 0
    fit = next(stage for stage in served.json("plan", ".")["stages"] if stage["name"] == "fit")
    training = fit["requests"]["CreateTrainingJob"]["HyperParameters"] if fit["action"] == "run" else None
    assert training is None or json.loads(training["factor"]) == 3
    record = served.json("run", ".", "-p", "extra=given")
    assert next(s for s in record["stages"] if s["name"] == "fit")["metrics"]["product"] == 18
    assert served.json("config", "show", "tiny")["layers"]["parameters.factor"] == "environment"
    overlay.unlink()
    assert served.json("push", ".")["run"]
    assert served.json("config", "show", "tiny")["layers"] == {}


def test_invalid_overlay_is_rejected_at_its_line_before_the_push(served):
    overlay = served.folder / "environments" / "local.yaml"
    overlay.parent.mkdir(exist_ok=True)
    overlay.write_text("parameters:\n  factor: 3\nstages:\n  fit: {enabled: off}\n")
    before = served.json("config", "show", "tiny")
    for command in ("validate", "plan", "run", "push"):
        done = served(command, ".")
        assert done.returncode == 2, command
        assert "local.yaml:4: stages.fit.enabled" in done.stderr
    assert served.json("config", "show", "tiny") == before
    (overlay.parent / "local.json").write_text("{}")
    done = served("plan", ".")
    assert (done.returncode, "keep one of them" in done.stderr) == (2, True)
