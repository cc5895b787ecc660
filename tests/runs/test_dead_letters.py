from __future__ import annotations

import json

import pytest

from stagewright.aws.queue import ANY_RELEASE
from stagewright.errors import NotFoundError, TargetError
from stagewright.functions.router import handler
from stagewright.planner.model import Trigger
from stagewright.runs.dead_letters import delete, list_letters, replay
from stagewright.runs.rejecting import record_rejected

GOOD = json.dumps({"pipeline": "prices", "by": "ada"})
BAD = '{"Records": [{"body": {"consumption_pipeline_name": "prices", "dataset_date": "soon"}}]}'


@pytest.fixture
def dead(gateway):
    def put(*bodies):
        queue = gateway.dead_letters
        return [
            queue.client.send_message(QueueUrl=queue.url, MessageBody=body)["MessageId"] for body in bodies
        ]

    return put


def waiting(gateway):
    found = list(gateway.queue.receive())
    for message in found:
        gateway.queue.release(message)
    return found


def test_letters_are_listed_with_reasons(gateway, dead):
    ids = dead(BAD, GOOD)
    for times in (1, 2):
        letters = {letter.id: letter for letter in list_letters(gateway)}
        assert set(letters) == set(ids)
        assert letters[ids[0]].why == "Records[].body: dataset_date 'soon' has no date in it"
        assert letters[ids[1]].why == "it is well-formed; the router's log has the error"
        assert letters[ids[0]].body == BAD
        assert letters[ids[0]].receives == times
        assert letters[ids[0]].sent > "2026"


def test_letter_of_an_ended_run_says_so(gateway, dead):
    (letter,) = dead(GOOD)
    trigger = Trigger("manual", f"manual:{letter}", "2026-01-31T14:00:00.000Z")
    run = record_rejected(gateway, "prices", trigger, "no").run
    turn = {"source": "stagewright", "detail-type": "Run Ready", "time": "2026-01-31T14:00:00Z"}
    dead(json.dumps(turn | {"detail": {"run": run}}))
    advice = "show prints why, resume continues it, replay starts no second run"
    why = f"its run {run} has ended: REJECTED; {advice}"
    assert [each.why for each in list_letters(gateway)] == [why, why]


def test_replayed_letter_keeps_its_first_id(gateway, dead, function, context):
    first, second = dead(GOOD, BAD)
    assert [letter.id for letter in replay(gateway, [first[:13]])] == [first]
    assert [letter.id for letter in list_letters(gateway)] == [second]
    (message,) = waiting(gateway)
    assert message.body == GOOD
    assert message.origin == first
    record = {"messageId": message.id, "body": message.body}
    record["messageAttributes"] = {"origin": {"stringValue": message.origin}}
    assert handler({"Records": [record]}, context) == {"batchItemFailures": []}
    assert gateway.runs.claimed(f"manual:{first}")


def lost(gateway):
    """What stands in the queue of dead letters, as SQS has it."""
    queue = gateway.dead_letters
    found = queue.client.receive_message(
        QueueUrl=queue.url, MessageAttributeNames=["All"], VisibilityTimeout=0, MaxNumberOfMessages=10
    )
    return found.get("Messages", [])


def record(body, **more):
    """As Lambda hands it over."""
    return {"messageId": "m0", "body": body, "attributes": {"SentTimestamp": "1769868000000"}} | more


TEXT = {"dataType": "String", "stringValue": "blue", "stringListValues": [], "binaryListValues": []}
BYTES = {"dataType": "Binary", "binaryValue": "AQI=", "stringListValues": [], "binaryListValues": []}


