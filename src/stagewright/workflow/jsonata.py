"""Every JSONata expression of the machine, each named once.

Only what JSONata 2.0.6 has (Step Functions implements that version, without `$eval`, with `$parse`): so no
`??`, no `?:` without a middle. No recursion, and one line each, since AWS's language service refuses line
breaks in a string.
Two habits of JSONata to know when reading: an array of one loses its brackets in a path, `[...]` puts them
back; and `x.y[0]` takes the first of each `x`, `(x.y)[0]` the first of all.

What a walker carries from state to state:
`stage` (now), `stages` (left), `values` (bound value by dotted path: `{"evaluate.metrics.r2": 0.91}`),
`known` (stages whose values have been taken up), `started` (ISO 8601), and as they come `result`, `error`,
`package`, `endpoint`. `$string` gives numbers with 15 significant digits; a gate therefore compares values,
not texts.
"""

from __future__ import annotations

from stagewright.plan.model import PLAN_FORMAT

BATCH = 25
"""Results fetched at once. DynamoDB's BatchGetItem takes 100 keys, but all of them must fit into 256 KiB."""
CAUSE_LIMIT = 4_000
"""Characters of a cause kept with the stage."""
SENTENCE_LIMIT = 400
"""Characters of a cause handed up: those of a page of 300 failed chains must fit into a state's 256 KiB."""
METRICS_LIMIT = 64 * 1024
"""Bytes of a metrics file. One more is asked for, to see whether there is more: a state above 256 KiB could
not be caught."""
LONGEST_POLL = 30
"""Seconds between two looks at an endpoint: 4 hours of waiting stay under 4,500 history events."""


def expression(text: str) -> str:
    """A field's value: the expression on one line, between JSONata's delimiters."""
    return "{% " + " ".join(text.split()) + " %}"


RUN = "$states.context.Execution.Input.run"
PLAN = "$states.context.Execution.Input.plan"
KIND = "$states.input.stages[0].kind"
INPUT = expression("$states.input")
ITEM = expression("$states.context.Map.Item.Value")
RUN_KEY = expression(RUN)
TIMEOUT = expression("$states.input.stage.timeout")

_REST = "[$filter($states.input.{0}, function($item, $index) {{ $index > 0 }})]"
_ELAPSED = "($millis() - $toMillis($states.input.started))"


def with_(fields: str) -> str:
    """The input with `fields` (members of a JSONata object) put over it."""
    return expression(f"$merge([$states.input, {{ {fields} }}])")


# The plan and its pages

PLAN_KEY = expression(f"'plan#' & {PLAN}")
PAGE_KEY = expression(f"'page#' & {PLAN} & '#' & $states.input.page")

# A wave is an object because JSONata flattens an array of arrays that shrinks to one.
WAVES = expression(f"""
    $states.context.Execution.Input.format != {PLAN_FORMAT}
      ? $error('this state machine reads plans of format {PLAN_FORMAT}, not '
          & $string($states.context.Execution.Input.format))
      : $exists($states.result.Item.waves.S)
        ? {{ 'failures': 0,
             'waves': [$map($parse($states.result.Item.waves.S),
                            function($pages) {{ {{ 'pages': $pages }} }})] }}
        : $error('plan ' & {PLAN} & ' of run ' & {RUN} & ' is not in the table')
""")
CHAINS = expression(f"""
    $exists($states.result.Item.chains.S)
      ? {{ 'chains': $parse($states.result.Item.chains.S) }}
      : $error('page ' & $states.input.page & ' of run ' & {RUN} & ' is not in the table')
""")
WAVE_PAGES = expression("[$states.input.waves[0].pages]")
PAGE_CHAINS = expression("$states.input.chains")
HAS_FAILED = expression("$states.input.failures > 0")
HAS_WAVE = expression("$count($states.input.waves) > 0")

# Chains hand up failures only: the results lie in the table, and a thousand of them would not fit into a
# state.
PAGE_ENDED = expression("{ 'failures': $count($states.result.failed), 'failed': ($states.result.failed)[0] }")
WAVE_ENDED = expression(f"""
    {{ 'waves': {_REST.format("waves")},
       'failures': $sum($states.result.failures),
       'failed': ($states.result.failed)[0] }}
""")
RUN_CAUSE = expression("""
    $states.input.failed.stage & ': ' & $states.input.failed.cause
      & ($states.input.failures > 1 ? ' (and ' & $string($states.input.failures - 1) & ' more failed)' : '')
""")

# The walker's next stage

