"""The expressions of an endpoint stage.

What a walker carries here: `turn` (`seen`: whose it is, as run/stage; `open`: whether that run goes on),
`endpoint` (`name`, `arn`, `status`, `serving`, `reason` as SageMaker has them, `config` that is to serve,
`before` that served when the turn came, `made` by earlier deployments, newest first, `alarms` that they have
made), `alarms` still to be made, `leftover` configurations still to be removed, `body` of the smoke test.
The item that outlives the run is described in docs/architecture.md.
"""

from __future__ import annotations

from stagewright.asl import expression
from stagewright.naming import OWNER_TAG
from stagewright.stages.base import expressions
from stagewright.stages.base.expressions import ELAPSED, REST, with_

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


# Whose turn it is

_TURN = "$states.input.turn"
_MINE = f"({expressions.RUN} & '/' & $states.input.stage.name)"
ITEM_KEY = {
    "run": {"S": expression(f"'endpoint#' & {_PLANNED}.EndpointName")},
    "item": {"S": "endpoint"},
}
TURN_READ = with_("'turn': { 'seen': $exists($states.result.Item.turn.S) ? $states.result.Item.turn.S : '' }")
IS_ANOTHERS = expression(f"$not({_TURN}.seen in ['', {_MINE}])")
OTHER_RUN = {
    "run": {"S": expression(f"$substringBefore({_TURN}.seen, '/')")},
    "item": {"S": "run"},
}
OTHER_SEEN = with_(f"'turn': $merge([{_TURN}, {{ 'open': $exists($states.result.Item.open.S) }}])")
IS_OTHERS_OPEN = expression(f"{_TURN}.open")
IS_TAKEN_TOO_LONG = expression(f"{_TURN}.open and {ELAPSED} > $states.input.stage.timeout * 1000")
TAKEN_TOO_LONG = with_(f"""
    'error': {{ 'Error': 'Stagewright.TooLate',
                'Cause': 'run ' & $substringBefore({_TURN}.seen, '/') & ' is still deploying to endpoint '
                  & {_PLANNED}.EndpointName & ' after ' & $string($states.input.stage.timeout)
                  & ' seconds' }}
""")
MINE = expression(_MINE)
TURN_SEEN = expression(f"{_TURN}.seen")
TURN_TAKEN = with_(f"""
    'endpoint': $merge([{_ENDPOINT}, {{ 'name': {_PLANNED}.EndpointName,
        'made': $exists($states.result.Attributes.configurations.S)
          ? [$parse($states.result.Attributes.configurations.S)] : [],
        'alarms': $exists($states.result.Attributes.alarms.S)
          ? [$parse($states.result.Attributes.alarms.S)] : [] }}])
""")
# SageMaker refuses with its general exception, and tells why in the text alone: "Cannot update in-progress
# endpoint", "Cannot create already existing endpoint". Throttling and faults have that name, too.
IS_TAKEN = expression(f"""
    $contains($states.input.error.Error & ': ' & {_CAUSE},
              /in-progress|already exist|ConditionalCheckFailed|Rate exceeded|Status Code: 5/)
      and {ELAPSED} <= $states.input.stage.timeout * 1000
""")
CLEARED = expression("$sift($states.input, function($value, $field) { $field != 'error' })")
HAS_CONFIG = expression(f"$exists({_ENDPOINT}.config)")

# The endpoint as it is

# What this attempt asked for itself is no version before.
FOUND = with_(
    _endpoint(f"""
        'arn': $states.result.EndpointArn, 'status': $states.result.EndpointStatus,
        'serving': $states.result.EndpointConfigName,
        'before': $states.result.EndpointConfigName = {_ENDPOINT}.config
          ? {_ENDPOINT}.before : $states.result.EndpointConfigName
    """)
)
NOT_FOUND = with_(f"""
    'endpoint': $sift({_ENDPOINT}, function($value, $field) {{ $not($field in ['status', 'before']) }})
""")
_BUSY = f"{_ENDPOINT}.status in ['Creating', 'Updating', 'SystemUpdating', 'RollingBack', 'Deleting']"
IS_BUSY = expression(_BUSY)
IS_BUSY_TOO_LONG = expression(f"{_BUSY} and {ELAPSED} > $states.input.stage.timeout * 1000")
ARN = expression(f"{_ENDPOINT}.arn")
_TAG = f"Tags[Key = '{OWNER_TAG}'].Value"
TAGS_READ = with_(_endpoint(f"'ours': $states.result.{_TAG} = {_PLANNED}.{_TAG}"))
IS_FOREIGN = expression(f"$not({_ENDPOINT}.ours)")
FOREIGN = with_(f"""
    'error': {{ 'Error': 'Stagewright.ForeignEndpoint',
                'Cause': 'there is an endpoint ' & {_ENDPOINT}.name
                  & ' that this installation did not make (its tag {OWNER_TAG} is not '
                  & {_PLANNED}.{_TAG} & '): give the stage another name, or delete that endpoint' }}
""")
IS_BROKEN = expression(f"{_ENDPOINT}.status = 'Failed'")
CONFIG_MADE = with_(f"""
    {_endpoint(f"'config': $parse({_REQUESTS}.CreateEndpointConfig).EndpointConfigName")},
    'alarms': [{_SETTINGS}.alarms]
""")
HAS_ALARM = expression("$count($states.input.alarms) > 0")
ALARM = expression("$states.input.alarms[0]")
# Those of earlier deployments too: an update may yet bring back the version that they watch.
ALARM_NAMES = expression(f"$string([$distinct($append({_ENDPOINT}.alarms, {_SETTINGS}.alarms.AlarmName))])")
ALARM_MADE = with_(f"'alarms': {REST.format('alarms')}")
DEADLINE = expression(f"""
    $exists({_SETTINGS}.time_to_live)
      ? $fromMillis($millis() + {_SETTINGS}.time_to_live * 1000) : '{NEVER}'
""")
IS_THERE = expression(f"$exists({_ENDPOINT}.status)")
IS_ASKED_FOR = expression(f"$exists({_ENDPOINT}.status) and {_ENDPOINT}.serving = {_ENDPOINT}.config")
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
_BOUND_TEST = expressions.bound("Endpoint", "smoke_test")[3:-3]
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
_ANSWER = "$string($states.errorOutput.Cause)"
# $error's own message follows its code D3137. A model's error goes on with its traceback, which is in the
# endpoint's log.
NO_ANSWER = with_(
    _test_failed(f"""
        $substring($contains({_ANSWER}, 'D3137: ') ? $substringAfter({_ANSWER}, 'D3137: ') : {_ANSWER},
                   0, {ANSWER_LIMIT})
    """)
)
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

# Configurations and alarms that nobody needs any more

HAS_LEFTOVER = expression("$count($states.input.leftover) > 0")
LEFTOVER = expression("$states.input.leftover[0]")
REMOVED = with_(f"'leftover': {REST.format('leftover')}")
HAS_ERROR = expression("$exists($states.input.error)")
_DROPPED = f"{_ENDPOINT}.alarms[$not($ in {_SETTINGS}.alarms.AlarmName)]"
HAS_DROPPED = expression(f"$count({_DROPPED}) > 0")
DROPPED = expression(f"[{_DROPPED}]")
DROPPED_GONE = with_(_endpoint("'alarms': []"))
CONFIGURATIONS = expression(f"$string([{_ENDPOINT}.made])")
STAGE = expression("$states.input.stage.name")
