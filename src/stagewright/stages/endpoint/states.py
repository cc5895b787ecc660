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

from stagewright.asl import Catch, Choice, Rule, State, Task, Wait
from stagewright.stages.base import expressions as jsonata
from stagewright.stages.base import result_states, retries
from stagewright.stages.base.states import Entry, Permissions
from stagewright.stages.endpoint import expressions

_LOOK = {"EndpointName": expressions.ENDPOINT_NAME}
_TIDY = "Configuration left over?"
_WAIT = "Wait for its turn"
_TAKEN = "Endpoint taken?"
_FAILED = "Give turn back"
_CAUGHT = Catch(_FAILED, jsonata.CAUGHT)


def _update(text: str, condition: str = "", **values: str) -> dict[str, Any]:
    """UpdateItem's arguments for the endpoint's item."""
    return {
        "TableName": "${runs_table}",
        "Key": expressions.ITEM_KEY,
        "UpdateExpression": text,
        **({"ConditionExpression": condition} if condition else {}),
        "ExpressionAttributeNames": {name: name[1:] for name in re.findall(r"#\w+", text)},
        "ExpressionAttributeValues": {f":{name}": {"S": value} for name, value in values.items()},
    }


_TAKING_TURNS: Mapping[str, State] = {
    "Whose turn?": Task(
        "dynamodb:getItem",
        {"TableName": "${runs_table}", "Key": expressions.ITEM_KEY, "ConsistentRead": True},
        expressions.TURN_READ,
        "Another's turn?",
        retries.TABLE,
        result_states.CAUGHT,
    ),
    "Another's turn?": Choice((Rule(expressions.IS_ANOTHERS, "Look at its run"),), default="Take turn"),
    "Look at its run": Task(
        "dynamodb:getItem",
        {"TableName": "${runs_table}", "Key": expressions.OTHER_RUN, "ConsistentRead": True},
        expressions.OTHER_SEEN,
        "Its run over?",
        retries.TABLE,
        result_states.CAUGHT,
    ),
    "Its run over?": Choice(
        (
            Rule(expressions.IS_TAKEN_TOO_LONG, result_states.FAILED, expressions.TAKEN_TOO_LONG),
            Rule(expressions.IS_OTHERS_OPEN, _WAIT),
        ),
        default="Take turn",
    ),
    "Take turn": Task(
        "dynamodb:updateItem",
        {
            **_update(
                "SET #turn = :mine",
                "attribute_not_exists(#turn) OR #turn = :seen",
                mine=expressions.MINE,
                seen=expressions.TURN_SEEN,
            ),
            "ReturnValues": "ALL_NEW",
        },
        expressions.TURN_TAKEN,
        "Find endpoint",
        retries.TABLE,
        Catch(_TAKEN, jsonata.CAUGHT),
    ),
    # What the same attempt had made before it went back to wait is not made again.
    "Configuration made?": Choice((Rule(expressions.HAS_CONFIG, "Record deadline"),), default="Create model"),
    _TAKEN: Choice((Rule(expressions.IS_TAKEN, _WAIT, expressions.CLEARED),), default=_FAILED),
    _WAIT: Wait(jsonata.POLL, "Whose turn?"),
    _FAILED: Task(
        "dynamodb:updateItem",
        _update("REMOVE #turn", "#turn = :mine", mine=expressions.MINE),
        jsonata.INPUT,
        result_states.FAILED,
        retries.TABLE,
        # It ends with the run.
        Catch(result_states.FAILED, jsonata.INPUT),
    ),
}
_PREPARING: Mapping[str, State] = {
    "Find endpoint": Task(
        "aws-sdk:sagemaker:describeEndpoint",
        _LOOK,
        expressions.FOUND,
        "Endpoint busy?",
        retries.FIND,
        # Whatever is wrong, the attempt to create it tells: SageMaker has no error of its own for "not
        # there".
        Catch("Configuration made?", expressions.NOT_FOUND),
    ),
    "Endpoint busy?": Choice(
        (
            Rule(expressions.IS_BUSY_TOO_LONG, _FAILED, expressions.LATE),
            Rule(expressions.IS_BUSY, _WAIT),
        ),
        default="Read tags",
    ),
    "Read tags": Task(
        "aws-sdk:sagemaker:listTags",
        {"ResourceArn": expressions.ARN},
        expressions.TAGS_READ,
        "Endpoint ours?",
        retries.SAGEMAKER,
        _CAUGHT,
    ),
    # SageMaker: a failed endpoint cannot be updated, only deleted (UpdateEndpoint, API reference).
    "Endpoint ours?": Choice(
        (
            Rule(expressions.IS_FOREIGN, _FAILED, expressions.FOREIGN),
            Rule(expressions.IS_BROKEN, "Delete endpoint"),
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
        expressions.CONFIG_MADE,
        "Alarm to make?",
        retries.JOBS,
        _CAUGHT,
    ),
    "Alarm to make?": Choice((Rule(expressions.HAS_ALARM, "Make alarm"),), default="Record deadline"),
    "Make alarm": Task(
        "aws-sdk:cloudwatch:putMetricAlarm",
        expressions.ALARM,
        expressions.ALARM_MADE,
        "Alarm to make?",
        retries.ALARMS,
        _CAUGHT,
    ),
    "Record deadline": Task(
        "dynamodb:updateItem",
        # `created` is the index's range key: endpoints in the order of their deadlines.
        _update(
            "SET #open = :open, #created = :created, #alarms = :alarms, #requested_by = :requested_by",
            open="endpoint",
            created=expressions.DEADLINE,
            alarms=expressions.ALARM_NAMES,
            requested_by=jsonata.RUN_KEY,
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
            Rule(expressions.IS_ASKED_FOR, "Look at endpoint"),
            Rule(expressions.IS_THERE, "Update endpoint"),
        ),
        default="Create endpoint",
    ),
    "Create endpoint": Task(
        "sagemaker:createEndpoint",
        jsonata.bound("CreateEndpoint"),
        jsonata.INPUT,
        "Look at endpoint",
        retries.DEPLOYMENTS,
        Catch(_TAKEN, jsonata.CAUGHT),
    ),
    "Update endpoint": Task(
        "aws-sdk:sagemaker:updateEndpoint",
        jsonata.bound("UpdateEndpoint"),
        jsonata.INPUT,
        "Look at endpoint",
        retries.DEPLOYMENTS,
        Catch(_TAKEN, jsonata.CAUGHT),
    ),
    "Look at endpoint": Task(
        "aws-sdk:sagemaker:describeEndpoint",
        _LOOK,
        expressions.SEEN,
        "Endpoint ready?",
        retries.SAGEMAKER,
        _CAUGHT,
    ),
    "Endpoint ready?": Choice(
        (
            Rule(expressions.IS_PUT_BACK, _TIDY, expressions.PUT_BACK),
            Rule(expressions.IS_READY, "Smoke test?"),
            Rule(expressions.IS_BAD, _TIDY, expressions.BAD),
            Rule(jsonata.IS_LATE, _FAILED, expressions.LATE),
        ),
        default="Wait for endpoint",
    ),
    "Wait for endpoint": Wait(jsonata.POLL, "Look at endpoint"),
}
_TESTING: Mapping[str, State] = {
    "Smoke test?": Choice(
        (
            Rule(expressions.HAS_NO_TEST, _TIDY, expressions.GOOD),
            Rule(expressions.HAS_FILE, "Read smoke test"),
        ),
        default="Smoke test",
    ),
    "Read smoke test": Task(
        "aws-sdk:s3:getObject",
        {"Bucket": expressions.BUCKET, "Key": expressions.KEY, "Range": f"bytes=0-{expressions.FILE_LIMIT}"},
        expressions.FILE_READ,
        "Smoke test",
        retries.OBJECTS,
        Catch("Smoke test good?", expressions.NO_ANSWER),
    ),
    "Smoke test": Task(
        "aws-sdk:sagemakerruntime:invokeEndpoint",
        {
            "EndpointName": expressions.ENDPOINT_NAME,
            "Body": expressions.BODY,
            "ContentType": expressions.CONTENT_TYPE,
            "Accept": expressions.ACCEPT,
        },
        expressions.ANSWERED,
        "Smoke test good?",
        retries.RUNTIME,
        Catch("Smoke test good?", expressions.NO_ANSWER),
        timeout=90,
    ),
    "Smoke test good?": Choice(
        (Rule(expressions.IS_TESTED, _TIDY), Rule(expressions.HAS_BEFORE, "Put version before back")),
        default="Withdraw endpoint",
    ),
    "Put version before back": Task(
        "aws-sdk:sagemaker:updateEndpoint",
        {"EndpointName": expressions.ENDPOINT_NAME, "EndpointConfigName": expressions.BEFORE},
        expressions.PUTTING_BACK,
        "Look at endpoint",
        retries.ENDPOINTS,
        Catch(_FAILED, expressions.NOT_PUT_BACK),
    ),
    "Withdraw endpoint": Task(
        "aws-sdk:sagemaker:deleteEndpoint",
        _LOOK,
        expressions.WITHDRAWN,
        _TIDY,
        retries.SAGEMAKER,
        Catch(_FAILED, jsonata.INPUT),
    ),
}
_TIDYING: Mapping[str, State] = {
    _TIDY: Choice(
        (
            Rule(expressions.HAS_LEFTOVER, "Delete configuration"),
            Rule(expressions.HAS_ERROR, _FAILED),
            Rule(expressions.HAS_DROPPED, "Delete alarms"),
        ),
        default="Record configurations",
    ),
    # What is gone, or not ours to delete, is left: neither is worth failing a deployment.
    "Delete configuration": Task(
        "aws-sdk:sagemaker:deleteEndpointConfig",
        {"EndpointConfigName": expressions.LEFTOVER},
        jsonata.INPUT,
        "Delete model",
        retries.FIND,
        Catch("Delete model", jsonata.INPUT),
    ),
    "Delete model": Task(
        "aws-sdk:sagemaker:deleteModel",
        {"ModelName": expressions.LEFTOVER},
        expressions.REMOVED,
        _TIDY,
        retries.FIND,
        Catch(_TIDY, expressions.REMOVED),
    ),
    "Delete alarms": Task(
        "aws-sdk:cloudwatch:deleteAlarms",
        {"AlarmNames": expressions.DROPPED},
        expressions.DROPPED_GONE,
        "Record configurations",
        retries.ALARMS,
        # They stay recorded, and the next good deployment tries again.
        Catch("Record configurations", jsonata.INPUT),
    ),
    "Record configurations": Task(
        "dynamodb:updateItem",
        _update(
            "SET #alarms = :alarms, #configurations = :configurations, #since = :since,"
            " #deployed_by = :deployed_by, #stage = :stage REMOVE #turn",
            alarms=expressions.ALARM_NAMES,
            configurations=expressions.CONFIGURATIONS,
            since=jsonata.NOW,
            deployed_by=jsonata.RUN_KEY,
            stage=expressions.STAGE,
        ),
        jsonata.INPUT,
        result_states.DONE,
        retries.TABLE,
        _CAUGHT,
    ),
}

STATES = (Entry("Whose turn?", {**_TAKING_TURNS, **_PREPARING, **_DEPLOYING, **_TESTING, **_TIDYING}),)
PERMISSIONS: Permissions = {
    "Create": (
        "sagemaker:CreateModel",
        "sagemaker:CreateEndpointConfig",
        "sagemaker:CreateEndpoint",
    ),
    "DescribeEndpoints": ("sagemaker:DescribeEndpoint",),
    "UpdateEndpoints": (
        "sagemaker:UpdateEndpoint",
        "sagemaker:InvokeEndpoint",
    ),
    "DeleteEndpoints": (
        "sagemaker:DeleteEndpoint",
        "sagemaker:DeleteEndpointConfig",
        "sagemaker:DeleteModel",
    ),
    "Alarms": (
        "cloudwatch:PutMetricAlarm",
        "cloudwatch:DeleteAlarms",
    ),
}
