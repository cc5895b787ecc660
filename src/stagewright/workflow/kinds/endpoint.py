"""An endpoint: created the first time, updated afterwards, awaited until it serves the new configuration, and
tried. What fails leaves the configuration before in service.

One that is being changed is waited for, one without this installation's tag is left alone. Then model,
configuration and alarms are made, in that order, before the update that rolls back on the alarms; the
deadline of a `time_to_live` is recorded before there is anything to delete. After a good deployment older
configurations are removed, and the alarms that the document has dropped; after a rolled back one its own
configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stagewright.workflow import jsonata, record, retries
from stagewright.workflow.kinds import deployment
from stagewright.workflow.kinds.kind import Kind
from stagewright.workflow.states import Catch, Choice, Rule, State, Task, Wait

_LOOK = {"EndpointName": deployment.ENDPOINT_NAME}
_TIDY = "Configuration left over?"


def _update(**values: Any) -> dict[str, Any]:
    """UpdateItem's arguments for the endpoint's item."""
    return {
        "TableName": "${runs_table}",
        "Key": deployment.ITEM_KEY,
        "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in values),
        "ExpressionAttributeNames": {f"#{name}": name for name in values},
        "ExpressionAttributeValues": {f":{name}": {"S": value} for name, value in values.items()},
    }


_PREPARING: Mapping[str, State] = {
    "Find endpoint": Task(
        "aws-sdk:sagemaker:describeEndpoint",
        {"EndpointName": deployment.NAME},
        deployment.FOUND,
        "Endpoint busy?",
        retries.LOOK,
        # Whatever is wrong, the attempt to create it tells: SageMaker has no error of its own for "not
        # there".
        Catch("Read earlier configurations", deployment.NOT_FOUND),
    ),
    "Endpoint busy?": Choice(
        (
            Rule(deployment.IS_BUSY_TOO_LONG, record.FAILED, deployment.LATE),
            Rule(deployment.IS_BUSY, "Wait for its turn"),
        ),
        default="Read tags",
    ),
    "Wait for its turn": Wait(jsonata.POLL, "Find endpoint"),
    "Read tags": Task(
        "aws-sdk:sagemaker:listTags",
        {"ResourceArn": deployment.ARN},
        deployment.TAGS_READ,
        "Endpoint ours?",
        retries.SAGEMAKER,
        record.CAUGHT,
    ),
    # SageMaker: a failed endpoint cannot be updated, only deleted (UpdateEndpoint, API reference).
    "Endpoint ours?": Choice(
        (
            Rule(deployment.IS_FOREIGN, record.FAILED, deployment.FOREIGN),
            Rule(deployment.IS_BROKEN, "Delete endpoint"),
        ),
        default="Read earlier configurations",
    ),
    "Delete endpoint": Task(
        "aws-sdk:sagemaker:deleteEndpoint",
        _LOOK,
        jsonata.INPUT,
        "Wait for its turn",
        retries.SAGEMAKER,
        record.CAUGHT,
    ),
    "Read earlier configurations": Task(
        "dynamodb:getItem",
        {"TableName": "${runs_table}", "Key": deployment.ITEM_KEY, "ConsistentRead": True},
        deployment.RECORD_READ,
        "Create model",
        retries.TABLE,
        record.CAUGHT,
    ),
    "Create model": Task(
        "sagemaker:createModel",
        jsonata.bound("CreateModel"),
        jsonata.INPUT,
        "Create configuration",
        retries.JOBS,
        record.CAUGHT,
    ),
    "Create configuration": Task(
        "sagemaker:createEndpointConfig",
        jsonata.bound("CreateEndpointConfig"),
        deployment.CONFIG_MADE,
        "Alarm to make?",
        retries.JOBS,
        record.CAUGHT,
    ),
    "Alarm to make?": Choice((Rule(deployment.HAS_ALARM, "Make alarm"),), default="Record deadline"),
    "Make alarm": Task(
        "aws-sdk:cloudwatch:putMetricAlarm",
        deployment.ALARM,
        deployment.ALARM_MADE,
        "Alarm to make?",
        retries.ALARMS,
        record.CAUGHT,
    ),
    "Record deadline": Task(
        "dynamodb:updateItem",
        # `created` is the index's range key: endpoints in the order of their deadlines.
        _update(open="endpoint", created=deployment.DEADLINE, alarms=deployment.ALARM_NAMES),
        jsonata.INPUT,
        "New endpoint?",
        retries.TABLE,
        record.CAUGHT,
    ),
}
_DEPLOYING: Mapping[str, State] = {
    "New endpoint?": Choice((Rule(deployment.IS_THERE, "Update endpoint"),), default="Create endpoint"),
    "Create endpoint": Task(
        "sagemaker:createEndpoint",
        jsonata.bound("CreateEndpoint"),
        jsonata.INPUT,
        "Look at endpoint",
        retries.JOBS,
        Catch("Endpoint there?", jsonata.CAUGHT),
    ),
    # A lost answer, tried again: then it comes to serve this configuration. Another's never does.
    "Endpoint there?": Choice(
        (Rule(jsonata.ALREADY_THERE, "Look at endpoint", deployment.CREATED),),
        default=record.FAILED,
    ),
    "Update endpoint": Task(
        "aws-sdk:sagemaker:updateEndpoint",
        jsonata.bound("UpdateEndpoint"),
        jsonata.INPUT,
        "Look at endpoint",
        retries.ENDPOINTS,
        record.CAUGHT,
    ),
    "Look at endpoint": Task(
        "aws-sdk:sagemaker:describeEndpoint",
        _LOOK,
        deployment.SEEN,
        "Endpoint ready?",
        retries.SAGEMAKER,
        record.CAUGHT,
    ),
    "Endpoint ready?": Choice(
        (
            Rule(deployment.IS_PUT_BACK, _TIDY, deployment.PUT_BACK),
            Rule(deployment.IS_READY, "Smoke test?"),
            Rule(deployment.IS_BAD, _TIDY, deployment.BAD),
            Rule(jsonata.IS_LATE, record.FAILED, deployment.LATE),
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
        Catch(record.FAILED, deployment.NOT_PUT_BACK),
    ),
    "Withdraw endpoint": Task(
        "aws-sdk:sagemaker:deleteEndpoint",
        _LOOK,
        deployment.WITHDRAWN,
        _TIDY,
        retries.SAGEMAKER,
        Catch(record.FAILED, jsonata.INPUT),
    ),
}
_TIDYING: Mapping[str, State] = {
    _TIDY: Choice(
        (
            Rule(deployment.HAS_LEFTOVER, "Delete configuration"),
            Rule(deployment.HAS_ERROR, record.FAILED),
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
            alarms=deployment.ALARM_NAMES,
            configurations=deployment.CONFIGURATIONS,
            since=jsonata.NOW,
            made_by=jsonata.RUN_KEY,
            stage=deployment.STAGE,
        ),
        jsonata.INPUT,
        record.DONE,
        retries.TABLE,
        record.CAUGHT,
    ),
}

KIND = Kind("endpoint", "Find endpoint", {**_PREPARING, **_DEPLOYING, **_TESTING, **_TIDYING})
