"""States, scopes, retries and limits, for which no AWS history is recorded."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Any

import pytest
from tests.local.step_functions.runs import Run, failing, machine

from stagewright.local.step_functions import history, retries
from stagewright.local.step_functions.errors import AbortedError, StateError
from stagewright.local.step_functions.retries import Retries
from stagewright.local.step_functions.tasks import Task, TokenError

LAMBDA = "arn:aws:states:::lambda:invoke"
TASK: dict[str, Any] = {"Type": "Task", "Resource": LAMBDA}
PASS: dict[str, Any] = {"Type": "Pass"}
ALL = {"ErrorEquals": ["States.ALL"]}


def each(processor: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"Type": "Map", "ItemProcessor": processor, **fields}


def outcome(definition: dict[str, Any], value: Any = None, perform: Any = None) -> Any:
    run = Run(definition, perform) if perform else Run(definition)
    return run.start(value)


def test_failed_iteration_aborts_the_others_and_their_tasks() -> None:
    """As recorded (test_service_lambda_map_timeout), with the failed iteration second."""
    stopped = []
    all_run = threading.Barrier(3)

    def perform(task: Task) -> Any:
        all_run.wait(5)
        if task.arguments == 1:
            raise StateError("Boom", "one fails")
        task.scope.wait(lambda: False, time.monotonic() + 5)

    def noted(task: Task) -> Any:
        try:
            return perform(task)
        except AbortedError:
            stopped.append(task.arguments)
            raise

    run = Run(machine(M=each(machine(T=TASK))), noted)
    run.start([0, 1, 2])
    assert run.outcome
    assert (run.outcome.error, sorted(stopped)) == ("Boom", [0, 2])
    (failed,) = (event["id"] for event in run.events if event["type"] == "TaskFailed")
    after = [
        (event["type"], event["previousEventId"], event.get(history.field(event["type"]), {}).get("index"))
        for event in run.events[failed:]
    ]
    assert after == [
        ("MapIterationFailed", failed, 1),
        ("TaskStateAborted", failed, None),
        ("MapIterationAborted", failed, 0),
        ("TaskStateAborted", failed, None),
        ("MapIterationAborted", failed, 2),
        ("TaskStateAborted", failed, None),
        ("MapStateFailed", failed, None),
        ("ExecutionFailed", failed + 7, None),
    ]


def test_failed_branch_ends_a_wait_of_another() -> None:
    branches = [machine(W={"Type": "Wait", "Seconds": 3600}), machine(F={"Type": "Fail", "Error": "Boom"})]
    caught = {**ALL, "Next": "Caught", "Output": "{% $states.errorOutput.Error %}"}
    started = time.monotonic()
    run = Run(machine(P={"Type": "Parallel", "Branches": branches, "Catch": [caught]}, Caught=PASS), scale=1)
    assert run.start().output == '"Boom"'
    assert time.monotonic() - started < 5
    assert "WaitStateAborted" in run.kinds


def test_parallel_passes_arguments_and_collects_outputs_in_order() -> None:
    branches = [machine(A={"Type": "Pass", "Output": f"{{% $states.input.n + {n} %}}"}) for n in range(3)]
    parallel = {"Type": "Parallel", "Arguments": {"n": "{% $states.input * 10 %}"}, "Branches": branches}
    assert outcome(machine(P={**parallel, "Output": "{% $states.result %}"}), 2).output == "[20,21,22]"


@pytest.mark.parametrize(("most", "expected"), [(0, 4), (1, 1), (2, 2)])
def test_concurrency_of_a_map(most: int, expected: int) -> None:
    running, peak, lock = Counter[str](), [0], threading.Lock()

    def perform(task: Task) -> Any:
        with lock:
            running["now"] += 1
            peak.append(running["now"])
        time.sleep(0.05)
        with lock:
            running["now"] -= 1
        return task.arguments

    ended = outcome(machine(M=each(machine(T=TASK), MaxConcurrency=most)), [1, 2, 3, 4], perform)
    assert (ended.output, max(peak)) == ("[1,2,3,4]", expected)


def test_inner_scope_reads_outer_variables_and_keeps_its_own() -> None:
    inner = machine(I={"Type": "Pass", "Assign": {"y": "{% $x + $states.input %}"}, "Output": "{% $x %}"})
    inner["States"]["I"] |= {"Next": "J"}
    del inner["States"]["I"]["End"]
    inner["States"]["J"] = {"Type": "Pass", "Output": "{% $y %}", "End": True}
    definition = machine(
        A={"Type": "Pass", "Assign": {"x": 10}, "Output": [1, 2]},
        M=each(inner),
        B={"Type": "Pass", "Output": {"all": "{% $states.input %}", "outer": "{% $exists($y) %}"}},
    )
    assert outcome(definition).output == '{"all":[11,12],"outer":false}'


def test_assign_uses_the_values_before_the_state() -> None:
    definition = machine(
        A={"Type": "Pass", "Assign": {"x": 1, "y": None}},
        B={"Type": "Pass", "Assign": {"x": "{% $x + 1 %}", "z": "{% [$x, $y] %}"}, "Output": "{% $x %}"},
        C={"Type": "Pass", "Output": "{% [$states.input, $x, $z] %}"},
    )
    assert outcome(definition).output == "[1,2,1,null]"


def test_retry_count_is_in_the_context_of_each_attempt() -> None:
    counts: list[int] = []

    def perform(task: Task) -> Any:
        counts.append(task.arguments["n"])
        raise StateError("Boom")

    arguments = {"n": "{% $states.context.State.RetryCount %}"}
    retry = [{"ErrorEquals": ["Other"]}, {"ErrorEquals": ["Boom"], "MaxAttempts": 2, "IntervalSeconds": 1}]
    run = Run(machine(T={**TASK, "Arguments": arguments, "Retry": retry}), perform)
    run.start()
    assert counts == [0, 1, 2]
    assert run.kinds.count("TaskScheduled") == run.kinds.count("TaskFailed") == 3


def test_failed_output_is_tried_again_and_caught_as_its_task() -> None:
    """Measured by sfnx: a failure in evaluating Arguments or Output is retried as a failure of the task."""
    task = {**TASK, "Output": "{% $states.result.none %}", "Retry": [{**ALL, "MaxAttempts": 1}]}
    run = Run(machine(T={**task, "Catch": [{**ALL, "Next": "C"}]}, C=PASS))
    assert "returned nothing" in run.start().output
    assert run.kinds.count("TaskSucceeded") == run.kinds.count("EvaluationFailed") == 2


def intervals(*errors: str, **retrier: Any) -> list[float | None]:
    policy = Retries([{"ErrorEquals": ["Boom"], **retrier}])
    return [policy.interval(StateError(error)) for error in errors]


def test_intervals_grow_to_their_longest() -> None:
    assert intervals(*["Boom"] * 5, MaxAttempts=4, IntervalSeconds=2, MaxDelaySeconds=10) == [
        2,
        4,
        8,
        10,
        None,
    ]
    assert intervals("Boom", "Boom", "Boom", "Boom") == [1, 2, 4, None]
    assert intervals("Other") == [None]


def test_jitter_takes_a_part_of_the_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries.random, "uniform", lambda low, high: (low + high) / 4)
    assert intervals("Boom", "Boom", JitterStrategy="FULL", IntervalSeconds=8) == [2, 4]


def test_first_retrier_that_matches_decides() -> None:
    """Measured by sfnx: once it has no attempts left, a later one does not retry."""
    policy = Retries([{"ErrorEquals": ["Boom"], "MaxAttempts": 1}, {**ALL, "MaxAttempts": 9}])
    assert [policy.interval(StateError("Boom")) for _ in range(2)] == [1, None]
    assert policy.interval(StateError("Other")) == 1
    assert policy.count == 2


@pytest.mark.parametrize(
    ("error", "names", "matches"),
    [
        (StateError("Boom"), ["States.ALL"], True),
        (StateError("Boom"), ["States.TaskFailed"], True),
        (StateError("States.Timeout"), ["States.TaskFailed"], False),
        (StateError("States.Timeout"), ["States.ALL"], True),
        (StateError("States.Runtime"), ["States.ALL", "States.Runtime", "States.TaskFailed"], False),
        (StateError("States.DataLimitExceeded"), ["States.ALL"], True),
        (StateError("States.DataLimitExceeded", is_terminal=True), ["States.ALL"], False),
        (StateError("States.DataLimitExceeded", is_terminal=True), ["States.DataLimitExceeded"], True),
    ],
)
def test_names_that_match_an_error(error: StateError, names: list[str], matches: bool) -> None:
    assert error.matches(names) is matches


def test_output_of_a_state_is_limited() -> None:
    """Recorded for a Pass state (test_start_large_input). Bytes of UTF-8 count, and the limit is allowed."""
    text = "é" * 131_071
    assert outcome(machine(State_1={"Type": "Pass", "Output": text})).status == "SUCCEEDED"
    failed = outcome(machine(State_1={"Type": "Pass", "Output": text + "é"}))
    assert failed.error == "States.DataLimitExceeded"
    assert failed.cause == (
        "The state/task 'State_1' returned a result with a size exceeding the maximum number of bytes "
        "service limit."
    )


def test_large_output_of_a_task_state_is_not_caught() -> None:
    caught = [{**ALL, "Next": "C"}]
    task = {**TASK, "Output": "{% $pad('', 300000, 'x') %}", "Catch": caught}
    assert outcome(machine(T=task, C=PASS)).error == "States.DataLimitExceeded"


def test_large_arguments_of_a_task_are_not_caught() -> None:
    task = {**TASK, "Arguments": {"x": "{% $pad('', 300000, 'x') %}"}, "Catch": [{**ALL, "Next": "C"}]}
    run = Run(machine(T=task, C=PASS))
    assert run.start().error == "States.DataLimitExceeded"
    assert "TaskScheduled" not in run.kinds


def test_history_ends_with_event_25000(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measured on AWS (floci, issue 2734): the failure is event 25,000 and follows event 24,999."""
    assert history.LIMIT == 25_000
    monkeypatch.setattr(history, "LIMIT", 50)
    run = Run(machine(C={"Type": "Choice", "Choices": [{"Condition": True, "Next": "C"}]}))
    ended = run.start()
    assert (ended.status, ended.error) == ("FAILED", "States.Runtime")
    assert ended.cause == "The execution reached the maximum number of history events (25000)."
    last = run.events[-1]
    assert (len(run.events), last["id"], last["previousEventId"]) == (50, 50, 49)


