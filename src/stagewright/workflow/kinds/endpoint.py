"""An endpoint: created the first time, updated afterwards, awaited until it serves the new configuration, and
tried. What fails leaves the configuration before in service.

One that is being changed is waited for, one without this installation's tag is left alone. Then model,
configuration and alarms are made, in that order, before the update that rolls back on the alarms; the
deadline of a `time_to_live` is recorded before there is anything to delete. After a good deployment older
configurations are removed, after a rolled back one its own.

What a walker carries here: `endpoint` (`name`, `arn`, `status`, `serving`, `reason` as SageMaker has them,
`config` that is to serve, `before` that served when the stage began, `made` by earlier deployments, newest
first), `alarms` still to be made, `leftover` configurations still to be removed, `body` of the smoke test.
The item that outlives the run is described in docs/architecture.md.
"""

from __future__ import annotations

from typing import Any

from stagewright.workflow import jsonata, record, retries
from stagewright.workflow.jsonata import ELAPSED, REST, expression, with_
from stagewright.workflow.kinds.kind import Kind
from stagewright.workflow.states import Catch, Choice, Rule, Task, Wait

NEVER = "9999-12-31T23:59:59.999Z"
"""The deadline of an endpoint without one."""
FILE_LIMIT = 64 * 1024
"""Bytes of a smoke test's file."""
ANSWER_LIMIT = 200
"""Characters of an answer that a reason quotes."""

_REQUESTS = "$states.input.stage.requests"
_ENDPOINT = "$states.input.endpoint"
_PLANNED = f"$parse({_REQUESTS}.CreateEndpoint)"
_SETTINGS = f"$parse({_REQUESTS}.Endpoint)"
_TEST = f"{_SETTINGS}.smoke_test"
_CAUSE = "$states.input.error.Cause"


def _endpoint(fields: str) -> str:
    """`fields` (members of a JSONata object) put over what is known of the endpoint."""
    return f"'endpoint': $merge([{_ENDPOINT}, {{ {fields} }}])"


