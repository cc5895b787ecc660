"""How a stage ends: recorded as good, as closed or as failed, in the item `stage#<name>` of the table `runs`.

A stage with `retry` that failed and may be tried again is recorded as `attempt#<name>#<attempt>`, and becomes
the next stage of its chain again. The walker does this itself: the fields of a Retry take no expressions
("Handling errors in Step Functions workflows"), and the next attempt needs another job name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stagewright.workflow import jsonata, retries
from stagewright.workflow.states import Catch, Choice, Pass, Rule, State, Task, Wait

DONE = "Last stage?"
"""Where a kind's states go with a `result`."""
FAILED = "Another attempt?"
"""Where they go with an `error`."""
CLOSED = "Record closed"
"""Where a gate goes that does not fail the run."""
CAUGHT = Catch(FAILED, jsonata.CAUGHT)

_ALWAYS = {
    "started": {"S": jsonata.expression("$states.input.started")},
    "ended": {"S": jsonata.NOW},
    "attempt": {"N": jsonata.ATTEMPT_NUMBER},
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
_WHY = {"error": {"S": jsonata.ERROR}, "cause": {"S": jsonata.CAUSE}, **_ALWAYS}
_BAD = {"status": {"S": "FAILED"}, **_WHY}
_SHUT = {"status": {"S": "CLOSED"}, **_WHY}


def states(following: str) -> dict[str, State]:
    """A chain's last stage ends in a Task of its own: that saves a Choice and a Pass, four events."""
    good = _update(_GOOD, remove=("error", "cause"))
    return {
        DONE: Choice((Rule(jsonata.HAS_ENDED, "Record last"),), default="Record"),
        "Record": Task("dynamodb:updateItem", good, jsonata.RECORDED, following, retries.TABLE, CAUGHT),
        "Record last": Task("dynamodb:updateItem", good, {}, None, retries.TABLE, CAUGHT),
        FAILED: Choice((Rule(jsonata.MAY_BE_TRIED_AGAIN, "Record attempt"),), default="Record failure"),
        "Record attempt": Task(
            "dynamodb:updateItem",
            _update(_WHY, key=jsonata.ATTEMPT_KEY),
            jsonata.NEXT_ATTEMPT,
            "Wait for next attempt",
            retries.TABLE,
            Catch("Failure unrecorded", jsonata.INPUT),
        ),
        "Wait for next attempt": Wait(jsonata.RETRY_WAIT, following),
        # Without stage_key the item is not in the index of good results.
        "Record failure": _unsuccessful(_BAD, jsonata.FAILURE),
        CLOSED: _unsuccessful(_SHUT, jsonata.CLOSED),
        "Failure unrecorded": Pass(jsonata.UNRECORDED, None),
    }


def _unsuccessful(values: Mapping[str, Any], output: str) -> Task:
    arguments = _update(values, remove=("result", "stage_key"))
    caught = Catch("Failure unrecorded", jsonata.INPUT)
    return Task("dynamodb:updateItem", arguments, output, None, retries.TABLE, caught)


def _update(
    values: Mapping[str, Any], remove: tuple[str, ...] = (), key: str = jsonata.STAGE_KEY
) -> dict[str, Any]:
    """UpdateItem's arguments. Every name goes through a `#name`: several are reserved words of DynamoDB."""
    assignments = ", ".join(f"#{name} = :{name}" for name in values)
    removals = f" REMOVE {', '.join(f'#{name}' for name in remove)}" if remove else ""
    return {
        "TableName": "${runs_table}",
        "Key": {"run": {"S": jsonata.RUN_KEY}, "item": {"S": key}},
        "UpdateExpression": f"SET {assignments}{removals}",
        "ExpressionAttributeNames": {f"#{name}": name for name in (*values, *remove)},
        "ExpressionAttributeValues": {f":{name}": value for name, value in values.items()},
    }
