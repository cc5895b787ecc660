"""JSONata expressions of endpoint stages.

The state input has these fields in addition to those of the walker:

| field | content |
|---|---|
| `lock` | `seen`: who holds the endpoint's lock, as run/stage; `open`: whether that run is still active |
| `endpoint` | the endpoint: `name`, `arn`, `status`, `reason` and `ours` (has this installation's tag) |
| `endpoint.serving` | the configuration that serves |
| `endpoint.config` | the new configuration |
| `endpoint.before` | the configuration that served when the stage took the lock |
| `endpoint.made` | the configurations of earlier deployments, newest first |
| `endpoint.alarms` | the alarms of earlier deployments |
| `alarms` | the alarms that are still to be created |
| `leftover` | the configurations that are still to be deleted |

docs/architecture.md describes the endpoint's item in the runs table, which outlives the run.
"""

from __future__ import annotations

from stagewright.asl import expression
from stagewright.formats import ITEMS
from stagewright.naming import OWNER_TAG
from stagewright.stages.base import expressions
from stagewright.stages.base.expressions import ELAPSED, REST, shortened, with_, words_of

NEVER = "9999-12-31T23:59:59.999Z"
"""The deadline of an endpoint that is never deleted."""
ANSWER_LIMIT = 200
"""Characters of a response that an error quotes."""

_REQUESTS = "$states.input.stage.requests"
_ENDPOINT = "$states.input.endpoint"
_PLANNED = f"$parse({_REQUESTS}.CreateEndpoint)"
_SETTINGS = f"$parse({_REQUESTS}.Endpoint)"
_TEST = f"{_SETTINGS}.smoke_test"
_CAUSE = "$states.input.error.Cause"


def _endpoint(fields: str) -> str:
    """Return the member `endpoint` with `fields` (members of a JSONata object) merged in."""
    return f"'endpoint': $merge([{_ENDPOINT}, {{ {fields} }}])"


# The lock

_LOCK = "$states.input.lock"
_OWNER = f"({expressions.RUN} & '/' & $states.input.stage.name)"
ITEM_KEY = {
    "run": {"S": expression(f"'endpoint#' & {_PLANNED}.EndpointName")},
    "item": {"S": "endpoint"},
}
_FORMAT = "$states.result.Item.format.N"
LOCK_READ = with_(f"""
    'lock': $exists({_FORMAT}) and $number({_FORMAT}) > {ITEMS["endpoint"]}
      ? $error('the item of endpoint ' & {_PLANNED}.EndpointName & ' has format ' & {_FORMAT}
          & '; this state machine reads up to {ITEMS["endpoint"]}: upgrade the installation')
      : {{ 'seen': $exists($states.result.Item.lock.S) ? $states.result.Item.lock.S : '' }}
""")
IS_LOCKED = expression(f"$not({_LOCK}.seen in ['', {_OWNER}])")
HOLDER_KEY = {
    "run": {"S": expression(f"$substringBefore({_LOCK}.seen, '/')")},
    "item": {"S": "run"},
}
HOLDER_SEEN = with_(f"'lock': $merge([{_LOCK}, {{ 'open': $exists($states.result.Item.open.S) }}])")
IS_HOLDER_ACTIVE = expression(f"{_LOCK}.open")
IS_LOCKED_TOO_LONG = expression(f"{_LOCK}.open and {ELAPSED} > $states.input.stage.timeout * 1000")
LOCKED_TOO_LONG = with_(f"""
    'error': {{ 'Error': 'Stagewright.TooLate',
                'Cause': 'run ' & $substringBefore({_LOCK}.seen, '/') & ' is still deploying to endpoint '
                  & {_PLANNED}.EndpointName & ' after ' & $string($states.input.stage.timeout)
                  & ' seconds' }}
""")
OWNER = expression(_OWNER)
LOCK_SEEN = expression(f"{_LOCK}.seen")
LOCK_TAKEN = with_(f"""
    'endpoint': $merge([{_ENDPOINT}, {{ 'name': {_PLANNED}.EndpointName,
        'made': $exists($states.result.Attributes.configurations.S)
          ? [$parse($states.result.Attributes.configurations.S)] : [],
        'alarms': $exists($states.result.Attributes.alarms.S)
          ? [$parse($states.result.Attributes.alarms.S)] : [] }}])
""")
# SageMaker rejects with its general exception, and only the text has the reason: "Cannot update in-progress
# endpoint", "Cannot create already existing endpoint", and "Could not find endpoint configuration" for one
# that was just created (CreateEndpoint, API reference: eventually consistent reads). Throttling and faults
# have the same exception.
_BUSY_WORDS = (
    "in-progress|already exist|not find endpoint configuration|ConditionalCheckFailed|Rate exceeded|"
    "Status Code: 5"
)
IS_BUSY_ERROR = expression(f"""
    $contains($states.input.error.Error & ': ' & {_CAUSE}, /{_BUSY_WORDS}/)
      and {ELAPSED} <= $states.input.stage.timeout * 1000
""")
CLEARED = expression("$sift($states.input, function($value, $field) { $field != 'error' })")
HAS_CONFIG = expression(f"$exists({_ENDPOINT}.config)")