def test_full_history_of_branches_is_not_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "LIMIT", 50)
    endless = machine(C={"Type": "Choice", "Choices": [{"Condition": True, "Next": "C"}]})
    run = Run(machine(M=each(endless, Catch=[{**ALL, "Next": "P"}]), P=PASS))
    assert run.start([1, 2, 3]).error == "States.Runtime"
    assert [event["id"] for event in run.events] == list(range(1, 51))


def test_choice_without_a_match_fails() -> None:
    choice = {"Type": "Choice", "Choices": [{"Condition": "{% $states.input.a = 1 %}", "Next": "P"}]}
    failed = outcome(machine(C=choice, P=PASS))
    assert failed.error == "States.NoChoiceMatched"
    assert "'C' (entered at the event id #2)" in failed.cause


def test_condition_must_be_a_boolean() -> None:
    choice = {"Type": "Choice", "Choices": [{"Condition": "{% $states.input.a %}", "Next": "P"}]}
    failed = outcome(machine(C=choice, P=PASS), {"a": "yes"})
    assert failed.error == "States.QueryEvaluationError"
    assert "'Choices[0]/Condition' returned an unexpected result type. Expected 'boolean'" in failed.cause


@pytest.mark.parametrize(
    ("seconds", "cause"),
    [("{% 1.5 %}", "cannot be parsed as an integer: 1.5"), ("{% -1 %}", "cannot be negative but was: -1")],
)
def test_seconds_of_a_wait(seconds: str, cause: str) -> None:
    assert cause in outcome(machine(W={"Type": "Wait", "Seconds": seconds})).cause