# Stages that the next stage refers to and whose values this chain does not have: they ended in an earlier
# wave.
_UNKNOWN = """
    $filter($distinct($states.input.stages[0].bindings.path[0]),
            function($name) { $not($name in $states.input.known) })
"""
_ASKED = f"[$filter([{_UNKNOWN}], function($name, $index) {{ $index < {BATCH} }})]"
HAS_UNKNOWN = expression(f"$count({_UNKNOWN}) > 0")
HAS_ENDED = expression("$count($states.input.stages) = 0")
TAKE = expression(f"""
    {{ 'stage': $states.input.stages[0], 'stages': {_REST.format("stages")},
       'values': $states.input.values, 'known': [$states.input.known], 'started': $now() }}
""")


def _refused(error: str) -> str:
    """The next stage, taken only to be recorded as failed."""
    return expression(f"""
        {{ 'stage': $states.input.stages[0], 'stages': [], 'started': $now(), 'error': {error} }}
    """)


UNKNOWN_KIND = _refused(f"""
    {{ 'Error': 'Stagewright.UnknownKind', 'Cause': 'this state machine does not know the kind ' & {KIND} }}
""")
NO_VALUES = _refused("$states.errorOutput")


def _bound_values(names: str, results: str) -> str:
    """Of `results` ({{stage: result}}) only what the rest of the chain is bound to, by dotted path."""
    return f"""
        $merge($states.input.stages.bindings[path[0] in {names}].(
          $value := $reduce(path, function($at, $key) {{ $lookup($at, $key) }}, {results});
          $exists($value) ? {{ $join(path, '.'): $value }} : {{}} ))
    """


FETCH_KEYS = expression(f"[{_ASKED}.{{ 'run': {{ 'S': {RUN} }}, 'item': {{ 'S': 'stage#' & $ }} }}]")
# A name that DynamoDB left for later (UnprocessedKeys) stays unknown, and is asked for again.
FETCHED = expression(f"""
    ( $late := [$states.result.UnprocessedKeys.*.Keys.item.S];
      $names := [$filter({_ASKED}, function($name) {{ $not(('stage#' & $name) in $late) }})];
      $found := $merge($states.result.Responses.*[$exists(result.S)].{{
        $substringAfter(item.S, 'stage#'): $parse(result.S) }});
      $merge([$states.input, {{
        'known': [$states.input.known, $names],
        'values': $merge([$states.input.values, {_bound_values("$names", "$found")}]) }}]) )
""")

# Binding

# $split and $join instead of $replace, which may give `$` in a value a meaning. `<<` inside a value becomes
# an escape of the same meaning in JSON, so that no value is ever taken for a token. `[...]` makes $string
# quote a text.
_BIND_ONE = r"""
    function($text, $binding) { (
      $value := $lookup($states.input.values, $join($binding.path, '.'));
      $json := $exists($value) ? $string([$value])
        : $error($binding.path[0] & ' has no ' & $substringAfter($join($binding.path, '.'), '.'));
      $words := $string([$string($value)]);
      $safe := function($part) { $join($split($part, '<<'), '\\u003c<') };
      $whole := $safe($substring($json, 1, $length($json) - 2));
      $inner := $safe($substring($words, 2, $length($words) - 4));
      $join($split($join($split($text, '"' & $binding.token & '"'), $whole), $binding.token), $inner) ) }
"""


def bound(operation: str, member: str = "") -> str:
    """The stage's request for `operation` with all run-time values in; or one member of it."""
    request = f"$states.input.stage.requests.{operation}"
    whole = f"$parse($reduce($append([], $states.input.stage.bindings), {_BIND_ONE}, {request}))"
    return expression(f"({whole}).{member}" if member else whole)


# What a stage gives

RESULT_OF_PROCESSING = with_("""
    'result': { 'job': $states.input.stage.job, 'arn': $states.result.ProcessingJobArn,
                'outputs': $states.input.stage.outputs }
""")
RESULT_OF_TRAINING = with_("""
    'result': { 'job': $states.input.stage.job, 'arn': $states.result.TrainingJobArn,
                'outputs': $states.input.stage.outputs,
                'model': $states.result.ModelArtifacts.S3ModelArtifacts,
                'metrics': $merge([{}, $states.result.FinalMetricDataList.{ MetricName: Value }]) }
""")
METRICS_FILE = "'s3://' & $states.input.stage.metrics.bucket & '/' & $states.input.stage.metrics.key"
RESULT_WITH_METRICS = expression(f"""
    ( $body := $max([$states.result.ContentLength, $length($states.result.Body)]) > {METRICS_LIMIT}
        ? $error('metrics file ' & {METRICS_FILE} & ' is larger than {METRICS_LIMIT // 1024} KiB: '
            & 'write numbers only')
        : $parse($states.result.Body);
      $type($body) = 'object'
        ? $merge([$states.input, {{ 'result': $merge([$states.input.result, {{ 'metrics':
            $merge([{{}}, $sift($body, function($value) {{ $type($value) = 'number' }})]) }}]) }}])
        : $error('metrics file ' & {METRICS_FILE} & ' is not a JSON object') )
""")
NO_METRICS = with_(f"""
    'error': {{ 'Error': $states.errorOutput.Error,
                'Cause': 'metrics file ' & {METRICS_FILE}
                  & ($contains($states.errorOutput.Error, 'NoSuchKey') ? ' was not written by the job'
                    : $contains($states.errorOutput.Error, 'InvalidRange') ? ' is empty'
                    : ': ' & $states.errorOutput.Cause) }}
""")

