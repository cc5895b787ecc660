"""The local CloudWatch Logs: pages, tokens and times as in the API reference of CloudWatch Logs."""

from __future__ import annotations

import itertools
import time

import pytest

from sagemaker_local.api.protocol import ApiError
from stagewright.local.logs.operations import Operations
from stagewright.local.logs.served_logs import ServedLogs

GROUP, STREAM = "/aws/sagemaker/ProcessingJobs", "job/algo-1-1"


@pytest.fixture
def logs(tmp_path):
    return ServedLogs(tmp_path)


@pytest.fixture
def job(logs, tmp_path):
    """The open stream of a job."""
    stream = logs.open(GROUP, STREAM, tmp_path / "sagemaker/jobs/processing/job/log")
    yield stream
    stream.close()


@pytest.fixture
def call(logs):
    operations = Operations(
        logs, lambda name: name == GROUP, lambda name: f"arn:aws:logs:r:a:log-group:{name}"
    )

    def call(operation, group=GROUP, **request):
        return operations.call(operation, {"logGroupName": group, **request})

    return call


@pytest.fixture
def get(call):
    return lambda **request: call("GetLogEvents", logStreamName=STREAM, **request)


def texts(page):
    return [event["message"] for event in page["events"]]


def numbered(job, count):
    for number in range(count):
        job.write(f"{number}\n".encode())


def put(call, *events, stream=STREAM):
    log_events = [{"timestamp": moment, "message": text} for moment, text in events]
    return call("PutLogEvents", logStreamName=stream, logEvents=log_events)


def test_forward_pages_reach_the_end_and_repeat_its_token(get, job):
    numbered(job, 25)
    pages, token = [], {}
    while True:
        page = get(startFromHead=True, limit=10, **token)
        pages.append(texts(page))
        if token.get("nextToken") == page["nextForwardToken"]:
            break
        token = {"nextToken": page["nextForwardToken"]}
    assert [len(page) for page in pages] == [10, 10, 5, 0]
    assert [text for page in pages for text in page] == [str(number) for number in range(25)]
    job.write(b"new\n")
    assert texts(get(startFromHead=True, **token)) == ["new"]


def test_last_events_come_first_without_start_from_head(get, job):
    numbered(job, 25)
    last = get(limit=10)
    assert texts(last) == [str(number) for number in range(15, 25)]
    before = get(limit=10, nextToken=last["nextBackwardToken"])
    assert texts(before) == [str(number) for number in range(5, 15)]
    assert texts(get(nextToken=before["nextForwardToken"], startFromHead=True)) == texts(last)
    first = get(nextToken=before["nextBackwardToken"])
    assert texts(first) == ["0", "1", "2", "3", "4"]
    over = get(nextToken=first["nextBackwardToken"])
    assert (texts(over), over["nextBackwardToken"]) == ([], first["nextBackwardToken"])


def test_page_has_at_most_10000_events(get, job):
    numbered(job, 10_500)
    page = get(startFromHead=True)
    assert len(page["events"]) == 10_000
    assert len(get(startFromHead=True, nextToken=page["nextForwardToken"])["events"]) == 500
    assert texts(get())[-1] == "10499"


@pytest.mark.parametrize("operation", ["GetLogEvents", "FilterLogEvents"])
def test_page_has_at_most_one_megabyte(call, job, operation):
    for letter in b"abcde":
        job.write(bytes([letter]) * 250_000 + b"\n")
    names = {"logStreamName": STREAM, "startFromHead": True} if operation == "GetLogEvents" else {}
    page = call(operation, **names)
    assert [text[0] for text in texts(page)] == ["a", "b", "c", "d"]
    token = page.get("nextForwardToken") or page["nextToken"]
    assert [text[0] for text in texts(call(operation, nextToken=token, **names))] == ["e"]


def test_times_include_the_start_and_exclude_the_end(call, get):
    now = int(time.time() * 1000)
    call("CreateLogStream", logStreamName=STREAM)
    put(call, *((now + number, f"{number}") for number in range(5)))
    assert texts(get(startTime=now + 1, endTime=now + 3)) == ["1", "2"]
    assert texts(call("FilterLogEvents", startTime=now + 1, endTime=now + 3)) == ["1", "2", "3"]
    assert texts(get(startTime=now + 9)) == texts(get(startTime=now + 3, endTime=now + 1)) == []


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"nextToken": "nonsense"}, "InvalidParameterException"),
        ({"nextToken": "f/-1"}, "InvalidParameterException"),
        ({"limit": 0}, "InvalidParameterException"),
        ({"limit": 10_001}, "InvalidParameterException"),
        ({"logGroupIdentifier": GROUP}, "InvalidParameterException"),
        ({"group": "/none"}, "ResourceNotFoundException"),
        ({"logStreamName": "none"}, "ResourceNotFoundException"),
    ],
)
def test_invalid_request_is_refused(call, job, request_, code):
    with pytest.raises(ApiError) as error:
        call("GetLogEvents", **{"logStreamName": STREAM, **request_})
    assert error.value.code == code