NAME = expression(f"{_PLANNED}.EndpointName")
FOUND = with_("""
    'endpoint': { 'name': $states.result.EndpointName, 'arn': $states.result.EndpointArn,
                  'status': $states.result.EndpointStatus, 'before': $states.result.EndpointConfigName }
""")
NOT_FOUND = with_(f"'endpoint': {{ 'name': {_PLANNED}.EndpointName }}")
_BUSY = f"{_ENDPOINT}.status in ['Creating', 'Updating', 'SystemUpdating', 'RollingBack', 'Deleting']"
IS_BUSY = expression(_BUSY)
IS_BUSY_TOO_LONG = expression(f"{_BUSY} and {ELAPSED} > $states.input.stage.timeout * 1000")
ARN = expression(f"{_ENDPOINT}.arn")
_TAG = "Tags[Key = 'stagewright:environment'].Value"
TAGS_READ = with_(_endpoint(f"'ours': $states.result.{_TAG} = {_PLANNED}.{_TAG}"))
IS_FOREIGN = expression(f"$not({_ENDPOINT}.ours)")
FOREIGN = with_(f"""
    'error': {{ 'Error': 'Stagewright.ForeignEndpoint',
                'Cause': 'there is an endpoint ' & {_ENDPOINT}.name
                  & ' that this installation did not make (its tag stagewright:environment is not '
                  & {_PLANNED}.{_TAG} & '): give the stage another name, or delete that endpoint' }}
""")
IS_BROKEN = expression(f"{_ENDPOINT}.status = 'Failed'")
_KEY = {
    "run": {"S": expression(f"'endpoint#' & {_ENDPOINT}.name")},
    "item": {"S": "endpoint"},
}
RECORD_READ = with_(
    _endpoint("""
        'made': $exists($states.result.Item.configurations.S)
          ? [$parse($states.result.Item.configurations.S)] : []
    """)
)
CONFIG_MADE = with_(f"""
    {_endpoint(f"'config': $parse({_REQUESTS}.CreateEndpointConfig).EndpointConfigName")},
    'alarms': [{_SETTINGS}.alarms]
""")
HAS_ALARM = expression("$count($states.input.alarms) > 0")
ALARM = expression("$states.input.alarms[0]")
ALARM_MADE = with_(f"'alarms': {REST.format('alarms')}")
DEADLINE = expression(f"""
    $exists({_SETTINGS}.time_to_live)
      ? $fromMillis($millis() + {_SETTINGS}.time_to_live * 1000) : '{NEVER}'
""")
IS_THERE = expression(f"$exists({_ENDPOINT}.status)")
CREATED = expression("$sift($states.input, function($value, $field) { $field != 'error' })")
ENDPOINT_NAME = expression(f"{_ENDPOINT}.name")
# An earlier look's reason must not outlive its status.
SEEN = with_(f"""
    'endpoint': $merge([
      $sift({_ENDPOINT}, function($value, $field) {{ $field != 'reason' }}),
      {{ 'arn': $states.result.EndpointArn, 'status': $states.result.EndpointStatus,
         'serving': $states.result.EndpointConfigName, 'reason': $states.result.FailureReason }}])
""")
_READY = f"{_ENDPOINT}.status = 'InService' and {_ENDPOINT}.serving = {_ENDPOINT}.config"
IS_READY = expression(_READY)
IS_PUT_BACK = expression(f"{_READY} and $exists($states.input.error)")
# A rolled back update is InService again, with the old configuration and the reason.
IS_BAD = expression(f"""
    {_ENDPOINT}.status in ['Failed', 'OutOfService', 'UpdateRollbackFailed', 'Deleting']
      or ({_ENDPOINT}.status = 'InService' and $exists({_ENDPOINT}.reason))
""")
_SO_FAR = f"($exists({_CAUSE}) ? {_CAUSE} & '; ' : '')"
_ALARMS = f"$parse({_REQUESTS}.UpdateEndpoint).DeploymentConfig.AutoRollbackConfiguration.Alarms.AlarmName"
BAD = with_(f"""
    'error': {{ 'Error': 'Stagewright.EndpointFailed',
                'Cause': {_SO_FAR} & ({_ENDPOINT}.status = 'InService'
                    ? 'the update was rolled back, and endpoint ' & {_ENDPOINT}.name
                        & ' still serves the version before'
                    : 'endpoint ' & {_ENDPOINT}.name & ' is ' & {_ENDPOINT}.status)
                  & ': ' & {_ENDPOINT}.reason
                  & ({_ENDPOINT}.status = 'InService' and $exists({_ALARMS})
                    ? ' (rolls back on: ' & $join([{_ALARMS}], ', ') & ')' : '') }},
    'leftover': {_ENDPOINT}.status = 'InService' ? [{_ENDPOINT}.config] : []
""")
LATE = with_(f"""
    'error': {{ 'Error': 'Stagewright.TooLate',
                'Cause': {_SO_FAR} & 'endpoint ' & {_ENDPOINT}.name & ' is still ' & {_ENDPOINT}.status
                  & ' after ' & $string($states.input.stage.timeout) & ' seconds' }}
""")

# The smoke test

HAS_NO_TEST = expression(f"$not($exists({_TEST}))")
HAS_FILE = expression(f"$exists({_TEST}.file)")
_BOUND_TEST = jsonata.bound("Endpoint", "smoke_test")[3:-3]
_PLACE = f"$substringAfter(({_BOUND_TEST}).file, 's3://')"
BUCKET = expression(f"$substringBefore({_PLACE}, '/')")
KEY = expression(f"$substringAfter({_PLACE}, '/')")
FILE_READ = with_(f"""
    'body': $max([$states.result.ContentLength, $length($states.result.Body)]) > {FILE_LIMIT}
      ? $error('the file is larger than {FILE_LIMIT // 1024} KiB') : $states.result.Body
""")
BODY = expression(f"$exists($states.input.body) ? $states.input.body : {_TEST}.body")
CONTENT_TYPE = expression(f"{_TEST}.content_type")
ACCEPT = expression(f"{_TEST}.accept")


def _test_failed(why: str) -> str:
    """The error of a smoke test, told with its endpoint."""
    cause = f"'the smoke test of endpoint ' & {_ENDPOINT}.name & ' failed: ' & {why}"
    return f"'error': {{ 'Error': 'Stagewright.SmokeTestFailed', 'Cause': {cause} }}"


