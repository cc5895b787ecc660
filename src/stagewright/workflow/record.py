"""How a stage ends: recorded as good or as failed, in the item `stage#<name>` of the table `runs`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stagewright.workflow import jsonata, retries
from stagewright.workflow.states import Catch, Choice, Pass, Rule, State, Task

DONE = "Last stage?"
"""Where a kind's states go with a `result`."""
FAILED = "Record failure"
"""Where they go with an `error`."""
CAUGHT = Catch(FAILED, jsonata.CAUGHT)

_ALWAYS = {
    "started": {"S": jsonata.expression("$states.input.started")},
    "ended": {"S": jsonata.NOW},
    "attempt": {"N": jsonata.ATTEMPT},
    "job": {"S": jsonata.expression("$states.input.stage.job")},
    "fingerprint": {"S": jsonata.expression("$states.input.stage.fingerprint")},
    "inputs": {"S": jsonata.expression("$states.input.stage.inputs")},
}
_GOOD = {
    "status": {"S": "SUCCEEDED"},
    "result": {"S": jsonata.RESULT_TEXT},
    "stage_key": {"S": jsonata.expression("$states.input.stage.stage_key")},
    **_ALWAYS,
}
_BAD = {"status": {"S": "FAILED"}, "error": {"S": jsonata.ERROR}, "cause": {"S": jsonata.CAUSE}, **_ALWAYS}


def states(following: str) -> dict[str, State]:
    """A chain's last stage ends in a Task of its own: that saves a Choice and a Pass, four events."""
    good = _update(_GOOD, remove=("error", "cause"))
    return {
        DONE: Choice((Rule(jsonata.HAS_ENDED, "Record last"),), default="Record"),
        "Record": Task("dynamodb:updateItem", good, jsonata.RECORDED, following, retries.TABLE, CAUGHT),
        "Record last": Task("dynamodb:updateItem", good, {}, None, retries.TABLE, CAUGHT),
        FAILED: Task(
            "dynamodb:updateItem",
            # Without stage_key the item is not in the index of good results.
            _update(_BAD, remove=("result", "stage_key")),
            jsonata.FAILURE,
            None,
            retries.TABLE,
            Catch("Failure unrecorded", jsonata.INPUT),
        ),
        "Failure unrecorded": Pass(jsonata.UNRECORDED, None),
    }


def _update(values: Mapping[str, Any], remove: tuple[str, ...]) -> dict[str, Any]:
    """UpdateItem's arguments. Every name goes through a `#name`: several are reserved words of DynamoDB."""
    assignments = ", ".join(f"#{name} = :{name}" for name in values)
    removals = ", ".join(f"#{name}" for name in remove)
    return {
        "TableName": "${runs_table}",
        "Key": {"run": {"S": jsonata.RUN_KEY}, "item": {"S": jsonata.STAGE_KEY}},
        "UpdateExpression": f"SET {assignments} REMOVE {removals}",
        "ExpressionAttributeNames": {f"#{name}": name for name in (*values, *remove)},
        "ExpressionAttributeValues": {f":{name}": value for name, value in values.items()},
    }
