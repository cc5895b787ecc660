"""The states of endpoint stages: create or update the endpoint, wait until it serves, and test it.

If anything fails, the configuration that served before stays in service or is restored.

Only one run at a time deploys to an endpoint. The endpoint's item has a lock from the first description of
the endpoint until the record of what it serves. A lock that was not released ends with its run. If something
else changes the endpoint, the stage waits, also if only a rejected update shows it. An endpoint without this
installation's tag is never changed.

The stage checks that a model package's artifact is the registered one. It creates the model, the
configuration and the alarms, in this order, before the update that the alarms roll back. It records the
deadline of a `time_to_live` before it creates the endpoint. After a
successful deployment it deletes older configurations, and alarms that the document no longer has. After a
rollback it deletes its own configuration.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from stagewright.asl import Catch, Choice, Rule, State, Task, Wait
from stagewright.formats import ITEMS
from stagewright.stages.base import expressions as jsonata
from stagewright.stages.base import registered_model, result_states, retries
from stagewright.stages.base.states import Entry, Permissions
from stagewright.stages.endpoint import expressions

_LOOK = {"EndpointName": expressions.ENDPOINT_NAME}
_CLEAN_UP = "More to delete?"
_WAIT = "Wait for lock"
_BUSY_ERROR = "Busy error?"
_FAILED = "Release lock"
_CAUGHT = Catch(_FAILED, jsonata.CAUGHT)
_CREATE_MODEL = "Create model"
_READ_PACKAGE, _CHECK = registered_model.check("model of endpoint", _CREATE_MODEL, _CAUGHT)


def _update(text: str, condition: str = "", **values: str) -> dict[str, Any]:
    """Return the arguments of UpdateItem for the endpoint's item."""
    return {
        "TableName": "${runs_table}",
        "Key": expressions.ITEM_KEY,
        "UpdateExpression": text,
        **({"ConditionExpression": condition} if condition else {}),
        "ExpressionAttributeNames": {name: name[1:] for name in re.findall(r"#\w+", text)},
        "ExpressionAttributeValues": {
            **({":format": {"N": str(ITEMS["endpoint"])}} if ":format" in text else {}),
            **{f":{name}": {"S": value} for name, value in values.items()},
        },
    }