# An operand is a number, a text, or a token. Nothing here may raise: a Pass state cannot catch.
GATE = expression("""
    ( $bindings := $states.input.stage.bindings;
      $values := $states.input.values;
      $closed := [$parse($states.input.stage.requests.Gate).(
        $path := function($operand) { ($bindings[token = $operand].$join(path, '.'))[0] };
        $value := function($operand) {
          $exists($path($operand)) ? $lookup($values, $path($operand)) : $operand };
        $lack := function($path) { $substringBefore($path, '.') & ' has no ' & $substringAfter($path, '.') };
        $left := $value(left);
        $right := $value(right);
        $alike := $type($left) = $type($right) and $type($left) in ['number', 'string'];
        $holds := op = '==' ? $left = $right : op = '!=' ? $left != $right
          : $not($alike) ? false
          : op = '>=' ? $left >= $right : op = '<=' ? $left <= $right
          : op = '>' ? $left > $right : op = '<' ? $left < $right : false;
        $not($exists($left)) ? $lack($path(left))
          : $not($exists($right)) ? $lack($path(right))
          : $holds ? [] : text & ' does not hold: ' & $string($left) & ' ' & op & ' ' & $string($right) )];
      $merge([$states.input, { 'result': {} }, $count($closed) = 0 ? {}
        : { 'error': { 'Error': 'Stagewright.GateClosed', 'Cause': $join($closed, '; ') } }]) )
""")
GATE_CLOSED = expression("$exists($states.input.error)")

# Waiting for what takes its time

ALREADY_THERE = expression("$contains($lowercase('' & $states.input.error.Cause), 'already exist')")
IS_LATE = expression(f"{_ELAPSED} > $states.input.stage.timeout * 1000")
POLL = expression(f"$min([{LONGEST_POLL}, 1 + $floor({_ELAPSED} / 5000)])")

PACKAGE_MADE = with_("'package': { 'arn': $states.result.ModelPackageArn }")
PACKAGE_ARN = expression("$states.input.package.arn")
PACKAGE_SEEN = with_("""
    'package': { 'arn': $states.result.ModelPackageArn, 'status': $states.result.ModelPackageStatus,
                 'reason': $join(
                   $states.result.ModelPackageStatusDetails.ValidationStatuses.FailureReason, '; ') }
""")
PACKAGE_READY = expression("$states.input.package.status = 'Completed'")
PACKAGE_FAILED = expression("$states.input.package.status in ['Failed', 'Deleting']")
RESULT_OF_REGISTER = with_(
    "'result': { 'arn': $states.input.package.arn, 'package': $states.input.package.arn }"
)
PACKAGE_REASON = with_("""
    'error': { 'Error': 'Stagewright.ModelPackageFailed',
               'Cause': 'model package ' & $states.input.package.arn & ' is '
                 & $states.input.package.status & ': ' & $states.input.package.reason }
""")
PACKAGE_LATE = with_("""
    'error': { 'Error': 'Stagewright.TooLate',
               'Cause': 'model package ' & $states.input.package.arn & ' is still '
                 & $states.input.package.status
                 & ' after ' & $string($states.input.stage.timeout) & ' seconds' }
""")

