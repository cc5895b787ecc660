"""Request validation and the wire format."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from sagemaker_local.api.protocol import ApiError, InvokeResult, handle, parse, to_record, typed_response

ROLE = "arn:aws:iam::000000000000:role/sagemaker"


def message(operation, request):
    with pytest.raises(ApiError) as caught:
        parse(operation, request)
    assert (caught.value.code, caught.value.status) == ("ValidationException", 400)
    return caught.value.message


def tags(*tags):
    return {"ResourceArn": "arn:aws:sagemaker:us-east-1:000000000000:model/a", "Tags": list(tags)}


FAILED = "1 validation error detected: Value {} failed to satisfy constraint: Member must {}"
JOB_NAME = "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
STATUSES = "[InProgress, Completed, Failed, Stopping, Stopped, Deleting]"
LONG = "k" * 129


@pytest.mark.parametrize(
    ("operation", "asked", "value", "constraint"),
    [
        ("DescribeTrainingJob", {}, "null at 'trainingJobName'", "not be null"),
        (
            "DescribeTrainingJob",
            {"TrainingJobName": "a_b"},
            "'a_b' at 'trainingJobName'",
            f"satisfy regular expression pattern: {JOB_NAME}",
        ),
        (
            "ListTrainingJobs",
            {"MaxResults": 101},
            "'101' at 'maxResults'",
            "have value less than or equal to 100",
        ),
        (
            "ListTrainingJobs",
            {"StatusEquals": "Done"},
            "'Done' at 'statusEquals'",
            f"satisfy enum value set: {STATUSES}",
        ),
        ("ListTrainingJobs", {"MaxResults": "5"}, "'5' at 'maxResults'", "be of type integer"),
        (
            "AddTags",
            tags({"Key": LONG, "Value": "v"}),
            f"'{LONG}' at 'tags.1.member.key'",
            "have length less than or equal to 128",
        ),
    ],
)
def test_constraint_violation_has_the_message_of_aws(operation, asked, value, constraint):
    assert message(operation, asked) == FAILED.format(value, constraint)


def test_validation_errors_are_reported_together():
    found = message("ListTrainingJobs", {"MaxResults": 0, "SortBy": "Size"})
    assert found.startswith("2 validation errors detected: ")


def test_unknown_member_is_rejected_with_the_known_members():
    found = message("DescribeTrainingJob", {"TrainingJobName": "a", "Verbose": True})
    assert "'True' at 'verbose'" in found
    assert "Member must be one of: TrainingJobName" in found


def test_boolean_is_not_a_number():
    assert "Member must be of type integer" in message("ListTrainingJobs", {"MaxResults": True})


def test_patterns_with_unicode_classes_hold():
    """AWS patterns use classes such as \\p{L}, which `re` cannot compile."""
    assert parse("AddTags", tags({"Key": "größe", "Value": "Ω 1"}))["Tags"][0]["Key"] == "größe"
    assert "tags.1.member.key" in message("AddTags", tags({"Key": "a*b", "Value": ""}))


def test_times_are_epoch_seconds_inside_and_datetimes_outside():
    moment = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
    assert parse("ListTrainingJobs", {"CreationTimeAfter": moment})["CreationTimeAfter"] == moment.timestamp()
    answer = typed_response("DescribeTrainingJob", {"CreationTime": moment.timestamp(), "_private": 1})
    assert answer == {"CreationTime": moment}
    assert to_record(answer) == {"CreationTime": moment.timestamp()}


class Echo:
    def call(self, operation, request):
        if operation == "Explode":
            raise RuntimeError("boom")
        if operation == "Refuse":
            raise ApiError("ResourceInUse", "taken")
        return {"operation": operation, "request": request}

    def invoke(self, endpoint, body, headers):
        return InvokeResult(200, endpoint.encode() + b":" + body, {"content-type": headers["content-type"]})


def target(operation):
    return {"x-amz-target": f"SageMaker.{operation}"}


def test_http_response_has_the_result_and_a_request_id():
    status, headers, body = handle(Echo(), "/", target("Describe"), b'{"a": 1}')
    assert (status, json.loads(body)) == (200, {"operation": "Describe", "request": {"a": 1}})
    assert headers["content-type"] == "application/x-amz-json-1.1"
    assert headers["x-amzn-requestid"]


@pytest.mark.parametrize(
    ("operation", "body", "status", "code"),
    [
        ("Refuse", b"{}", 400, "ResourceInUse"),
        ("Describe", b"not json", 400, "SerializationException"),
        ("Describe", b"[1]", 400, "SerializationException"),
        ("Describe", b"[" * 100_000, 400, "SerializationException"),
        ("Describe", b'{"a": ' + b"9" * 5000 + b"}", 400, "SerializationException"),
        ("Explode", b"{}", 500, "InternalFailure"),
    ],
)
def test_errors_over_http(operation, body, status, code):
    answered, headers, answer = handle(Echo(), "/", target(operation), body)
    assert answered == status
    assert json.loads(answer)["__type"] == headers["x-amzn-errortype"] == code


def test_invoke_over_http():
    status, headers, body = handle(
        Echo(), "/endpoints/house/invocations", {"content-type": "text/csv"}, b"1,2"
    )
    assert (status, headers["content-type"], body) == (200, "text/csv", b"house:1,2")


def test_unknown_operation_is_rejected_with_404():
    with pytest.raises(ApiError) as caught:
        parse("CreateUnicorn", {})
    assert (caught.value.code, caught.value.status) == ("UnknownOperationException", 404)