@pytest.mark.parametrize("timestamp", ["2016-12-05T21:29:29Z", "2016-12-05T21:29:29.123456789+01:00"])
def test_timestamp_of_a_wait(timestamp: str) -> None:
    assert outcome(machine(W={"Type": "Wait", "Timestamp": timestamp})).status == "SUCCEEDED"


def test_task_ends_at_its_timeout_and_its_result_is_ignored() -> None:
    def perform(task: Task) -> Any:
        return task.interruptible(lambda: time.sleep(1) or "late")

    task = {**TASK, "TimeoutSeconds": "{% $states.input %}"}
    run = Run(machine(T=task), perform)
    assert run.start(0.05).error == "States.Timeout"
    time.sleep(0.1)
    assert run.kinds[-2:] == ["TaskTimedOut", "ExecutionFailed"]


def test_error_of_an_interruptible_task_is_that_of_its_thread() -> None:
    def fail() -> None:
        raise StateError("Boom", "there")

    assert outcome(machine(T=TASK), perform=lambda task: task.interruptible(fail)).error == "Boom"


def test_error_of_the_engine_ends_the_execution(caplog: pytest.LogCaptureFixture) -> None:
    def perform(task: Task) -> Any:
        raise KeyError("x")

    failed = outcome(machine(T={**TASK, "Catch": [{**ALL, "Next": "C"}]}, C=PASS), perform=perform)
    assert failed.error == "States.Runtime"
    assert "KeyError" in caplog.text


@pytest.mark.parametrize("inside", [False, True])
def test_stopped_execution_ends_at_once_and_adds_no_event(inside: bool) -> None:
    wait = machine(W={"Type": "Wait", "Seconds": 3600}, P=PASS)
    run = Run(machine(M=each(wait)) if inside else wait, scale=1)
    thread = threading.Thread(target=run.start, args=([1, 2],))
    thread.start()
    while "WaitStateEntered" not in run.kinds:
        time.sleep(0.001)
    run.stop()
    thread.join(5)
    assert not thread.is_alive()
    assert run.outcome is None
    assert run.kinds[-1] in ("WaitStateEntered", "MapIterationStarted")


