from __future__ import annotations

import pytest

from stagewright.aws.endpoints import Answer
from stagewright.errors import TargetError
from stagewright.functions import smoke_check
from stagewright.runs.endpoints.smoke_check import FILE_LIMIT

SETTINGS = {"content_type": "text/csv", "accept": "application/json"}


class Endpoints:
    def __init__(self):
        self.sent = []

    def invoke(self, *request):
        self.sent.append(request)
        if request[0] == "sick":
            raise TargetError("the model behind sick failed: boom", "look")
        return Answer(b"[1.5]", "application/json", "AllTraffic")


@pytest.fixture
def endpoints(function):
    function.__dict__["endpoints"] = Endpoints()
    return function.__dict__["endpoints"]


@pytest.fixture
def failure(context):
    def handle(endpoint="prices", **test):
        event = {"endpoint": endpoint, "test": {**SETTINGS, **test}}
        return smoke_check.handler(event, context)["failure"]

    return handle


def test_body_is_sent_as_it_is(endpoints, failure):
    assert failure(body='1,"é"') == ""
    assert endpoints.sent == [("prices", '1,"é"'.encode(), "text/csv", "application/json")]


def test_file_is_sent_as_it_is(function, endpoints, failure):
    function.objects.put("samples/x.png", b"\x89\x00\xff")
    assert failure(file=f"s3://{function.installation.bucket}/samples/x.png") == ""
    assert endpoints.sent[0][1] == b"\x89\x00\xff"


def test_failure_is_returned(function, endpoints, failure):
    assert failure(body="1", contains="2.5") == "the response [1.5] does not contain 2.5"
    assert "more than 0" in failure(body="1", max_latency=0)
    assert failure("sick", body="1") == "the model behind sick failed: boom"
    assert "does not exist" in failure(file=f"s3://{function.installation.bucket}/none")
    function.objects.put("samples/large", b"x" * (FILE_LIMIT + 1))
    large = f"s3://{function.installation.bucket}/samples/large"
    assert failure(file=large) == f"the file {large} is larger than 6 MiB"
    assert len(endpoints.sent) == 3