CONFIG_MADE = expression(f"""
    $merge([$states.input, {{ 'endpoint': {{ 'config':
      {bound("CreateEndpointConfig", "EndpointConfigName")[3:-3]},
      'name': {bound("CreateEndpoint", "EndpointName")[3:-3]} }} }}])
""")
ENDPOINT_NAME = expression("$states.input.endpoint.name")
ENDPOINT_SEEN = with_("""
    'endpoint': {
      'name': $states.input.endpoint.name, 'config': $states.input.endpoint.config,
      'arn': $states.result.EndpointArn, 'status': $states.result.EndpointStatus,
      'serving': $states.result.EndpointConfigName, 'reason': $states.result.FailureReason }
""")
ENDPOINT_BROKEN = expression("$states.input.endpoint.status = 'Failed'")
_SERVES = "$states.input.endpoint.serving = $states.input.endpoint.config"
ENDPOINT_READY = expression(f"$states.input.endpoint.status = 'InService' and {_SERVES}")
# A rolled back update is InService again, with the old configuration and the reason.
ENDPOINT_FAILED = expression("""
    $states.input.endpoint.status in ['Failed', 'OutOfService', 'UpdateRollbackFailed', 'Deleting']
      or ($states.input.endpoint.status = 'InService' and $exists($states.input.endpoint.reason))
""")
RESULT_OF_ENDPOINT = with_(
    "'result': { 'arn': $states.input.endpoint.arn, 'endpoint': $states.input.endpoint.name }"
)
ENDPOINT_REASON = with_("""
    'error': { 'Error': 'Stagewright.EndpointFailed',
               'Cause': ($states.input.endpoint.status = 'InService'
                   ? 'the new version did not start, and endpoint ' & $states.input.endpoint.name
                       & ' still serves the one before'
                   : 'endpoint ' & $states.input.endpoint.name & ' is ' & $states.input.endpoint.status)
                 & ': ' & $states.input.endpoint.reason }
""")
ENDPOINT_LATE = with_("""
    'error': { 'Error': 'Stagewright.TooLate',
               'Cause': 'endpoint ' & $states.input.endpoint.name & ' is still '
                 & $states.input.endpoint.status
                 & ' after ' & $string($states.input.stage.timeout) & ' seconds' }
""")

# Recording

STAGE_KEY = expression("'stage#' & $states.input.stage.name")
NOW = expression("$now()")
ATTEMPT = expression("$string($states.input.stage.attempt)")
RESULT_TEXT = expression(f"$string($merge([$states.input.result, {{ 'seconds': {_ELAPSED} / 1000 }}]))")
RECORDED = expression(f"""
    ( $done := [$states.input.stage.name];
      $results := {{ $states.input.stage.name: $states.input.result }};
      {{ 'stages': [$states.input.stages],
         'known': [$states.input.known, $done],
         'values': $merge([$states.input.values, {_bound_values("$done", "$results")}]) }} )
""")
CAUGHT = with_("'error': $states.errorOutput")
LATE_OR_CAUGHT = with_("""
    'error': $states.errorOutput.Error = 'States.Timeout'
      ? { 'Error': 'States.Timeout',
          'Cause': 'it had not ended after ' & $string($states.input.stage.timeout) & ' seconds' }
      : $states.errorOutput
""")

# A `.sync` job that failed leaves its description, as JSON, in Cause: its FailureReason is what people need,
# of a Glue job's run its ErrorMessage, of a function its errorMessage.
# A search, since $parse would raise on a text that is cut or no JSON. $error's own message follows its code
# D3137.
_REASON = r"""
    ( $cause := $string($states.input.error.Cause);
      $job := $match($cause,
        /"(FailureReason|[Ee]rrorMessage)"\s*:\s*"((?:[^"\x5c\x00-\x1f]|\x5c["\x5c\/bfnrt]|\x5cu[0-9a-fA-F]{4})*)"/,
        1);
      $reason := $exists($job) ? $parse('"' & $job.groups[1] & '"')
        : $contains($cause, /"JobRunState"\s*:\s*"STOPPED"/) ? 'the job was stopped'
        : $contains($cause, '"MaxRuntimeExceeded"') ? 'the job ran longer than max_runtime_seconds'
        : $contains($cause, /"(Training|Processing)JobStatus"\s*:\s*"Stopped"/) ? 'the job was stopped'
        : $contains($cause, 'D3137: ') ? $substringAfter($cause, 'D3137: ') : $cause;
      $length($reason) > 0 ? $reason : $states.input.error.Error )
"""
ERROR = expression("$states.input.error.Error")
CAUSE = expression(f"$substring({_REASON}, 0, {CAUSE_LIMIT})")
FAILURE = expression(f"""
    {{ 'failed': {{ 'stage': $states.input.stage.name, 'error': $states.input.error.Error,
                    'cause': $substring({_REASON}, 0, {SENTENCE_LIMIT}) }} }}
""")
UNRECORDED = expression(f"""
    {{ 'failed': {{ 'stage': $states.input.stage.name, 'error': $states.input.error.Error,
                    'cause': $substring($string($states.input.error.Cause), 0, {SENTENCE_LIMIT}) }} }}
""")
PAGE_LOST = expression(f"""
    {{ 'failures': 1,
       'failed': {{ 'stage': 'page ' & $states.input.page, 'error': $states.errorOutput.Error,
                    'cause': $substring($string($states.errorOutput.Cause), 0, {SENTENCE_LIMIT}) }} }}
""")
PLAN_LOST = expression(f"{{ 'cause': $substring($string($states.errorOutput.Cause), 0, {CAUSE_LIMIT}) }}")
PLAN_CAUSE = expression("'the plan cannot be walked: ' & $states.input.cause")
