"""The API of executions: starts, stops, tokens, and the history of a run with all its stages."""

from __future__ import annotations

import itertools
import json
import time

import pytest
from botocore.exceptions import ClientError
from tests.support.waiting import until

ROLE = "arn:aws:iam::000000000000:role/x"
NUMBER = itertools.count()


@pytest.fixture
def machine(engine):
    def create(**states):
        definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states}
        name = f"m{next(NUMBER)}"
        created = engine.states.create_state_machine(
            name=name, definition=json.dumps(definition), roleArn=ROLE
        )
        return created["stateMachineArn"]

    return create


@pytest.fixture
def waiting(engine, machine):
    """An execution that waits for an hour."""
    arn = machine(W={"Type": "Wait", "Seconds": 3_600_000, "End": True})
    execution = engine.states.start_execution(stateMachineArn=arn, name="x", input='{"n": 1}')["executionArn"]
    yield execution
    engine.states.stop_execution(executionArn=execution)


def events(engine, execution, **options):
    paginator = engine.states.get_paginator("get_execution_history")
    pages = paginator.paginate(executionArn=execution, **options)
    return [event for page in pages for event in page["events"]]


def test_history_shows_each_stage_inside_its_iteration(engine, train):
    walked = engine.walk([[[train("a"), train("b")], [train("c")]]])
    ids = {event["id"]: event for event in walked.events}
    scheduled = [
        event
        for event in walked.events
        if event.get("taskScheduledEventDetails", {}).get("resource") == "createTrainingJob.sync"
    ]
    jobs = {}
    for event in scheduled:
        details = event["taskScheduledEventDetails"]
        assert (details["resourceType"], details["region"]) == ("sagemaker", "us-east-1")
        before = event
        while before["type"] != "MapIterationStarted":
            before = ids[before["previousEventId"]]
        iteration = before["mapIterationStartedEventDetails"]
        jobs[json.loads(details["parameters"])["TrainingJobName"]] = iteration["name"], iteration["index"]
    assert jobs == {"run-a-1": ("Chains", 0), "run-b-1": ("Chains", 0), "run-c-1": ("Chains", 1)}


def test_history_has_pages_in_both_orders(engine, train):
    walked = engine.walk([[[train("a")]]])
    execution = walked.execution
    numbers = [event["id"] for event in events(engine, execution, PaginationConfig={"PageSize": 7})]
    assert numbers == list(range(1, len(walked.events) + 1))
    backward = events(engine, execution, reverseOrder=True, PaginationConfig={"PageSize": 7})
    assert [event["id"] for event in backward] == numbers[::-1]
    bare = events(engine, execution, includeExecutionData=False)
    assert all("input" not in event.get("stateEnteredEventDetails", {}) for event in bare)


def test_same_start_of_a_running_execution_has_the_same_answer(engine, waiting):
    arn = waiting.replace(":execution:", ":stateMachine:").rpartition(":")[0]
    again = engine.states.start_execution(stateMachineArn=arn, name="x", input='{"n": 1}')
    assert again["executionArn"] == waiting
    assert again["startDate"] == engine.states.describe_execution(executionArn=waiting)["startDate"]
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        engine.states.start_execution(stateMachineArn=arn, name="x", input='{"n": 2}')
    engine.states.stop_execution(executionArn=waiting)
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        engine.states.start_execution(stateMachineArn=arn, name="x", input='{"n": 1}')


@pytest.mark.parametrize(
    ("payload", "code"),
    [("not JSON", "InvalidExecutionInput"), ('"' + "x" * 262_143 + '"', "ValidationException")],
)
def test_input_is_json_of_256_kib(engine, machine, payload, code):
    arn = machine(P={"Type": "Pass", "End": True})
    with pytest.raises(ClientError, match=code):
        engine.states.start_execution(stateMachineArn=arn, input=payload)
    assert engine.states.list_executions(stateMachineArn=arn)["executions"] == []


def test_stop_is_the_last_event_and_can_be_repeated(engine, waiting):
    until(lambda: len(events(engine, waiting)) > 1)
    first = engine.states.stop_execution(executionArn=waiting, error="Test", cause="by hand")
    described = engine.states.describe_execution(executionArn=waiting)
    assert (described["status"], described["error"], described["cause"]) == ("ABORTED", "Test", "by hand")
    time.sleep(0.05)
    *_, entered, last = events(engine, waiting)
    assert entered["type"] == "WaitStateEntered"
    assert (last["type"], last["previousEventId"]) == ("ExecutionAborted", 0)
    assert last["executionAbortedEventDetails"] == {"error": "Test", "cause": "by hand"}
    assert engine.states.stop_execution(executionArn=waiting)["stopDate"] == first["stopDate"]


def test_ended_or_unknown_execution_cannot_be_stopped(engine, machine):
    arn = machine(P={"Type": "Pass", "End": True})
    execution = engine.states.start_execution(stateMachineArn=arn)["executionArn"]
    until(lambda: engine.states.describe_execution(executionArn=execution)["status"] == "SUCCEEDED")
    with pytest.raises(ClientError, match="ValidationException"):
        engine.states.stop_execution(executionArn=execution)
    with pytest.raises(ClientError, match="ExecutionDoesNotExist"):
        engine.states.stop_execution(executionArn=f"{execution}-none")


def test_failed_execution_has_no_output(engine, machine):
    arn = machine(F={"Type": "Fail", "Error": "Boom", "Cause": "why"})
    execution = engine.states.start_execution(stateMachineArn=arn)["executionArn"]
    until(lambda: engine.states.describe_execution(executionArn=execution)["status"] == "FAILED")
    described = engine.states.describe_execution(executionArn=execution)
    assert (described["error"], described["cause"], "output" in described) == ("Boom", "why", False)


@pytest.mark.parametrize(
    ("call", "fields"),
    [("send_task_success", {"output": "{}"}), ("send_task_failure", {}), ("send_task_heartbeat", {})],
)
def test_unknown_token_is_rejected(engine, call, fields):
    with pytest.raises(ClientError, match="InvalidToken"):
        getattr(engine.states, call)(taskToken="unknown", **fields)