# `made` with the configuration before first: that is the one to go back to.
_VERSIONS = f"""
    $distinct([{_ENDPOINT}.config, {_ENDPOINT}.made[$ = $states.input.endpoint.before], {_ENDPOINT}.made])
"""
_GOOD = f"""
    'result': {{ 'arn': {_ENDPOINT}.arn, 'endpoint': {_ENDPOINT}.name }},
    {_endpoint(f"'made': [$filter([{_VERSIONS}], function($c, $n) {{ $n <= {_SETTINGS}.keep }})]")},
    'leftover': [$filter([{_VERSIONS}], function($c, $n) {{ $n > {_SETTINGS}.keep }})]
"""
GOOD = with_(_GOOD)
NO_ANSWER = with_(_test_failed("$string($states.errorOutput.Cause)"))
ANSWERED = expression(f"""
    ( $answer := $string($states.result.Body);
      $seconds := ($millis() - $toMillis($states.context.State.EnteredTime)) / 1000;
      $wrong := $exists({_TEST}.contains) and $not($contains($answer, {_TEST}.contains))
          ? 'the answer ' & $substring($answer, 0, {ANSWER_LIMIT}) & ' does not hold '
              & {_TEST}.contains
        : $exists({_TEST}.max_latency) and $seconds > {_TEST}.max_latency
          ? 'the answer took ' & $string($seconds) & ' seconds, more than ' & $string({_TEST}.max_latency)
        : '';
      $merge([$states.input, $wrong = '' ? {{ {_GOOD} }} : {{ {_test_failed("$wrong")} }}]) )
""")
IS_TESTED = expression("$exists($states.input.result)")
HAS_BEFORE = expression(f"$exists({_ENDPOINT}.before)")
BEFORE = expression(f"{_ENDPOINT}.before")
PUTTING_BACK = with_(_endpoint(f"'config': {_ENDPOINT}.before, 'bad': {_ENDPOINT}.config"))
NOT_PUT_BACK = with_(f"""
    'error': {{ 'Error': $states.input.error.Error,
                'Cause': {_CAUSE} & '; the version before could not be put back: '
                  & $states.errorOutput.Cause }}
""")
PUT_BACK = with_(f"""
    'error': {{ 'Error': $states.input.error.Error,
                'Cause': {_CAUSE} & '; the version before serves again' }},
    'leftover': [{_ENDPOINT}.bad]
""")
WITHDRAWN = with_(f"""
    'error': {{ 'Error': $states.input.error.Error,
                'Cause': {_CAUSE} & '; the endpoint was new, and is deleted' }},
    'leftover': [{_ENDPOINT}.config]
""")

# Configurations that nobody needs any more

HAS_LEFTOVER = expression("$count($states.input.leftover) > 0")
LEFTOVER = expression("$states.input.leftover[0]")
REMOVED = with_(f"'leftover': {REST.format('leftover')}")
HAS_ERROR = expression("$exists($states.input.error)")
CONFIGURATIONS = expression(f"$string([{_ENDPOINT}.made])")

_LOOK = {"EndpointName": ENDPOINT_NAME}
_TIDY = "Configuration left over?"


def _update(**values: Any) -> dict[str, Any]:
    """UpdateItem's arguments for the endpoint's item."""
    return {
        "TableName": "${runs_table}",
        "Key": _KEY,
        "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in values),
        "ExpressionAttributeNames": {f"#{name}": name for name in values},
        "ExpressionAttributeValues": {f":{name}": {"S": value} for name, value in values.items()},
    }


