from __future__ import annotations

import io
import json

from aws_lambda_powertools import Logger
from tests.support.messages import route

from stagewright.aws.executions import Executions
from stagewright.errors import TargetError
from stagewright.functions import environment
from stagewright.functions.router import handler
from stagewright.runs.dead_letters import list_letters
from stagewright.runs.history.run_history import list_runs
from stagewright.runs.releases.manifest import code_key
from stagewright.runs.releases.push import push


def pushed(gateway, pipeline, files, **more):
    """The version of the manifest."""
    return push(gateway, pipeline, files, **more).trigger_key.rsplit(":", 1)[1]


def batch(*bodies):
    return {"Records": [{"messageId": f"m{n}", "body": body} for n, body in enumerate(bodies)]}


def test_request_for_another_installation_is_ignored(function, pipeline, files, requested, context):
    push(function, pipeline, files)
    assert handler(batch(requested(installation="stagewright-prod")), context) == {"batchItemFailures": []}
    assert list_runs(function, "prices") == []
    place = function.installation
    assert route(function, requested(installation=f"{place.prefix}-{place.environment}")).new


def test_malformed_message_does_not_stop_the_others(
    function, pipeline, files, created, requested, context, tools, all_end
):
    body = created(pushed(function, pipeline, files))
    answer = handler(batch("{", body, '{"source": "x"}', requested()), context)
    assert answer == {"batchItemFailures": []}
    assert {letter.id: letter.body for letter in list_letters(function)} == {
        "m0": "{",
        "m2": '{"source": "x"}',
    }
    all_end()
    assert len(tools.executions(function)) == 2


def test_aws_error_returns_the_message_to_the_queue(
    function, pipeline, files, created, context, monkeypatch, tools
):
    body = created(pushed(function, pipeline, files))

    def throttled(*_):
        raise TargetError("ThrottlingException")

    monkeypatch.setattr(Executions, "start", throttled)
    assert handler(batch(body), context) == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    monkeypatch.undo()
    place = function.installation
    monkeypatch.setenv("STAGEWRIGHT_BUCKET", place.bucket)
    monkeypatch.setenv("STAGEWRIGHT_PREFIX", place.prefix)
    monkeypatch.setenv("STAGEWRIGHT_ENVIRONMENT", place.environment)
    monkeypatch.setattr(environment, "gateway", lambda asked: function)
    assert handler(batch(body), context) == {"batchItemFailures": []}
    assert len(tools.executions(function)) == 1


def test_message_waits_for_the_end_of_an_update(function, context, requested, pipeline, files, monkeypatch):
    """The settings are of the next version already: the router must not plan for that version's machine."""
    push(function, pipeline, files)
    monkeypatch.setenv("STAGEWRIGHT_DEFINITION", "of the next version")
    body = requested()
    assert handler(batch(body), context) == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert list_runs(function, "prices") == []
    monkeypatch.delenv("STAGEWRIGHT_DEFINITION")
    assert handler(batch(body), context) == {"batchItemFailures": []}
    assert len(list_runs(function, "prices")) == 1


def test_manifest_of_a_later_version_is_a_dead_letter_with_the_reason(
    function, pipeline, files, created, context
):
    """It is delivered again first: during an upgrade, the next delivery meets the new function."""
    push(function, pipeline, files)
    content = json.loads(function.objects.get("manifests/prices.json").body) | {"format": 99}
    version = function.objects.put("manifests/prices.json", json.dumps(content).encode())
    event = batch(created(version))
    assert handler(event, context) == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert list_letters(function) == []
    event["Records"][0]["attributes"] = {"ApproximateReceiveCount": "5"}
    assert handler(event, context) == {"batchItemFailures": []}
    (letter,) = list_letters(function)
    assert "has format 99; this is Stagewright" in letter.why
    assert function.runs.claimed(code_key("prices", version)) is None


def test_misspelled_key_in_a_request_suggests_the_right_one(
    function, pipeline, files, context, requested, tools
):
    push(function, pipeline, files)
    bare = json.dumps({"pipeline": "prices", "parameter": {"limit": 5}})
    assert handler(batch(requested(skips=["train"]), bare), context) == {"batchItemFailures": []}
    assert {letter.id: letter.why for letter in list_letters(function)} == {
        "m0": 'Run Requested: unknown key "skips" (did you mean "skip"?)',
        "m1": 'Run Requested: unknown key "parameter" (did you mean "parameters"?)',
    }
    assert list_runs(function, "prices") == []
    assert tools.executions(function) == []


def test_half_a_surrogate_pair_becomes_a_dead_letter(function, pipeline, files, context, requested, tools):
    push(function, pipeline, files)
    sample = json.dumps({"consumption_pipeline_name": "prices", "event_source": "\ud800"})
    half = [requested(by="\ud800"), json.dumps({"Records": [{"body": sample}]})]
    assert handler(batch(*half, requested(request="2")), context) == {"batchItemFailures": []}
    assert [letter.id for letter in list_letters(function)] == ["m0", "m1"]
    (run,) = list_runs(function, "prices")
    assert run.status == "RUNNING"


def test_log_has_the_run_and_no_parameter(function, pipeline, files, requested, context, monkeypatch):
    push(function, pipeline, files)
    lines = io.StringIO()
    logger = Logger(service="test-router", stream=lines)
    monkeypatch.setattr(environment, "logger", lambda: logger)
    handler(batch(requested(parameters={"limit": 987654})), context)
    line = json.loads(lines.getvalue().splitlines()[-1])
    assert line["message"] == "run accepted"
    assert line["run"] == list_runs(function, "prices")[0].run
    assert line["pipeline"] == "prices"
    assert "987654" not in lines.getvalue()