def test_malformed_message_becomes_a_dead_letter_unchanged(gateway, function, context):
    came = record(BAD, messageAttributes={"color": TEXT, "key": BYTES})
    assert handler({"Records": [came]}, context) == {"batchItemFailures": []}
    (message,) = lost(gateway)
    why = "Records[].body: dataset_date 'soon' has no date in it"
    assert message["Body"] == BAD
    assert message["MessageAttributes"] == {
        "color": {"DataType": "String", "StringValue": "blue"},
        "key": {"DataType": "Binary", "BinaryValue": b"\x01\x02"},
        "origin": {"DataType": "String", "StringValue": "m0"},
        "stagewright-reason": {"DataType": "String", "StringValue": why},
    }
    assert [(letter.id, letter.why) for letter in list_letters(gateway)] == [("m0", why)]


def test_malformed_message_keeps_its_first_id_when_replayed(gateway, function, context):
    handler({"Records": [record(BAD, messageAttributes={"color": TEXT})]}, context)
    assert [letter.id for letter in replay(gateway, ["m0"])] == ["m0"]
    assert list_letters(gateway) == []
    queue = gateway.queue
    (again,) = queue.client.receive_message(QueueUrl=queue.url, MessageAttributeNames=["All"])["Messages"]
    assert again["Body"] == BAD
    assert {name: each["StringValue"] for name, each in again["MessageAttributes"].items()} == {
        "color": "blue",
        "origin": "m0",
        ANY_RELEASE: "yes",
    }
    attributes = {"origin": {"dataType": "String", "stringValue": "m0"}, "color": TEXT}
    came = record(BAD, messageAttributes=attributes) | {"messageId": again["MessageId"]}
    assert handler({"Records": [came]}, context) == {"batchItemFailures": []}
    assert [letter.id for letter in list_letters(gateway)] == ["m0"]


def test_reason_is_stripped_of_control_characters(gateway, function, context):
    body = json.dumps({"detail-type": "\x00" + "x" * 2_000, "source": "s", "time": "2026-01-31T14:00:00Z"})
    body = body[:-1] + ', "detail": {}}'
    assert handler({"Records": [record(body)]}, context) == {"batchItemFailures": []}
    (letter,) = list_letters(gateway)
    assert letter.why.startswith("unknown event: s,  xxx")
    assert letter.body == body


def test_message_is_delivered_again_if_the_dead_letter_queue_is_gone(gateway, function, context):
    queue = gateway.dead_letters
    queue.client.delete_queue(QueueUrl=queue.url)
    again = {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert handler({"Records": [record(BAD)]}, context) == again


def test_message_delivered_twice_has_one_id(gateway, function, context):
    handler({"Records": [record(BAD), record(BAD)]}, context)
    assert [letter.id for letter in list_letters(gateway)] == ["m0", "m0"]
    assert [letter.id for letter in delete(gateway, ["m0"])] == ["m0", "m0"]
    assert list_letters(gateway) == []


def test_all_letters_are_replayed(gateway, dead):
    dead(*[GOOD] * 23)
    assert len(replay(gateway, None)) == 23
    assert list_letters(gateway) == []
    assert len(waiting(gateway)) == 23


def test_failed_replay_loses_no_letter(gateway, dead, monkeypatch):
    dead(GOOD, GOOD)

    def refuse(*_):
        raise TargetError("no")

    monkeypatch.setattr(type(gateway.queue), "send_again", refuse)
    with pytest.raises(TargetError):
        replay(gateway, None)
    assert len(list_letters(gateway)) == 2


def test_deleted_letter_is_gone(gateway, dead):
    first, second = dead(GOOD, BAD)
    assert [letter.id for letter in delete(gateway, [second])] == [second]
    assert [letter.id for letter in list_letters(gateway)] == [first]
    assert waiting(gateway) == []


def test_unknown_id_changes_nothing(gateway, dead):
    (known,) = dead(GOOD)
    with pytest.raises(NotFoundError, match="no message with the id nobody"):
        delete(gateway, [known, "nobody"])
    assert [letter.id for letter in list_letters(gateway)] == [known]
    dead(GOOD)
    with pytest.raises(NotFoundError, match="2 messages with the id "):
        delete(gateway, [""])