def test_execution_that_takes_too_long_times_out() -> None:
    """Measured on AWS (floci, pull request 2782): States.Timeout follows event 0."""
    run = Run({**machine(W={"Type": "Wait", "Seconds": 3600}), "TimeoutSeconds": 0.05}, scale=1)
    ended = run.start()
    assert (ended.status, ended.error) == ("TIMED_OUT", "")
    last = run.events[-1]
    assert (last["type"], last["previousEventId"]) == ("ExecutionTimedOut", 0)
    assert last["executionTimedOutEventDetails"] == {"error": "States.Timeout"}


def waiting(**fields: Any) -> tuple[Run, list[str]]:
    tokens: list[str] = []

    def perform(task: Task) -> Any:
        tokens.append(task.arguments["token"])
        return {"sent": True}

    arguments = {"token": "{% $states.context.Task.Token %}"}
    task = {**TASK, "Resource": f"{LAMBDA}.waitForTaskToken", "Arguments": arguments, **fields}
    return Run(machine(T=task), perform), tokens


def started(run: Run, tokens: list[str]) -> threading.Thread:
    thread = threading.Thread(target=run.start)
    thread.start()
    while not tokens:
        time.sleep(0.001)
    return thread


def test_token_ends_its_task_once() -> None:
    run, tokens = waiting()
    thread = started(run, tokens)
    with pytest.raises(TokenError) as invalid:
        run.tokens.succeed({"taskToken": tokens[0], "output": "no JSON"})
    assert invalid.value.code == "InvalidOutput"
    run.tokens.succeed({"taskToken": tokens[0], "output": '{"ok": 1}'})
    thread.join(5)
    assert run.outcome
    assert run.outcome.output == '{"ok":1}'
    assert run.details("TaskSubmitted")[0]["output"] == '{"sent":true}'
    for call in (run.tokens.succeed, run.tokens.fail, run.tokens.beat):
        with pytest.raises(TokenError) as late:
            call({"taskToken": tokens[0], "output": "1"})
        assert late.value.code == "TaskTimedOut"
    with pytest.raises(TokenError) as unknown:
        run.tokens.beat({"taskToken": "unknown"})
    assert unknown.value.code == "InvalidToken"


def test_token_fails_its_task() -> None:
    run, tokens = waiting()
    thread = started(run, tokens)
    run.tokens.fail({"taskToken": tokens[0], "error": "Rejected", "cause": "no"})
    thread.join(5)
    assert run.outcome
    assert (run.outcome.error, run.outcome.cause) == ("Rejected", "no")


def test_heartbeats_keep_a_task() -> None:
    run, tokens = waiting(HeartbeatSeconds="{% 0.4 %}", TimeoutSeconds=60)
    thread = started(run, tokens)
    for _ in range(4):
        time.sleep(0.2)
        run.tokens.beat({"taskToken": tokens[0]})
    assert thread.is_alive()
    thread.join(5)
    assert run.outcome
    assert run.outcome.error == "States.Timeout"
    assert run.details("TaskScheduled")[0]["timeoutInSeconds"] == 60


def test_resources_are_named_as_in_aws_s_events() -> None:
    task = {**TASK, "Resource": "arn:aws-cn:states:::aws-sdk:dynamodb:batchGetItem", "TimeoutSeconds": 7}
    run = Run(machine(T=task))
    run.start()
    assert run.details("TaskScheduled") == [
        {
            "resourceType": "aws-sdk:dynamodb",
            "resource": "batchGetItem",
            "region": "us-east-1",
            "parameters": "{}",
            "timeoutInSeconds": 7,
        }
    ]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"Type": "Pass", "ResultPath": "$.x"}, "ResultPath of the state 'A' is JSONPath"),
        ({"Type": "Choice", "Choices": [{"Variable": "$.x", "Next": "A"}]}, "Variable of the state 'A'"),
        (each(machine(B={"Type": "Pass", "Parameters": {}})), "Parameters of the state 'B'"),
        (each({"ProcessorConfig": {"Mode": "DISTRIBUTED"}, **machine(B=PASS)}), "'A' is distributed"),
    ],
)
def test_what_the_engine_would_ignore_is_rejected(state: dict[str, Any], words: str) -> None:
    run = Run(machine(A=state))
    failed = run.start([])
    assert failed.error == "States.Runtime"
    assert words in failed.cause
    assert run.kinds == ["ExecutionStarted", "ExecutionFailed"]


def test_failed_task_is_caught_with_its_error() -> None:
    caught = {**ALL, "Next": "C", "Output": {"all": "{% $states.errorOutput %}", "of": "{% $states.input %}"}}
    ended = outcome(machine(T={**TASK, "Catch": [caught]}, C=PASS), 7, failing("Boom", "why"))
    assert ended.output == '{"all":{"Error":"Boom","Cause":"why"},"of":7}'
