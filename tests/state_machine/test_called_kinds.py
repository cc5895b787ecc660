"""Functions, Glue runs and approvals on a real engine."""

from __future__ import annotations

import json
import threading

from tests.support.waiting import until


def asking(stage, name="ok", package="", message="go on?", bindings=(), **fields):
    requests = {"Approval": {"message": message, "package": package}}
    if package:
        requests["DescribeModelPackage"] = {"ModelPackageName": package}
    return stage(name, "approval", requests, bindings, **fields)


def answering(engine, send):
    """Sends `send(token)` for the next approval that waits."""

    def watch():
        seen.update(until(waiting)[0])
        send(seen["token"]["S"])

    def waiting():
        return engine.dynamodb.scan(
            TableName="test-runs",
            FilterExpression="#status = :waiting",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":waiting": {"S": "WAITING"}},
        )["Items"]

    seen: dict = {}
    thread = threading.Thread(target=watch)
    thread.start()
    return thread, seen


def test_approval_stores_its_token_and_waits(engine, stage, train):
    told = {"approved_by": "ann", "why": 'a "good" <<one>>', "at": "2026-01-31T14:00:00.000Z"}
    thread, seen = answering(
        engine,
        lambda token: engine.states.send_task_success(taskToken=token, output=json.dumps(told)),
    )
    walked = engine.walk(
        [[[train("train"), asking(stage, message="<<train.job>>?", bindings=["train.job"]), train("after")]]]
    )
    thread.join()
    assert walked.status == "SUCCEEDED", walked.cause
    assert {name: seen[name]["S"] for name in ("message", "package")} == {
        "message": "run-train-1?",
        "package": "",
    }
    assert seen["deadline"]["S"] > seen["started"]["S"]
    result = walked.result("ok")
    assert result.pop("seconds") >= 0
    assert result == told
    assert walked.items["stage#ok"]["status"]["S"] == "SUCCEEDED"
    assert len(walked.requests("createTrainingJob.sync")) == 2


def test_rejection_fails_the_stage_with_its_cause(engine, stage, train):
    thread, _ = answering(
        engine,
        lambda token: engine.states.send_task_failure(
            taskToken=token, error="Stagewright.Rejected", cause="rejected by ann: no"
        ),
    )
    walked = engine.walk([[[asking(stage), train("after")]]])
    thread.join()
    assert walked.cause == "ok: rejected by ann: no"
    assert walked.items["stage#ok"]["error"]["S"] == "Stagewright.Rejected"
    assert "stage#after" not in walked.items


def test_approval_without_a_decision_fails(engine, stage):
    walked = engine.walk([[[asking(stage, timeout=1)]]])
    assert walked.cause.startswith("ok: no decision was made before 20")
    assert walked.items["stage#ok"]["status"]["S"] == "FAILED"