def test_filter_merges_streams_by_time_and_pages_through_all(call, logs):
    now = int(time.time() * 1000) - 1000
    for stream in ("a", "b"):
        call("CreateLogStream", logStreamName=stream)
        put(call, *((now + number, f"{stream}{number}") for number in range(4)), stream=stream)
    pages, token = [], {}
    while True:
        page = call("FilterLogEvents", limit=3, **token)
        pages += texts(page)
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    assert pages == ["a0", "b0", "a1", "b1", "a2", "b2", "a3", "b3"]
    assert texts(call("FilterLogEvents", logStreamNames=["b"])) == ["b0", "b1", "b2", "b3"]
    assert texts(call("FilterLogEvents", logStreamNamePrefix="a", filterPattern="a2")) == ["a2"]
    events = call("FilterLogEvents")["events"]
    assert len({event["eventId"] for event in events}) == 8
    assert events[0]["logStreamName"] == "a"


def test_late_events_are_in_the_order_of_their_times(call, get):
    now = int(time.time() * 1000)
    call("CreateLogStream", logStreamName=STREAM)
    put(call, (now, "second"))
    put(call, (now - 5000, "first"))
    assert texts(get(startFromHead=True)) == ["first", "second"]
    assert texts(call("FilterLogEvents", endTime=now - 1)) == ["first"]


def test_put_log_events_applies_the_limits(call):
    now = int(time.time() * 1000)
    call("CreateLogStream", logStreamName=STREAM)
    with pytest.raises(ApiError, match="chronological order"):
        put(call, (now, "b"), (now - 1, "a"))
    with pytest.raises(ApiError, match="Upload too large: 1048577 bytes"):
        put(call, (now, "x" * (1_048_577 - 26)))
    day = 86_400_000
    answer = put(call, (now - 20 * day, "old"), (now, "good\n"), (now + day, "new"))
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 2}
    assert texts(call("FilterLogEvents")) == ["good\n"]


def test_streams_are_listed_by_name_and_by_last_event(call, logs, job):
    for name in ("b", "a", "job2"):
        call("CreateLogStream", logStreamName=name)
    job.write(b"x\n")

    def names(**request):
        return [stream["logStreamName"] for stream in call("DescribeLogStreams", **request)["logStreams"]]

    assert names() == ["a", "b", STREAM, "job2"]
    assert names(descending=True) == ["job2", STREAM, "b", "a"]
    assert names(logStreamNamePrefix="job") == [STREAM, "job2"]
    assert names(orderBy="LastEventTime", descending=True)[0] == STREAM
    first = call("DescribeLogStreams", limit=3)
    assert [stream["logStreamName"] for stream in first["logStreams"]] == ["a", "b", STREAM]
    assert names(limit=3, nextToken=first["nextToken"]) == ["job2"]
    described = call("DescribeLogStreams", logStreamNamePrefix=STREAM)["logStreams"][0]
    assert described["firstEventTimestamp"] <= described["lastEventTimestamp"]
    with pytest.raises(ApiError, match="already exists"):
        call("CreateLogStream", logStreamName="a")


def test_deleted_stream_has_no_file(call, job, tmp_path):
    job.write(b"x\n")
    call("DeleteLogStream", logStreamName=STREAM)
    assert [file.name for file in tmp_path.rglob("log*") if file.is_file()] == []
    with pytest.raises(ApiError, match="does not exist"):
        call("GetLogEvents", logStreamName=STREAM)


def test_streams_survive_a_restart(call, job, tmp_path):
    job.write(b"before\n")
    again = Operations(ServedLogs(tmp_path), lambda _: True, str)
    page = again.call("GetLogEvents", {"logGroupName": GROUP, "logStreamName": STREAM})
    assert texts(page) == ["before"]


def test_job_that_writes_while_it_is_read_loses_no_line(get, job):
    token, seen = {}, []
    for number in itertools.count():
        if number < 200:
            job.write(f"{number}\n".encode())
        page = get(startFromHead=True, limit=7, **token)
        if number >= 200 and not page["events"]:
            break
        seen += texts(page)
        token = {"nextToken": page["nextForwardToken"]}
    assert seen == [str(number) for number in range(200)]