_LOCKING: Mapping[str, State] = {
    "Read lock": Task(
        "dynamodb:getItem",
        {"TableName": "${runs_table}", "Key": expressions.ITEM_KEY, "ConsistentRead": True},
        expressions.LOCK_READ,
        "Locked?",
        retries.TABLE,
        result_states.CAUGHT,
    ),
    "Locked?": Choice((Rule(expressions.IS_LOCKED, "Read run of lock"),), default="Lock endpoint"),
    "Read run of lock": Task(
        "dynamodb:getItem",
        {"TableName": "${runs_table}", "Key": expressions.HOLDER_KEY, "ConsistentRead": True},
        expressions.HOLDER_SEEN,
        "Run of lock active?",
        retries.TABLE,
        result_states.CAUGHT,
    ),
    "Run of lock active?": Choice(
        (
            Rule(expressions.IS_LOCKED_TOO_LONG, result_states.FAILED, expressions.LOCKED_TOO_LONG),
            Rule(expressions.IS_HOLDER_ACTIVE, _WAIT),
        ),
        default="Lock endpoint",
    ),
    "Lock endpoint": Task(
        "dynamodb:updateItem",
        {
            **_update(
                "SET #lock = :owner, #format = if_not_exists(#format, :format)",
                "attribute_not_exists(#lock) OR #lock = :seen",
                owner=expressions.OWNER,
                seen=expressions.LOCK_SEEN,
            ),
            "ReturnValues": "ALL_NEW",
        },
        expressions.LOCK_TAKEN,
        "Find endpoint",
        retries.TABLE,
        Catch(_BUSY_ERROR, jsonata.CAUGHT),
    ),
    # If the same attempt created it before it waited again, it is not created twice.
    "Configuration exists?": Choice(
        (
            Rule(expressions.HAS_CONFIG, "Record deadline"),
            Rule(registered_model.SERVES_PACKAGE, _READ_PACKAGE),
        ),
        default=_CREATE_MODEL,
    ),
    _BUSY_ERROR: Choice((Rule(expressions.IS_BUSY_ERROR, _WAIT, expressions.CLEARED),), default=_FAILED),
    _WAIT: Wait(jsonata.POLL, "Read lock"),
    _FAILED: Task(
        "dynamodb:updateItem",
        _update("REMOVE #lock", "#lock = :owner", owner=expressions.OWNER),
        jsonata.INPUT,
        result_states.FAILED,
        retries.TABLE,
        # The lock ends with the run.
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
        # Creating the endpoint shows any other error: SageMaker has no error of its own for "not found".
        Catch("Configuration exists?", expressions.NOT_FOUND),
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
    # A failed endpoint cannot be updated, only deleted (UpdateEndpoint, API reference).
    "Endpoint ours?": Choice(
        (
            Rule(expressions.IS_FOREIGN, _FAILED, expressions.FOREIGN),
            Rule(expressions.IS_BROKEN, "Delete endpoint"),
        ),
        default="Configuration exists?",
    ),
    "Delete endpoint": Task(
        "aws-sdk:sagemaker:deleteEndpoint",
        _LOOK,
        jsonata.INPUT,
        _WAIT,
        retries.SAGEMAKER,
        _CAUGHT,
    ),
    **_CHECK,
    _CREATE_MODEL: Task(
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
        "More alarms?",
        retries.JOBS,
        _CAUGHT,
    ),
    "More alarms?": Choice((Rule(expressions.HAS_ALARM, "Create alarm"),), default="Record deadline"),
    "Create alarm": Task(
        "aws-sdk:cloudwatch:putMetricAlarm",
        expressions.ALARM,
        expressions.ALARM_MADE,
        "More alarms?",
        retries.ALARMS,
        _CAUGHT,
    ),
    "Record deadline": Task(
        "dynamodb:updateItem",
        # `created` is the range key of the index, so endpoints are in the order of their deadlines.
        _update(
            "SET #open = :open, #created = :created, #alarms = :alarms, #requested_by = :requested_by",
            open="endpoint",
            created=expressions.DEADLINE,
            alarms=expressions.ALARM_NAMES,
            requested_by=jsonata.RUN_KEY,
        ),
        jsonata.INPUT,
        "Endpoint exists?",
        retries.TABLE,
        _CAUGHT,
    ),
}
_DEPLOYING: Mapping[str, State] = {
    "Endpoint exists?": Choice(
        (
            # The response to an earlier request of this attempt was lost.
            Rule(expressions.IS_ASKED_FOR, "Describe endpoint"),
            Rule(expressions.IS_THERE, "Update endpoint"),
        ),
        default="Create endpoint",
    ),
    "Create endpoint": Task(
        "sagemaker:createEndpoint",
        jsonata.bound("CreateEndpoint"),
        jsonata.INPUT,
        "Describe endpoint",
        retries.DEPLOYMENTS,
        Catch(_BUSY_ERROR, jsonata.CAUGHT),
    ),
    "Update endpoint": Task(
        "aws-sdk:sagemaker:updateEndpoint",
        jsonata.bound("UpdateEndpoint"),
        jsonata.INPUT,
        "Describe endpoint",
        retries.DEPLOYMENTS,
        Catch(_BUSY_ERROR, jsonata.CAUGHT),
    ),
    "Describe endpoint": Task(
        "aws-sdk:sagemaker:describeEndpoint",
        _LOOK,
        expressions.SEEN,
        "Endpoint ready?",
        retries.SAGEMAKER,
        _CAUGHT,
    ),
    "Endpoint ready?": Choice(
        (
            Rule(expressions.IS_RESTORED, _CLEAN_UP, expressions.RESTORED),
            Rule(expressions.IS_READY, "Smoke test?"),
            Rule(expressions.IS_BAD, _CLEAN_UP, expressions.BAD),
            Rule(jsonata.IS_LATE, _FAILED, expressions.LATE),
        ),
        default="Wait for endpoint",
    ),
    "Wait for endpoint": Wait(jsonata.POLL, "Describe endpoint"),
}
_TESTING: Mapping[str, State] = {
    "Smoke test?": Choice(
        (Rule(expressions.HAS_NO_TEST, _CLEAN_UP, expressions.GOOD),), default="Smoke test"
    ),
    "Smoke test": Task(
        "lambda:invoke",
        {
            "FunctionName": "${prefix}-${environment}-smoke-test",
            "Payload": {"endpoint": expressions.ENDPOINT_NAME, "test": expressions.TEST},
        },
        expressions.ANSWERED,
        "Smoke test good?",
        retries.FUNCTIONS,
        Catch("Smoke test good?", expressions.NO_ANSWER),
        timeout=330,  # seconds, more than the function's own
    ),
    "Smoke test good?": Choice(
        (Rule(expressions.IS_TESTED, _CLEAN_UP), Rule(expressions.HAS_BEFORE, "Restore previous version")),
        default="Delete new endpoint",
    ),
    "Restore previous version": Task(
        "aws-sdk:sagemaker:updateEndpoint",
        {"EndpointName": expressions.ENDPOINT_NAME, "EndpointConfigName": expressions.BEFORE},
        expressions.RESTORING,
        "Describe endpoint",
        retries.ENDPOINTS,
        Catch(_FAILED, expressions.NOT_RESTORED),
    ),
    "Delete new endpoint": Task(
        "aws-sdk:sagemaker:deleteEndpoint",
        _LOOK,
        expressions.WITHDRAWN,
        _CLEAN_UP,
        retries.SAGEMAKER,
        Catch(_FAILED, jsonata.INPUT),
    ),
}
_CLEANING: Mapping[str, State] = {
    _CLEAN_UP: Choice(
        (
            Rule(expressions.HAS_LEFTOVER, "Delete configuration"),
            Rule(expressions.HAS_ERROR, _FAILED),
            Rule(expressions.HAS_DROPPED, "Delete alarms"),
        ),
        default="Record configurations",
    ),
    # A resource that is missing or belongs to someone else must not fail the deployment.
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
        _CLEAN_UP,
        retries.FIND,
        Catch(_CLEAN_UP, expressions.REMOVED),
    ),
    "Delete alarms": Task(
        "aws-sdk:cloudwatch:deleteAlarms",
        {"AlarmNames": expressions.DROPPED},
        expressions.DROPPED_GONE,
        "Record configurations",
        retries.ALARMS,
        # They stay recorded, and the next successful deployment deletes them.
        Catch("Record configurations", jsonata.INPUT),
    ),
    "Record configurations": Task(
        "dynamodb:updateItem",
        _update(
            "SET #alarms = :alarms, #configurations = :configurations, #since = :since,"
            " #deployed_by = :deployed_by, #stage = :stage REMOVE #lock",
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

STATES = (Entry("Read lock", {**_LOCKING, **_PREPARING, **_DEPLOYING, **_TESTING, **_CLEANING}),)
PERMISSIONS: Permissions = {
    "Create": (
        "sagemaker:CreateModel",
        "sagemaker:CreateEndpointConfig",
        "sagemaker:CreateEndpoint",
    ),
    "Register": ("sagemaker:DescribeModelPackage",),
    "DescribeEndpoints": ("sagemaker:DescribeEndpoint",),
    "UpdateEndpoints": ("sagemaker:UpdateEndpoint",),
    "SmokeTest": ("lambda:InvokeFunction",),
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
