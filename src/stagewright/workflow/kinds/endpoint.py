"""An endpoint: created the first time, updated afterwards, awaited until it serves the new configuration, and
tried. What fails leaves the configuration before in service.

Of several runs that deploy to one endpoint, one does at a time: its item says whose turn it is, from the
first look at the endpoint to the record of what it serves. A turn that was not given back ends with its run.
An endpoint that is being changed by anybody else is waited for, also where that is known only by the refusal
of the update; one without this installation's tag is left alone. Then model, configuration and alarms are
made, in that order, before the update that rolls back on the alarms; the deadline of a `time_to_live` is
recorded before there is anything to delete. After a good deployment older configurations are removed, and
the alarms that the document has dropped; after a rolled back one its own configuration.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from stagewright.workflow import jsonata, record, retries
from stagewright.workflow.kinds import deployment
from stagewright.workflow.kinds.kind import Kind
from stagewright.workflow.states import Catch, Choice, Rule, State, Task, Wait

_LOOK = {"EndpointName": deployment.ENDPOINT_NAME}
_TIDY = "Configuration left over?"
_WAIT = "Wait for its turn"
_TAKEN = "Endpoint taken?"
_FAILED = "Give turn back"
_CAUGHT = Catch(_FAILED, jsonata.CAUGHT)


def _update(text: str, condition: str = "", **values: str) -> dict[str, Any]:
    """UpdateItem's arguments for the endpoint's item."""
    return {
        "TableName": "${runs_table}",
        "Key": deployment.ITEM_KEY,
        "UpdateExpression": text,
        **({"ConditionExpression": condition} if condition else {}),
        "ExpressionAttributeNames": {name: name[1:] for name in re.findall(r"#\w+", text)},
        "ExpressionAttributeValues": {f":{name}": {"S": value} for name, value in values.items()},
    }


_TAKING_TURNS: Mapping[str, State] = {
    "Whose turn?": Task(
        "dynamodb:getItem",
        {"TableName": "${runs_table}", "Key": deployment.ITEM_KEY, "ConsistentRead": True},
        deployment.TURN_READ,
        "Another's turn?",
        retries.TABLE,
        record.CAUGHT,
    ),
    "Another's turn?": Choice((Rule(deployment.IS_ANOTHERS, "Look at its run"),), default="Take turn"),
    "Look at its run": Task(
        "dynamodb:getItem",
        {"TableName": "${runs_table}", "Key": deployment.OTHER_RUN, "ConsistentRead": True},
        deployment.OTHER_SEEN,
        "Its run over?",
        retries.TABLE,
        record.CAUGHT,
    ),
    "Its run over?": Choice(
        (
            Rule(deployment.IS_TAKEN_TOO_LONG, record.FAILED, deployment.TAKEN_TOO_LONG),
            Rule(deployment.IS_OTHERS_OPEN, _WAIT),
        ),
        default="Take turn",
    ),
    "Take turn": Task(
        "dynamodb:updateItem",
        {
            **_update(
                "SET #turn = :mine",
                "attribute_not_exists(#turn) OR #turn = :seen",
                mine=deployment.MINE,
                seen=deployment.TURN_SEEN,
            ),
            "ReturnValues": "ALL_NEW",
        },
        deployment.TURN_TAKEN,
        "Find endpoint",
        retries.TABLE,
        Catch(_TAKEN, jsonata.CAUGHT),
    ),
    # What the same attempt had made before it went back to wait is not made again.
    "Configuration made?": Choice((Rule(deployment.HAS_CONFIG, "Record deadline"),), default="Create model"),
    _TAKEN: Choice((Rule(deployment.IS_TAKEN, _WAIT, deployment.CLEARED),), default=_FAILED),
    _WAIT: Wait(jsonata.POLL, "Whose turn?"),
    _FAILED: Task(
        "dynamodb:updateItem",
        _update("REMOVE #turn", "#turn = :mine", mine=deployment.MINE),
        jsonata.INPUT,
        record.FAILED,
        retries.TABLE,
        # It ends with the run.
        Catch(record.FAILED, jsonata.INPUT),
    ),
}
_PREPARING: Mapping[str, State] = {
    "Find endpoint": Task(
        "aws-sdk:sagemaker:describeEndpoint",
        _LOOK,
        deployment.FOUND,
        "Endpoint busy?",
        retries.LOOK,
        # Whatever is wrong, the attempt to create it tells: SageMaker has no error of its own for "not
        # there".
        Catch("Configuration made?", deployment.NOT_FOUND),
    ),
    "Endpoint busy?": Choice(
        (
            Rule(deployment.IS_BUSY_TOO_LONG, _FAILED, deployment.LATE),
            Rule(deployment.IS_BUSY, _WAIT),
        ),
        default="Read tags",
    ),
    "Read tags": Task(
        "aws-sdk:sagemaker:listTags",
        {"ResourceArn": deployment.ARN},
        deployment.TAGS_READ,
        "Endpoint ours?",
        retries.SAGEMAKER,
        _CAUGHT,
    ),
    # SageMaker: a failed endpoint cannot be updated, only deleted (UpdateEndpoint, API reference).
    "Endpoint ours?": Choice(
        (
            Rule(deployment.IS_FOREIGN, _FAILED, deployment.FOREIGN),
            Rule(deployment.IS_BROKEN, "Delete endpoint"),
        ),
        default="Configuration made?",
    ),
    "Delete endpoint": Task(
        "aws-sdk:sagemaker:deleteEndpoint",
        _LOOK,
        jsonata.INPUT,
        _WAIT,
        retries.SAGEMAKER,
        _CAUGHT,
    ),
    "Create model": Task(
        "sagemaker:createModel",
        jsonata.bound("CreateModel"),
        jsonata.INPUT,
        "Create configuration",
        retries.JOBS,
        _CAUGHT,
    ),
    "Create configuration": Task(
        "sagemaker:createEndpointConfig",
        jsonata.bound("CreateEndpointConfig"),
        deployment.CONFIG_MADE,
        "Alarm to make?",
        retries.JOBS,
        _CAUGHT,
    ),
    "Alarm to make?": Choice((Rule(deployment.HAS_ALARM, "Make alarm"),), default="Record deadline"),
    "Make alarm": Task(
        "aws-sdk:cloudwatch:putMetricAlarm",
        deployment.ALARM,
        deployment.ALARM_MADE,
        "Alarm to make?",
        retries.ALARMS,
        _CAUGHT,
    ),
    "Record deadline": Task(
        "dynamodb:updateItem",
        # `created` is the index's range key: endpoints in the order of their deadlines.
        _update(
            "SET #open = :open, #created = :created, #alarms = :alarms, #asked_by = :asked_by",
            open="endpoint",
            created=deployment.DEADLINE,
            alarms=deployment.ALARM_NAMES,
            asked_by=jsonata.RUN_KEY,
        ),
        jsonata.INPUT,
        "New endpoint?",
        retries.TABLE,
        _CAUGHT,
    ),
}
_DEPLOYING: Mapping[str, State] = {
    "New endpoint?": Choice(
        (
            # The answer to an earlier request of this attempt was lost.
            Rule(deployment.IS_ASKED_FOR, "Look at endpoint"),
            Rule(deployment.IS_THERE, "Update endpoint"),
        ),
        default="Create endpoint",
    ),
    "Create endpoint": Task(
        "sagemaker:createEndpoint",
        jsonata.bound("CreateEndpoint"),
        jsonata.INPUT,
        "Look at endpoint",
        retries.TURNS,
        Catch(_TAKEN, jsonata.CAUGHT),
    ),
    "Update endpoint": Task(
        "aws-sdk:sagemaker:updateEndpoint",
        jsonata.bound("UpdateEndpoint"),
        jsonata.INPUT,
        "Look at endpoint",
        retries.TURNS,
        Catch(_TAKEN, jsonata.CAUGHT),
    ),
    "Look at endpoint": Task(
        "aws-sdk:sagemaker:describeEndpoint",
        _LOOK,
        deployment.SEEN,
        "Endpoint ready?",
        retries.SAGEMAKER,
        _CAUGHT,
    ),
    "Endpoint ready?": Choice(
        (
            Rule(deployment.IS_PUT_BACK, _TIDY, deployment.PUT_BACK),
            Rule(deployment.IS_READY, "Smoke test?"),
            Rule(deployment.IS_BAD, _TIDY, deployment.BAD),
            Rule(jsonata.IS_LATE, _FAILED, deployment.LATE),
        ),
        default="Wait for endpoint",
    ),
    "Wait for endpoint": Wait(jsonata.POLL, "Look at endpoint"),
}
_TESTING: Mapping[str, State] = {
    "Smoke test?": Choice(
        (Rule(deployment.HAS_NO_TEST, _TIDY, deployment.GOOD), Rule(deployment.HAS_FILE, "Read smoke test")),
        default="Smoke test",
    ),
    "Read smoke test": Task(
        "aws-sdk:s3:getObject",
        {"Bucket": deployment.BUCKET, "Key": deployment.KEY, "Range": f"bytes=0-{deployment.FILE_LIMIT}"},
        deployment.FILE_READ,
        "Smoke test",
        retries.OBJECTS,
        Catch("Smoke test good?", deployment.NO_ANSWER),
    ),
    "Smoke test": Task(
        "aws-sdk:sagemakerruntime:invokeEndpoint",
        {
            "EndpointName": deployment.ENDPOINT_NAME,
            "Body": deployment.BODY,
            "ContentType": deployment.CONTENT_TYPE,
            "Accept": deployment.ACCEPT,
        },
        deployment.ANSWERED,
        "Smoke test good?",
        retries.RUNTIME,
        Catch("Smoke test good?", deployment.NO_ANSWER),
        timeout=90,
    ),
    "Smoke test good?": Choice(
        (Rule(deployment.IS_TESTED, _TIDY), Rule(deployment.HAS_BEFORE, "Put version before back")),
        default="Withdraw endpoint",
    ),
    "Put version before back": Task(
        "aws-sdk:sagemaker:updateEndpoint",
        {"EndpointName": deployment.ENDPOINT_NAME, "EndpointConfigName": deployment.BEFORE},
        deployment.PUTTING_BACK,
        "Look at endpoint",
        retries.ENDPOINTS,
        Catch(_FAILED, deployment.NOT_PUT_BACK),
    ),
    "Withdraw endpoint": Task(
        "aws-sdk:sagemaker:deleteEndpoint",
        _LOOK,
        deployment.WITHDRAWN,
        _TIDY,
        retries.SAGEMAKER,
        Catch(_FAILED, jsonata.INPUT),
    ),
}
_TIDYING: Mapping[str, State] = {
    _TIDY: Choice(
        (
            Rule(deployment.HAS_LEFTOVER, "Delete configuration"),
            Rule(deployment.HAS_ERROR, _FAILED),
            Rule(deployment.HAS_DROPPED, "Delete alarms"),
        ),
        default="Record configurations",
    ),
    # What is gone, or not ours to delete, is left: neither is worth failing a deployment.
    "Delete configuration": Task(
        "aws-sdk:sagemaker:deleteEndpointConfig",
        {"EndpointConfigName": deployment.LEFTOVER},
        jsonata.INPUT,
        "Delete model",
        retries.LOOK,
        Catch("Delete model", jsonata.INPUT),
    ),
    "Delete model": Task(
        "aws-sdk:sagemaker:deleteModel",
        {"ModelName": deployment.LEFTOVER},
        deployment.REMOVED,
        _TIDY,
        retries.LOOK,
        Catch(_TIDY, deployment.REMOVED),
    ),
    "Delete alarms": Task(
        "aws-sdk:cloudwatch:deleteAlarms",
        {"AlarmNames": deployment.DROPPED},
        deployment.DROPPED_GONE,
        "Record configurations",
        retries.ALARMS,
        # They stay recorded, and the next good deployment tries again.
        Catch("Record configurations", jsonata.INPUT),
    ),
    "Record configurations": Task(
        "dynamodb:updateItem",
        _update(
            "SET #alarms = :alarms, #configurations = :configurations, #since = :since,"
            " #made_by = :made_by, #stage = :stage REMOVE #turn",
            alarms=deployment.ALARM_NAMES,
            configurations=deployment.CONFIGURATIONS,
            since=jsonata.NOW,
            made_by=jsonata.RUN_KEY,
            stage=deployment.STAGE,
        ),
        jsonata.INPUT,
        record.DONE,
        retries.TABLE,
        _CAUGHT,
    ),
}

KIND = Kind("endpoint", "Whose turn?", {**_TAKING_TURNS, **_PREPARING, **_DEPLOYING, **_TESTING, **_TIDYING})