_PREPARING = {
    "Find endpoint": Task(
        "aws-sdk:sagemaker:describeEndpoint",
        {"EndpointName": NAME},
        FOUND,
        "Endpoint busy?",
        retries.LOOK,
        # Whatever is wrong, the attempt to create it tells: SageMaker has no error of its own for "not
        # there".
        Catch("Read earlier configurations", NOT_FOUND),
    ),
    "Endpoint busy?": Choice(
        (Rule(IS_BUSY_TOO_LONG, record.FAILED, LATE), Rule(IS_BUSY, "Wait for its turn")),
        default="Read tags",
    ),
    "Wait for its turn": Wait(jsonata.POLL, "Find endpoint"),
    "Read tags": Task(
        "aws-sdk:sagemaker:listTags",
        {"ResourceArn": ARN},
        TAGS_READ,
        "Endpoint ours?",
        retries.SAGEMAKER,
        record.CAUGHT,
    ),
    # SageMaker: a failed endpoint cannot be updated, only deleted (UpdateEndpoint, API reference).
    "Endpoint ours?": Choice(
        (Rule(IS_FOREIGN, record.FAILED, FOREIGN), Rule(IS_BROKEN, "Delete endpoint")),
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
        {"TableName": "${runs_table}", "Key": _KEY, "ConsistentRead": True},
        RECORD_READ,
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
        CONFIG_MADE,
        "Alarm to make?",
        retries.JOBS,
        record.CAUGHT,
    ),
    "Alarm to make?": Choice((Rule(HAS_ALARM, "Make alarm"),), default="Record deadline"),
    "Make alarm": Task(
        "aws-sdk:cloudwatch:putMetricAlarm",
        ALARM,
        ALARM_MADE,
        "Alarm to make?",
        retries.ALARMS,
        record.CAUGHT,
    ),
    "Record deadline": Task(
        "dynamodb:updateItem",
        # `created` is the index's range key: endpoints in the order of their deadlines.
        _update(open="endpoint", created=DEADLINE),
        jsonata.INPUT,
        "New endpoint?",
        retries.TABLE,
        record.CAUGHT,
    ),
}
_DEPLOYING = {
    "New endpoint?": Choice((Rule(IS_THERE, "Update endpoint"),), default="Create endpoint"),
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
        (Rule(jsonata.ALREADY_THERE, "Look at endpoint", CREATED),),
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
        SEEN,
        "Endpoint ready?",
        retries.SAGEMAKER,
        record.CAUGHT,
    ),
    "Endpoint ready?": Choice(
        (
            Rule(IS_PUT_BACK, _TIDY, PUT_BACK),
            Rule(IS_READY, "Smoke test?"),
            Rule(IS_BAD, _TIDY, BAD),
            Rule(jsonata.IS_LATE, record.FAILED, LATE),
        ),
        default="Wait for endpoint",
    ),
    "Wait for endpoint": Wait(jsonata.POLL, "Look at endpoint"),
}
_TESTING = {
    "Smoke test?": Choice(
        (Rule(HAS_NO_TEST, _TIDY, GOOD), Rule(HAS_FILE, "Read smoke test")), default="Smoke test"
    ),
    "Read smoke test": Task(
        "aws-sdk:s3:getObject",
        {"Bucket": BUCKET, "Key": KEY, "Range": f"bytes=0-{FILE_LIMIT}"},
        FILE_READ,
        "Smoke test",
        retries.OBJECTS,
        Catch("Smoke test good?", NO_ANSWER),
    ),
    "Smoke test": Task(
        "aws-sdk:sagemakerruntime:invokeEndpoint",
        {"EndpointName": ENDPOINT_NAME, "Body": BODY, "ContentType": CONTENT_TYPE, "Accept": ACCEPT},
        ANSWERED,
        "Smoke test good?",
        retries.RUNTIME,
        Catch("Smoke test good?", NO_ANSWER),
        timeout=90,
    ),
    "Smoke test good?": Choice(
        (Rule(IS_TESTED, _TIDY), Rule(HAS_BEFORE, "Put version before back")), default="Withdraw endpoint"
    ),
    "Put version before back": Task(
        "aws-sdk:sagemaker:updateEndpoint",
        {"EndpointName": ENDPOINT_NAME, "EndpointConfigName": BEFORE},
        PUTTING_BACK,
        "Look at endpoint",
        retries.ENDPOINTS,
        Catch(record.FAILED, NOT_PUT_BACK),
    ),
    "Withdraw endpoint": Task(
        "aws-sdk:sagemaker:deleteEndpoint",
        _LOOK,
        WITHDRAWN,
        _TIDY,
        retries.SAGEMAKER,
        Catch(record.FAILED, jsonata.INPUT),
    ),
}
_TIDYING = {
    _TIDY: Choice(
        (Rule(HAS_LEFTOVER, "Delete configuration"), Rule(HAS_ERROR, record.FAILED)),
        default="Record configurations",
    ),
    # What is gone, or not ours to delete, is left: neither is worth failing a deployment.
    "Delete configuration": Task(
        "aws-sdk:sagemaker:deleteEndpointConfig",
        {"EndpointConfigName": LEFTOVER},
        jsonata.INPUT,
        "Delete model",
        retries.LOOK,
        Catch("Delete model", jsonata.INPUT),
    ),
    "Delete model": Task(
        "aws-sdk:sagemaker:deleteModel",
        {"ModelName": LEFTOVER},
        REMOVED,
        _TIDY,
        retries.LOOK,
        Catch(_TIDY, REMOVED),
    ),
    "Record configurations": Task(
        "dynamodb:updateItem",
        _update(
            configurations=CONFIGURATIONS,
            since=jsonata.NOW,
            made_by=jsonata.RUN_KEY,
            stage=expression("$states.input.stage.name"),
        ),
        jsonata.INPUT,
        record.DONE,
        retries.TABLE,
        record.CAUGHT,
    ),
}

KIND = Kind("endpoint", "Find endpoint", {**_PREPARING, **_DEPLOYING, **_TESTING, **_TIDYING})