# The endpoint's state

# The configuration of this attempt is not an earlier version.
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
                'Cause': 'endpoint ' & {_ENDPOINT}.name
                  & ' was not created by this installation (its tag {OWNER_TAG} is not '
                  & {_PLANNED}.{_TAG} & '): use another name, or delete the endpoint' }}
""")
IS_BROKEN = expression(f"{_ENDPOINT}.status = 'Failed'")
CONFIG_MADE = with_(f"""
    {_endpoint(f"'config': $parse({_REQUESTS}.CreateEndpointConfig).EndpointConfigName")},
    'alarms': [{_SETTINGS}.alarms]
""")
HAS_ALARM = expression("$count($states.input.alarms) > 0")
ALARM = expression("$states.input.alarms[0]")
# Includes the alarms of earlier deployments, because an update can restore the version that they watch.
ALARM_NAMES = expression(f"$string([$distinct($append({_ENDPOINT}.alarms, {_SETTINGS}.alarms.AlarmName))])")
ALARM_MADE = with_(f"'alarms': {REST.format('alarms')}")
DEADLINE = expression(f"""
    $exists({_SETTINGS}.time_to_live)
      ? $fromMillis($millis() + {_SETTINGS}.time_to_live * 1000) : '{NEVER}'
""")
IS_THERE = expression(f"$exists({_ENDPOINT}.status)")
IS_ASKED_FOR = expression(f"$exists({_ENDPOINT}.status) and {_ENDPOINT}.serving = {_ENDPOINT}.config")
ENDPOINT_NAME = expression(f"{_ENDPOINT}.name")
# The reason of an earlier poll must not outlive its status.
SEEN = with_(f"""
    'endpoint': $merge([
      $sift({_ENDPOINT}, function($value, $field) {{ $field != 'reason' }}),
      {{ 'arn': $states.result.EndpointArn, 'status': $states.result.EndpointStatus,
         'serving': $states.result.EndpointConfigName, 'reason': $states.result.FailureReason }}])
""")
_READY = f"{_ENDPOINT}.status = 'InService' and {_ENDPOINT}.serving = {_ENDPOINT}.config"
IS_READY = expression(_READY)
IS_RESTORED = expression(f"{_READY} and $exists($states.input.error)")
# After a rollback, the endpoint is InService again, with the old configuration and the reason.
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
                        & ' still serves the previous version'
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
TEST = expressions.bound("Endpoint", "smoke_test")


def _test_failed(why: str) -> str:
    """Return the member `error` of a failed smoke test."""
    cause = f"'the smoke test of endpoint ' & {_ENDPOINT}.name & ' failed: ' & {why}"
    return f"'error': {{ 'Error': 'Stagewright.SmokeTestFailed', 'Cause': {cause} }}"


# `made` begins with the configuration that served before, which a rollback restores.
_VERSIONS = f"""
    $distinct([{_ENDPOINT}.config, {_ENDPOINT}.made[$ = $states.input.endpoint.before], {_ENDPOINT}.made])
"""
_GOOD = f"""
    'result': {{ 'arn': {_ENDPOINT}.arn, 'endpoint': {_ENDPOINT}.name }},
    {_endpoint(f"'made': [$filter([{_VERSIONS}], function($c, $n) {{ $n <= {_SETTINGS}.keep }})]")},
    'leftover': [$filter([{_VERSIONS}], function($c, $n) {{ $n > {_SETTINGS}.keep }})]
"""
GOOD = with_(_GOOD)
_ANSWER = "$states.errorOutput.Error & ': ' & $states.errorOutput.Cause"
# The function failed, or the test names a value that an earlier stage does not have.
NO_ANSWER = with_(_test_failed(shortened(words_of(_ANSWER), ANSWER_LIMIT)))
_FAILURE = "$states.result.Payload.failure"
ANSWERED = expression(f"""
    $merge([$states.input, {_FAILURE} = '' ? {{ {_GOOD} }} : {{ {_test_failed(_FAILURE)} }}])
""")
IS_TESTED = expression("$exists($states.input.result)")
HAS_BEFORE = expression(f"$exists({_ENDPOINT}.before)")
BEFORE = expression(f"{_ENDPOINT}.before")
RESTORING = with_(_endpoint(f"'config': {_ENDPOINT}.before, 'bad': {_ENDPOINT}.config"))
NOT_RESTORED = with_(f"""
    'error': {{ 'Error': $states.input.error.Error,
                'Cause': {_CAUSE} & '; the previous version could not be restored: '
                  & $states.errorOutput.Cause }}
""")
RESTORED = with_(f"""
    'error': {{ 'Error': $states.input.error.Error,
                'Cause': {_CAUSE} & '; the previous version serves again' }},
    'leftover': [{_ENDPOINT}.bad]
""")
WITHDRAWN = with_(f"""
    'error': {{ 'Error': $states.input.error.Error,
                'Cause': {_CAUSE} & '; the new endpoint was deleted' }},
    'leftover': [{_ENDPOINT}.config]
""")

# Unused configurations and alarms

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
