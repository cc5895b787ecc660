from __future__ import annotations

import json

import pytest
from tests.support.messages import accept_all
from tests.support.triggers import trigger_of

from stagewright.functions.router import handler
from stagewright.runs.history.run_history import list_runs
from stagewright.runs.intake.run_requests import MalformedError


class TestMessages:
    def sample(self, place, **more):
        body = {"consumption_pipeline_name": f"{place.id}-prices", "dataset_date": "2026-01-30T05:06:07Z"}
        return {"Records": [{"body": body | {"event_source": "event-bridge"} | more, "eventSource": "x"}]}

    @pytest.mark.parametrize("as_text", [False, True])
    def test_request_in_the_form_of_the_aws_sample(self, gateway, put_document, installation, as_text):
        put_document()
        message = self.sample(installation)
        if as_text:
            message["Records"][0]["body"] = json.dumps(message["Records"][0]["body"])
        (started,) = accept_all(gateway, json.dumps(message), "m1")
        made = trigger_of(gateway, started)
        assert made.type == "manual"
        assert made.by == "event-bridge"
        assert made.date == "2026-01-30"
        assert made.key == "manual:m1:0"

    def test_replayed_message_starts_no_second_run(self, put_document, function, context, tools, all_end):
        put_document()
        body = json.dumps(self.sample(function.installation))
        first = {"messageId": "m1", "body": body, "attributes": {"SentTimestamp": "1769868000000"}}
        again = {"messageId": "m9", "body": body, "messageAttributes": {"origin": {"stringValue": "m1"}}}
        other = {"messageId": "m2", "body": body}
        for record in (first, first, again, other):
            assert handler({"Records": [record]}, context) == {"batchItemFailures": []}
        all_end()
        assert len(tools.executions(function)) == 2
        assert any(
            record.trigger.time == "2026-01-31T14:00:00.000Z" for record in list_runs(function, "prices")
        )

    def test_request_without_an_event(self, gateway, put_document):
        put_document(parameters={"limit": 3})
        body = json.dumps({"pipeline": "prices", "parameters": {"limit": 5}, "by": "cron"})
        made = trigger_of(gateway, accept_all(gateway, body, "m1")[0])
        assert made.key == "manual:m1"
        assert made.by == "cron"
        assert made.parameters == {"limit": 5}

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"consumption_pipeline_name": None}, "consumption_pipeline_name"),
            ({"consumption_pipeline_name": "No Such"}, "is not a pipeline name"),
            ({"dataset_date": "yesterday"}, "dataset_date 'yesterday' has no date in it"),
        ],
    )
    def test_wrong_sample_request_names_the_problem(self, gateway, installation, change, message):
        with pytest.raises(MalformedError, match=message):
            accept_all(gateway, json.dumps(self.sample(installation, **change)))

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("parameters", dict.fromkeys(map(str, range(1_001)), 1)),
            ("only", ["a"] * 2_001),
            ("start", ["a"] * 2_001),
            ("skip", ["a"] * 2_001),
        ],
        ids=["parameters", "only", "start", "skip"],
    )
    def test_request_with_too_many_names_is_malformed(self, gateway, name, value):
        body = {"pipeline": "prices", name: value}
        with pytest.raises(MalformedError, match=f"Run Requested: {name}: .* at most"):
            accept_all(gateway, json.dumps(body), "m1")

    @pytest.mark.parametrize("body", ["[" * 100_000, '{"pipeline": ' + "[" * 100_000, "9" * 5_000])
    def test_body_that_cannot_be_read_is_malformed(self, gateway, body):
        with pytest.raises(MalformedError):
            accept_all(gateway, body)

    @pytest.mark.parametrize("body", ["{}", "[]", '"x"', "1", "null", '{"Records": [{}]}', '{"Records": 1}'])
    def test_other_bodies_are_malformed(self, gateway, body):
        with pytest.raises(MalformedError):
            accept_all(gateway, body)
