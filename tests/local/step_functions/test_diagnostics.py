"""What is wrong with a definition, in AWS's words where they are recorded, and by the local server's API."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from stagewright.local.step_functions.diagnostics import diagnose
from stagewright.state_machine.builder import build

PASS = {"Type": "Pass", "End": True}
TASK = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True}
ROLE = "arn:aws:iam::000000000000:role/r"
SCHEMA, MISSING = "SCHEMA_VALIDATION_FAILED", "MISSING_TRANSITION_TARGET"


def machine(start: str = "A", language: str = "JSONata", **states: Any) -> str:
    return json.dumps({"QueryLanguage": language, "StartAt": start, "States": states})


def found(definition: str) -> list[tuple[str, str, str]]:
    return [(each.code, each.message, each.location) for each in diagnose(definition)]


def required(*names: str, at: str) -> tuple[str, str, str]:
    return SCHEMA, f"These fields are required: [{', '.join(names)}]", at


def moving(**fields: Any) -> dict[str, Any]:
    return {"Type": "Pass", **fields}


TYPES = "[Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map]"
WHOLE = "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine"
CHOICE = {"Type": "Choice", "Choices": [{"Condition": "{% true %}", "Next": "X"}], "Default": "Y"}
NO_TARGET = {"Type": "Choice", "Choices": [{"Condition": "{% true %}"}], "Default": "B"}
LAST = ("MISSING_END_STATE", "Workflow has no terminal state", "")
LOOP = {"A": moving(Next="B"), "B": moving(Next="A")}
RECORDED = [
    ("", [(SCHEMA, "Definition must be a valid JSON object", "")]),
    ("{}", [required("States", "StartAt", at="/")]),
    (json.dumps({"States": {"A": PASS}}), [required("StartAt", at="/")]),
    (machine(A=PASS | {"QueryLanguage": "JSONPath"}), [(SCHEMA, WHOLE, "/States/A")]),
    # Measured by floci:
    (machine(**LOOP), [LAST]),
    (machine(**LOOP, C=moving(Next="A")), [LAST]),
    (machine(**LOOP, C=PASS), [(MISSING, 'State "C" is not reachable.', "/States/C")]),
    (machine(A=moving(Next="NOPE")), [(MISSING, "Missing 'Next' target: NOPE", "/States/A/Next"), LAST]),
    (
        machine(A=CHOICE, B=PASS),
        [
            (MISSING, "Missing 'Next' target: Y", "/States/A/Default"),
            (MISSING, "Missing 'Next' target: X", "/States/A/Choices[0]/Next"),
            (MISSING, 'State "B" is not reachable.', "/States/B"),
        ],
    ),
    (
        machine(A=TASK | {"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "X"}]}),
        [(MISSING, "Missing 'Next' target: X", "/States/A/Catch[0]/Next")],
    ),
    # Reported by users:
    (
        machine("X", A=PASS),
        [
            (MISSING, "Missing 'Next' target: X", "/StartAt"),
            (MISSING, 'State "A" is not reachable.', "/States/A"),
        ],
    ),
    (machine(A=NO_TARGET, B=PASS), [required("Next", at="/States/A/Choices[0]")]),
    (machine(A=PASS | {"_comment": "x"}), [(SCHEMA, "Field '_comment' is not supported", "/States/A")]),
    (
        machine(A={"Type": "Nothing", "End": True}),
        [(SCHEMA, f"The field 'Type' should have one of these values: {TYPES}", "/States/A/Type")],
    ),
]


@pytest.mark.parametrize(("definition", "expected"), RECORDED)
def test_recorded_answers(definition: str, expected: list[tuple[str, str, str]]) -> None:
    assert found(definition) == expected


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("a[1,2)", 'Expected "]", got ","'),
        ('"unterminated', "String literal must be terminated by a matching quote"),
        ("1 +", "Unexpected end of expression"),
        ('{"a":}', 'The symbol "}" cannot be used as a unary operator'),
        ('$match("a", /abc', "No terminating / in regular expression"),
        ("", "Unexpected end of expression"),
    ],
)
def test_expressions_that_are_not_jsonata(expression: str, message: str) -> None:
    """Measured by floci."""
    template = f"{{% {expression} %}}"
    assert found(machine(A=PASS | {"Output": template})) == [
        ("INVALID_JSONATA_EXPRESSION", message, "/States/A/Output")
    ]
    nested = machine(A=TASK | {"Arguments": {"v": [1, {"w": template}]}})
    assert [location for _, _, location in found(nested)] == ["/States/A/Arguments/v[1]/w"]


A = "/States/A"
INNER = {"StartAt": "In", "States": {"In": moving(Next="Gone")}}
WRONG = [
    (machine(A={"Type": "Pass"}), "/States/A"),
    (machine(A=PASS | {"Next": "B"}, B=PASS), "/States/A"),
    (machine(A={"Type": "Task", "End": True}), "/States/A"),
    (machine(A=PASS | {"InputPath": "$.a"}), "/States/A"),
    (machine(A=TASK | {"Arguments": {}}, language="JSONPath"), "/States/A"),
    (machine(A={"Type": "Fail", "Next": "B"}, B=PASS), "/States/A"),
    (machine(A=TASK | {"Retry": [{"MaxAttempts": 1}]}), "/States/A/Retry[0]"),
    (machine(A={"Type": "Parallel", "Branches": [INNER], "End": True}), f"{A}/Branches[0]/States/In/Next"),
    (machine(A={"Type": "Map", "ItemProcessor": INNER, "End": True}), f"{A}/ItemProcessor/States/In/Next"),
    (machine(A={"Type": "Map", "ItemProcessor": {**INNER, "States": {"In": PASS, "A": PASS}}, "End": True}),
     "/States/A/ItemProcessor/States/A"),
]  # fmt: skip


@pytest.mark.parametrize(("definition", "location"), WRONG)
def test_location_is_the_state_or_field(definition: str, location: str) -> None:
    assert location in [where for _, _, where in found(definition)]


RIGHT = [
    json.dumps(build()),
    machine(A=PASS | {"Result": {"a": 1}, "ResultPath": "$.b", "InputPath": None}, language="JSONPath"),
    machine(A=PASS | {"QueryLanguage": "JSONata", "Output": "{% 1 %}"}, language="JSONPath"),
    machine(A={"Type": "Succeed"}),
    machine(A={"Type": "Wait", "Seconds": "{% 1 %}", "Next": "B"}, B={"Type": "Fail", "Error": "x"}),
    machine(A=CHOICE | {"Comment": "c"}, X=PASS, Y={"Type": "Succeed"}),
]


@pytest.mark.parametrize("definition", RIGHT)
def test_right_definitions_have_no_diagnostics(definition: str) -> None:
    assert found(definition) == []


@pytest.mark.parametrize(
    "definition",
    ['"text"', "[]", "[1", '{"StartAt": 1, "States": []}', '{"StartAt": "A", "States": {"A": 1}}'],
)
def test_anything_else_is_rejected_without_an_error_of_ours(definition: str) -> None:
    assert found(definition)


def test_api_answers_with_them_and_creates_nothing(client: Callable[[str], Any]) -> None:
    states = client("stepfunctions")
    answer = states.validate_state_machine_definition(definition=machine(A=moving(Next="NOPE")))
    assert (answer["result"], answer["truncated"]) == ("FAIL", False)
    assert answer["diagnostics"][0] == {
        "severity": "ERROR",
        "code": MISSING,
        "message": "Missing 'Next' target: NOPE",
        "location": "/States/A/Next",
    }
    short = states.validate_state_machine_definition(definition=machine(A=moving(Next="NOPE")), maxResults=1)
    assert (len(short["diagnostics"]), short["truncated"]) == (1, True)
    good = states.validate_state_machine_definition(definition=machine(A=PASS))
    assert (good["result"], good["diagnostics"]) == ("OK", [])


def test_create_and_update_reject_them(client: Callable[[str], Any]) -> None:
    states = client("stepfunctions")
    wrong = machine(A=moving(Next="pass3"), pass2=PASS)
    message = (
        "Invalid State Machine Definition: 'MISSING_TRANSITION_TARGET: Missing 'Next' target: pass3 at"
        ' /States/A/Next, MISSING_TRANSITION_TARGET: State "pass2" is not reachable. at /States/pass2\''
    )
    with pytest.raises(ClientError) as refused:
        states.create_state_machine(name="diagnosed", definition=wrong, roleArn=ROLE)
    assert refused.value.response["Error"] == {"Code": "InvalidDefinition", "Message": message}
    arn = states.create_state_machine(name="diagnosed", definition=machine(A=PASS), roleArn=ROLE)[
        "stateMachineArn"
    ]
    with pytest.raises(ClientError, match="InvalidDefinition"):
        states.update_state_machine(stateMachineArn=arn, definition="{}")
    assert json.loads(states.describe_state_machine(stateMachineArn=arn)["definition"])["StartAt"] == "A"
    states.delete_state_machine(stateMachineArn=arn)
