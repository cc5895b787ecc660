from __future__ import annotations

import json

import pytest
from tests.support.messages import message

from stagewright.naming import person
from stagewright.runs.intake import messages, run_requests


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"source": "aws.ec2", "detail": {}}, "unknown event"),
        ({"time": "yesterday"}, "isoformat"),
        ({"detail": None}, "TypeError"),
        (
            {"detail": {"bucket": {"name": "other"}, "object": {"key": "manifests/prices.json"}}},
            "in another bucket",
        ),
        ({"detail": {"bucket": {"name": "BUCKET"}, "object": {"key": "code/x"}}}, "is not a manifest"),
        (
            {"detail": {"bucket": {"name": "BUCKET"}, "object": {"key": "manifests/prices.json"}}},
            "no version id",
        ),
    ],
)
def test_foreign_event_is_malformed(installation, change, reason):
    event = {"source": "aws.s3", "detail-type": "Object Created", "time": "2026-01-31T14:00:00Z"} | change
    text = json.dumps(event).replace("BUCKET", installation.bucket)
    with pytest.raises(run_requests.MalformedError, match=reason):
        messages.parse(message(text), installation)


@pytest.mark.parametrize(
    ("body", "said"),
    [("hello", "it is not JSON: Expecting value"), ('{"detail-type": "x"}', "it has no 'time'")],
)
def test_malformed_message_names_what_is_missing(installation, body, said):
    with pytest.raises(run_requests.MalformedError, match=said):
        messages.parse(message(body), installation)


@pytest.mark.parametrize("body", ["[]", "null", "3", '"text"', "{}", ""])
def test_body_without_event_is_malformed(installation, body):
    with pytest.raises(run_requests.MalformedError):
        messages.parse(message(body), installation)


@pytest.mark.parametrize(
    "detail", [{"pipeline": "../x"}, {"request": ""}, {"parameters": {"a": []}}, {"parameters": 3}]
)
def test_request_with_invalid_fields_is_malformed(installation, requested, detail):
    with pytest.raises(run_requests.MalformedError, match="Run Requested"):
        messages.parse(message(requested(**detail)), installation)


def test_release_event_parses_like_the_event_of_s3(installation, created, gateway):
    again = messages.release_event(installation, "prices", "v1", "2026-01-31T14:00:00Z")
    from_s3 = messages.parse(message(created("v1")), installation)
    assert messages.parse(message(json.dumps(again)), installation) == from_s3


@pytest.mark.parametrize(
    ("account", "by"), [("210987654321", "210987654321/ann"), (None, "ann"), ("", "ann")]
)
def test_request_of_another_account_shows_the_account(installation, account, by):
    """Four eyes still know the person: what follows the slash."""
    event = {
        "source": "stagewright",
        "detail-type": "Run Requested",
        "time": "2026-01-31T14:00:00Z",
        "detail": {"pipeline": "prices", "request": "1", "by": "ann"},
        **({} if account is None else {"account": account}),
    }
    (parsed,) = messages.parse(message(json.dumps(event)), installation)
    assert parsed.trigger.by == by
    assert person(parsed.trigger.by) == "ann"
