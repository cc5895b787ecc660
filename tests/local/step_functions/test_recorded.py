"""Histories that AWS has written, for the same definitions here.

recorded.json has histories that LocalStack's tests recorded on AWS (github.com/localstack/localstack at
8b9a79f, Apache License 2.0; tests/aws/services/stepfunctions/v2): per event its id, previousEventId, type and
details.
Most of its definitions are in JSONPath; these are the same in JSONata. Tasks end here as they ended there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.local.step_functions.runs import Run, machine

from stagewright.local.step_functions.errors import StateError
from stagewright.local.step_functions.history import field
from stagewright.local.step_functions.tasks import CALLBACK, Task
from stagewright.local.step_functions.values import encode

RECORDED = json.loads(Path(__file__).with_name("recorded.json").read_text())
ENDS = ("TaskSucceeded", "TaskFailed", "TaskTimedOut")
FUNCTION = "arn:<partition>:lambda:<region>:111111111111:function:<lambda-function-name>"
NO_ERROR = "{'Error': null, 'Cause': null}"
CATCH_ALL = {"ErrorEquals": ["States.ALL"]}
TWICE = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 2}]
ONCE = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1}]
PASS: dict[str, Any] = {"Type": "Pass"}


def fails(error: str, cause: str = "") -> dict[str, Any]:
    return {"Type": "Fail", "Error": error} | ({"Cause": cause} if cause else {})


def lambda_task(**fields: Any) -> dict[str, Any]:
    arguments = {"FunctionName": FUNCTION, "Payload": {"foo": "foobar"}}
    return {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Arguments": arguments, **fields}


def each(processor: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    return {"Type": "Map", "MaxConcurrency": 1, "ItemProcessor": processor, **fields}


def undefined(**fields: Any) -> dict[str, Any]:
    return machine(State0={"Type": "Pass", **fields})


def called(**arguments: Any) -> dict[str, Any]:
    return machine(State0={"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", **arguments})


FAILED_ITEMS = machine(
    StartState={"Type": "Pass", "Output": {"arr": [1]}},
    MapState=each(
        machine(HandleItemFail=fails("HandleItemFailError", "HandleItemFailCause")),
        Items="{% $states.input.arr %}",
    ),
)
BRANCH = machine(Branch1=fails("FailureType", "Cause description"))
SENT = {
    "Type": "Task",
    "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
    "Arguments": {
        "QueueUrl": "{% $states.input.QueueUrl %}",
        "MessageBody": {"Message": "{% $states.input.Message %}", "TaskToken": "<task_token:1>"},
    },
}
WHOLE = {
    "QueueUrl": "{% $states.input.QueueUrl %}",
    "MessageBody": {"Context": "{% $states.input %}", "TaskToken": "<task_token:1>"},
}
CAUGHT_OUTPUT = {"stateInput": "{% $states.input %}", "stateError": "{% $states.errorOutput %}"}
CAUGHT_VARIABLES = {"inputVar": "{% $states.input %}", "errorVar": "{% $states.errorOutput %}"}
CHOSEN = {
    "Condition": "{% $states.input.condition %}",
    "Next": "ConditionTrue",
    "Assign": {"Assignment": "Condition assignment"},
}
BY_CONDITION = machine(
    ChoiceState={
        "Type": "Choice",
        "Choices": [CHOSEN],
        "Default": "DefaultState",
        "Assign": {"Assignment": "Default Assignment"},
    },
    ConditionTrue={"Type": "Pass", "End": True},
    DefaultState={"Type": "Fail", "Cause": "Condition is false"},
)
ITEM = {
    "TableName": "{% $states.input.TableName %}",
    "Item": "{% $states.input.Item %}",
}
KEY = {"TableName": "{% $states.input.TableName %}", "Key": "{% $states.input.Key %}"}


def stored(action: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    output = f"{{% $merge([$states.input, {{ '{action}Output': $states.result }}]) %}}"
    resource = f"arn:aws:states:::aws-sdk:dynamodb:{action}"
    return {"Type": "Task", "Resource": resource, "Arguments": arguments, "Output": output}


def waits_until() -> dict[str, Any]:
    return machine(WaitState={"Type": "Wait", "Timestamp": "{% $states.input.TimestampValue %}"})


DEFINITIONS: dict[str, dict[str, Any]] = {
    "test_map_state_nested": machine(MapL1=each(machine(MapL2=each(machine(MapL2Pass=PASS))))),
    "test_map_state_break_condition": machine(
        StartState={"Type": "Pass", "Output": {"arr": [1, "Hello", {}, 3.3, 3, 4, 5]}},
        MapState=each(
            machine(
                Equals3={
                    "Type": "Choice",
                    "Choices": [{"Condition": "{% $states.input = 3 %}", "Next": "Break"}],
                    "Default": "Pass",
                },
                Break=fails("SomeFailure", "This state machines raises a 'SomeFailure' failure."),
                Pass=PASS,
            ),
            Items="{% $states.input.arr %}",
        ),
    ),
    "test_map_state_catch": machine(
        StartState=FAILED_ITEMS["States"]["StartState"],
        MapState=FAILED_ITEMS["States"]["MapState"]
        | {"Catch": [{"ErrorEquals": ["HandleItemFailError"], "Next": "FinalCaught"}], "Next": "Final"},
        FinalCaught={**PASS, "End": True},
        Final=PASS,
    ),
    "test_map_state_retry": machine(
        StartState=FAILED_ITEMS["States"]["StartState"],
        MapState={**FAILED_ITEMS["States"]["MapState"], "Retry": TWICE},
    ),
    "test_parallel_state_fail": machine(
        ParallelState={"Type": "Parallel", "Branches": [machine(Branch1=fails("FailureType"))]}
    ),
    "test_parallel_state_catch": machine(
        ParallelState={
            "Type": "Parallel",
            "Branches": [BRANCH],
            "Catch": [{"ErrorEquals": ["FailureType"], "Next": "FinalCaught"}],
            "Next": "Final",
        },
        FinalCaught={**PASS, "End": True},
        Final=PASS,
    ),
    "test_parallel_state_retry": machine(
        ParallelState={"Type": "Parallel", "Branches": [BRANCH], "Retry": TWICE}
    ),
    "test_map_state_items_eval_jsonata_fail[object]": machine(
        MapIterateState=each(machine(Pass=PASS), Items="{% {'foo': 'bar'} %}")
    ),
    "test_map_state_items_eval_jsonata_fail[function]": machine(
        MapIterateState=each(machine(Pass=PASS), Items="{% $fn := function($x){$x} %}")
    ),
    "test_map_state_items_eval_jsonata_variable_sampling_fail[string]": machine(
        Start={"Type": "Pass", "Assign": {"ItemsVar": "{% 'string' %}"}},
        MapIterateState=each(machine(Pass=PASS), Items="{% $ItemsVar %}"),
    ),
    "test_map_state_items_input_types[number]": machine(
        Start={"Type": "Pass", "Output": "{% $states.input.items %}"},
        MapIterateState=each(machine(Pass=PASS)),
    ),
    "test_map_state_items_input_array[empty]": machine(
        Start={"Type": "Pass", "Output": "{% $states.input.items %}"},
        MapIterateState=each(machine(Pass=PASS)),
    ),
    "test_map_state_item_selector[MAP_STATE_ITEM_SELECTOR_JSONATA]": machine(
        Start={"Type": "Pass", "Assign": {"ItemsVar": ["Item1", "Item2"]}},
        MapIterateState=each(
            machine(Pass=PASS),
            Items="{% $ItemsVar %}",
            ItemSelector={
                "map_item_value": "{% $states.context.Map.Item.Value %}",
                "var_sample": "{% $ItemsVar %}",
                "string_literal": "string literal",
            },
        ),
    ),
    "test_wait_timestamp_jsonata[NO_T]": waits_until(),
    "test_wait_timestamp_jsonata[INVALID_DATE]": waits_until(),
    "test_fail_error_jsonata": machine(FailState={"Type": "Fail", "Error": "{% $states.input.error %}"}),
    "test_fail_cause_jsonata": machine(FailState={"Type": "Fail", "Cause": "{% $states.input.cause %}"}),
    "test_retry_interval_features_max_attempts_zero": machine(
        LambdaTask=lambda_task(
            Arguments={
                "FunctionName": "{% $states.input.FunctionName %}",
                "Payload": {"RetryAttempt": "{% $states.context.State.RetryCount %}"},
            },
            Retry=[{**CATCH_ALL, "MaxAttempts": 0}],
        )
    ),
    "test_base_cases[BASE_SCOPE_MAP]": machine(
        State0={"Type": "Pass", "Assign": {"x": 42, "items": [1, 2, 3]}},
        State1=each(machine(Inner={"Type": "Pass", "Assign": {"innerX": "{% $x %}"}}), Items="{% $items %}"),
        State2={"Type": "Pass", "Assign": {"final": "{% $x %}"}},
    ),
    "test_assign_in_choice[CONDITION_TRUE]": BY_CONDITION,
    "test_assign_in_choice[CONDITION_FALSE]": BY_CONDITION,
    "test_undefined_reference[BASE_UNDEFINED_OUTPUT]": undefined(Output="{% $doesNotExist %}"),
    "test_undefined_reference[BASE_UNDEFINED_OUTPUT_FIELD]": undefined(
        Output={"result": "{% $doesNotExist %}"}
    ),
    "test_undefined_reference[BASE_UNDEFINED_OUTPUT_MULTIPLE_STATES]": machine(
        State0=PASS, State1=PASS, State2={"Type": "Pass", "Output": {"result": "{% $doesNotExist %}"}}
    ),
    "test_undefined_reference[BASE_UNDEFINED_ASSIGN]": undefined(Assign={"result": "{% $doesNotExist %}"}),
    "test_undefined_reference[BASE_UNDEFINED_ARGUMENTS]": called(Arguments="{% $doesNotExist %}"),
    "test_undefined_reference[BASE_UNDEFINED_ARGUMENTS_FIELD]": called(
        Arguments={"FunctionName": "{% $doesNotExist %}"}
    ),
    "test_fixed_timeout_service_lambda": machine(
        Start=lambda_task(
            Arguments={
                "FunctionName": "{% $states.input.FunctionName %}",
                "Payload": "{% $states.input.Payload %}",
            },
            TimeoutSeconds="{% $states.input.TimeoutSecondsValue %}",
        )
    ),
    "test_heartbeat_timeout": machine(
        SendMessageWithWait={**SENT, "TimeoutSeconds": 600, "HeartbeatSeconds": 5}
    ),
    "test_sqs_failure_in_wait_for_task_tok_no_error_field[SQS_PARALLEL_WAIT_FOR_TASK_TOKEN]": machine(
        ParallelJob={
            "Type": "Parallel",
            "Branches": [machine(SendMessageWithWait={**SENT, "Arguments": WHOLE})],
            "Catch": [
                {
                    **CATCH_ALL,
                    "Output": f"{{% $merge([$states.input, {{'states_all_error': {NO_ERROR}}}]) %}}",
                    "Next": "CaughtStatesALL",
                }
            ],
            "End": True,
        },
        CaughtStatesALL=PASS,
    ),
    "test_task_catch_error_with_retry[TASK_CATCH_ERROR_OUTPUT_WITH_RETRY]": machine(
        Task=lambda_task(
            Retry=ONCE, Catch=[{**CATCH_ALL, "Output": CAUGHT_OUTPUT, "Next": "Fallback"}], End=True
        ),
        Fallback={"Type": "Pass", "Output": {"error": "{% $states.input %}"}},
    ),
    "test_map_catch_error[MAP_CATCH_ERROR_OUTPUT_WITH_RETRY]": machine(
        ProcessItems=each(
            machine(
                ProcessItem=lambda_task(
                    Retry=ONCE, Catch=[{**CATCH_ALL, "Output": CAUGHT_OUTPUT, "Next": "Fallback"}], End=True
                ),
                Fallback={"Type": "Pass", "Output": {"error": "{% $stateError %}"}},
            ),
            Items="{% $states.input.items %}",
        )
    ),
    "test_map_catch_error[MAP_CATCH_ERROR_VARIABLE_SAMPLING]": machine(
        ProcessItems=each(
            machine(
                ProcessItem=lambda_task(
                    Catch=[{**CATCH_ALL, "Assign": CAUGHT_VARIABLES, "Next": "Fallback"}], End=True
                ),
                Fallback={"Type": "Pass", "Assign": {"error": "{% $errorVar %}"}},
            ),
            Items="{% $states.input.items %}",
        )
    ),
    "test_service_task_lambada_catch_state_all_data_limit_exceeded_on_large_utf8_response": machine(
        InvokeLambda=lambda_task(
            Arguments={
                "FunctionName": "{% $states.input.FunctionName %}",
                "Payload": "{% $states.input.Payload %}",
            },
            Catch=[{**CATCH_ALL, "Next": "HandleGeneralError"}],
            End=True,
        ),
        HandleGeneralError=PASS,
    ),
    "test_dynamodb_put_delete_item": machine(
        PutItem=stored("putItem", ITEM), DeleteItem=stored("deleteItem", KEY)
    ),
}


class Replay:
    """Performs tasks: each ends as the recorded one did."""

    def __init__(self, events: list[Any]) -> None:
        self._answers = [details["output"] for _, _, kind, details in events if kind == "TaskSubmitted"]
        self._ends = [(kind, details) for _, _, kind, details in events if kind in ENDS]
        self.run: Run

    def perform(self, task: Task) -> Any:
        kind, details = self._ends.pop(0)
        if task.resource.endswith(CALLBACK):
            (waiting,) = self.run.tokens._open.values()
            waiting.end(_end(kind, details))
            return self._answers.pop(0)
        end = _end(kind, details)
        if isinstance(end, StateError):
            raise end
        return end


def _end(kind: str, details: Mapping[str, Any]) -> Any:
    if details.get("error") == "States.DataLimitExceeded":
        return "é" * 150_000
    if kind == "TaskSucceeded":
        return details["output"]
    cause = details.get("cause", "")
    return StateError(details.get("error", ""), cause if isinstance(cause, str) else encode(cause))


def comparable(value: Any) -> Any:
    """JSON inside texts as values, because LocalStack keeps it so, and placeholders for what differs."""
    if isinstance(value, str):
        try:
            return comparable(json.loads(value))
        except ValueError:
            return re.sub(r"<uuid:\d+>", "<uuid>", value)
    if isinstance(value, dict):
        return {key: comparable(item) for key, item in value.items()}
    return [comparable(item) for item in value] if isinstance(value, list) else value


def written(events: list[dict[str, Any]]) -> Iterator[list[Any]]:
    for event in events:
        details = event.get(field(event["type"]), {})
        kept = {name: value for name, value in details.items() if not name.endswith("Details")}
        yield [event["id"], event["previousEventId"], event["type"], kept]


@pytest.mark.parametrize("name", DEFINITIONS)
def test_history_is_the_one_that_aws_wrote(name: str) -> None:
    events = RECORDED[name]["events"]
    replay = Replay(events)
    run = replay.run = Run(DEFINITIONS[name], replay.perform, region="<region>")
    given = events[0][3]["input"]
    run.start(json.loads(given) if isinstance(given, str) else given)
    assert comparable(list(written(run.events))) == comparable(events)


def test_every_recording_is_compared() -> None:
    assert DEFINITIONS.keys() == RECORDED.keys()


def test_payloads_are_marked_as_complete() -> None:
    """Every recorded payload has `truncated: false`."""
    run = Run(machine(A={"Type": "Pass", "Assign": {"x": 1}}))
    run.start()
    (entered,), (left,) = run.details("PassStateEntered"), run.details("PassStateExited")
    whole = {"truncated": False}
    assert entered["inputDetails"] == left["outputDetails"] == left["assignedVariablesDetails"] == whole
    assert left["assignedVariables"] == {"x": "1"}
