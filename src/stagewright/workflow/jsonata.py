"""Every JSONata expression of the machine, each named once.

Only what JSONata 2.0.6 has (Step Functions implements that version, without `$eval`, with `$parse`): so no
`??`, no `?:` without a middle. No recursion, and one line each, since AWS's language service refuses line
breaks in a string.
Two habits of JSONata to know when reading: an array of one loses its brackets in a path, `[...]` puts them
back; and `x.y[0]` takes the first of each `x`, `(x.y)[0]` the first of all.

What a walker carries from state to state:
`stage` (now), `stages` (left), `values` (bound value by dotted path: `{"evaluate.metrics.r2": 0.91}`),
`known` (stages whose values have been taken up), `started` (ISO 8601), and as they come `result`, `error`,
`package`, and what a kind of stage names in its own module. `$string` gives numbers with 15 significant
digits; a gate therefore compares values, not texts.
"""

from __future__ import annotations

from stagewright.plan.model import ATTEMPT, PLAN_FORMAT

BATCH = 25
"""Results fetched at once. DynamoDB's BatchGetItem takes 100 keys, but all of them must fit into 256 KiB."""
CAUSE_LIMIT = 4_000
"""Characters of a cause kept with the stage."""
SENTENCE_LIMIT = 400
"""Characters of a cause handed up: those of a page of 300 failed chains must fit into a state's 256 KiB."""
METRICS_LIMIT = 64 * 1024
"""Bytes of a metrics file. One more is asked for, to see whether there is more: a state above 256 KiB could
not be caught."""
LONGEST_POLL = 40
"""Seconds between two looks at an endpoint: 4 hours of waiting stay under 3,300 history events."""


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

REST = "[$filter($states.input.{0}, function($item, $index) {{ $index > 0 }})]"
ELAPSED = "($millis() - $toMillis($states.input.started))"


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
      ? {{ 'chains': $parse($states.result.Item.chains.S), 'closed': [$states.input.closed] }}
      : $error('page ' & $states.input.page & ' of run ' & {RUN} & ' is not in the table')
""")
WAVE_PAGES = expression("[$states.input.waves[0].pages]")
PAGE_CHAINS = expression("$states.input.chains")
HAS_FAILED = expression("$states.input.failures > 0")
HAS_STOPPED = expression("$exists($states.input.stopped)")
HAS_WAVE = expression("$count($states.input.waves) > 0")

# Chains hand up failures only: the results lie in the table, and a thousand of them would not fit into a
# state.
# `closed`, `stopped` and `reason` are there only where a gate is closed.
PAGE_ENDED = expression("""
    { 'failures': $count($states.result.failed), 'failed': ($states.result.failed)[0],
      'closed': $states.result.closed, 'stopped': ($states.result.stopped)[0],
      'reason': ($states.result.reason)[0] }
""")
WAVE_ENDED = expression(f"""
    {{ 'waves': {REST.format("waves")},
       'failures': $sum($states.result.failures),
       'failed': ($states.result.failed)[0],
       'closed': $append($states.input.closed, $states.result.closed),
       'stopped': ($states.result.stopped)[0],
       'reason': $append($states.input.reason, $states.result.reason)[0] }}
""")
CLOSED_BEFORE = expression("[$states.input.closed]")
RUN_ENDED = expression(f"""
    $merge([{{ 'run': {RUN} }}, $exists($states.input.closed) ? {{ 'reason':
      $exists($states.input.stopped) ? $states.input.stopped : $states.input.reason }} : {{}}])
""")
RUN_CAUSE = expression("""
    $states.input.failed.stage & ': ' & $states.input.failed.cause
      & ($states.input.failures > 1 ? ' (and ' & $string($states.input.failures - 1) & ' more failed)' : '')
""")

# The walker's next stage

_NEXT = "$states.input.stages[0]"
# Only the first stage of a chain can depend on a gate of an earlier wave other than through its chain.
IS_SHUT_OUT = expression(f"""
    $exists($states.input.stopped) or $count({_NEXT}.gates[$ in $states.input.closed]) > 0
""")
HAS_TO_LOOK = expression(f"""
    $exists({_NEXT}.watch) and $not($states.input.looked = {_NEXT}.name)
""")
LOOK_KEYS = expression(f"[{_NEXT}.watch.{{ 'run': {{ 'S': {RUN} }}, 'item': {{ 'S': 'stage#' & $ }} }}]")
LOOKED = expression(f"""
    $merge([$states.input, $count($states.result.UnprocessedKeys.*) = 0 ? {{ 'looked': {_NEXT}.name }} : {{}},
      'CLOSED' in $states.result.Responses.*.status.S ? {{ 'stopped': true }} : {{}}])
""")

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
    {{ 'stage': $states.input.stages[0], 'stages': {REST.format("stages")},
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


def _attempted(text: str, attempt: str) -> str:
    """Names and places of one attempt (only those of a stage with `retry` leave it open)."""
    return f"$join($split({text}, '{ATTEMPT}'), $string({attempt}))"


def bound(operation: str, member: str = "") -> str:
    """The stage's request for `operation` with all run-time values in; or one member of it."""
    request = _attempted(f"$states.input.stage.requests.{operation}", "$states.input.stage.attempt")
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

# `plan/requests/gate.py` has the steps. On the stack a value is {'value': v}, or {'lack': why} where it is
# missing; what has been judged is {'why': text}, empty where it holds. Nothing here may raise, since a
# Pass state cannot catch. An overflow does raise in some engines: so operands have a range of their own.
_OPERAND = """
    function($operand) { (
      $path := ($states.input.stage.bindings[token = $operand].$join(path, '.'))[0];
      $value := $exists($path) ? $lookup($states.input.values, $path) : $operand;
      $exists($value) ? { 'value': $value }
        : { 'lack': $substringBefore($path, '.') & ' has no ' & $substringAfter($path, '.') } ) }
"""
_COMPUTE = """
    function($step, $left, $right) {
      $not($type($left) = 'number' and $type($right) = 'number')
        ? { 'lack': $step.text & ' computes with what is no number' }
      : $step.op = '/' and $right = 0 ? { 'lack': $step.text & ' divides by zero' }
      : $max([$abs($left), $abs($right)]) > 1e150 or ($step.op = '/' and $abs($right) < 1e-150)
        ? { 'lack': $step.text & ' is out of range' }
      : { 'value': $step.op = '+' ? $left + $right : $step.op = '-' ? $left - $right
            : $step.op = '*' ? $left * $right : $left / $right } }
"""
_COMPARE = """
    function($step, $left, $right) { (
      $alike := $type($left) = $type($right) and $type($left) in ['number', 'string'];
      $holds := $step.op = '==' ? $left = $right : $step.op = '!=' ? $left != $right
        : $not($alike) ? false
        : $step.op = '>=' ? $left >= $right : $step.op = '<=' ? $left <= $right
        : $step.op = '>' ? $left > $right : $step.op = '<' ? $left < $right : false;
      { 'why': $holds ? ''
          : $step.text & ' does not hold: ' & $string($left) & ' ' & $step.op & ' ' & $string($right) } ) }
"""
_JUDGE = """
    function($step, $left, $right) { (
      $lack := $exists($left.lack) ? $left.lack : $right.lack;
      $open := $left.why = '' or $right.why = '';
      $step.op = 'and' ? { 'why': $left.why & ($open ? '' : '; ') & $right.why }
        : $step.op = 'or' ? { 'why': $open ? '' : $left.why & '; ' & $right.why }
        : $step.op in ['+', '-', '*', '/']
          ? ($exists($lack) ? { 'lack': $lack } : $compute($step, $left.value, $right.value))
        : $exists($lack) ? { 'why': $lack } : $compare($step, $left.value, $right.value) ) }
"""
GATE = expression(f"""
    ( $operand := {_OPERAND};
      $compute := {_COMPUTE};
      $compare := {_COMPARE};
      $judge := {_JUDGE};
      $stack := $reduce($parse($states.input.stage.requests.Gate), function($stack, $step) {{ (
        $left := $count($stack) - 2;
        $step.op = 'value' ? $append($stack, $operand($step.value))
          : $step.op = 'holds' ? $append($stack, {{ 'why': '' }})
          : $append($filter($stack, function($each, $index) {{ $index < $left }}),
                    $judge($step, $stack[$left], $stack[$left + 1])) ) }}, []);
      $merge([$states.input, {{ 'result': {{}} }}, $stack[0].why = '' ? {{}}
        : {{ 'error': {{ 'Error': 'Stagewright.GateClosed', 'Cause': $stack[0].why }} }}]) )
""")
GATE_CLOSED = expression("$exists($states.input.error)")
GATE_LETS_LIVE = expression("$exists($states.input.error) and $exists($states.input.stage.else)")
ELSE_STOP = "$states.input.stage.else = 'stop'"
# What a closed gate hands up. `reason` is the run's; a stop's outranks a skip's.
CLOSED = expression(f"""
    {{ 'closed': [$states.input.stage.name],
       ({ELSE_STOP} ? 'stopped' : 'reason'):
         ({ELSE_STOP} ? 'stopped by gate ' : 'without what depends on gate ')
           & $states.input.stage.name & ': ' & $substring($states.input.error.Cause, 0, {SENTENCE_LIMIT}) }}
""")

# Waiting for what takes its time

ALREADY_THERE = expression("$contains($lowercase('' & $states.input.error.Cause), 'already exist')")
IS_LATE = expression(f"{ELAPSED} > $states.input.stage.timeout * 1000")
POLL = expression(f"$min([{LONGEST_POLL}, 1 + $floor({ELAPSED} / 5000)])")

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

# Recording

STAGE_KEY = expression("'stage#' & $states.input.stage.name")
NOW = expression("$now()")
ATTEMPT_NUMBER = expression("$string($states.input.stage.attempt)")
RESULT_TEXT = expression(f"$string($merge([$states.input.result, {{ 'seconds': {ELAPSED} / 1000 }}]))")
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
        : $contains($cause,
            /"(Training|Processing|Transform|HyperParameterTuning)JobStatus"\s*:\s*"Stopped"/)
          ? 'the job was stopped'
        : $contains($cause, 'D3137: ') ? $substringAfter($cause, 'D3137: ') : $cause;
      $length($reason) > 0 ? $reason : $states.input.error.Error )
"""
# Not what was judged (gates), refused (the same request again), impossible, or stopped by somebody.
MAY_BE_TRIED_AGAIN = expression(r"""
    ( $cause := '' & $states.input.error.Cause;
      $exists($states.input.stage.retry) and $exists($states.input.known)
      and $states.input.stage.attempt < $states.input.stage.retry.attempts
      and $not($states.input.error.Error in
        ['Stagewright.GateClosed', 'Stagewright.UnknownKind', 'States.QueryEvaluationError'])
      and $not($contains($cause, /ValidationException|AccessDenied/))
      and ($contains($cause, '"MaxRuntimeExceeded"')
        or $not($contains($cause, /"[A-Za-z]+JobStatus"\s*:\s*"Stopped"/))) )
""")
ATTEMPT_KEY = expression("""
    'attempt#' & $states.input.stage.name & '#' & $formatNumber($states.input.stage.attempt, '00')
""")
NEXT_ATTEMPT = expression(f"""
    ( $next := $states.input.stage.attempt + 1;
      $named := $parse({_attempted("$states.input.stage.retry.named", "$next")});
      $again := $merge([$states.input.stage, {{ 'attempt': $next }}, $named]);
      {{ 'stages': $append([$again], $states.input.stages),
         'values': $states.input.values, 'known': [$states.input.known],
         'wait': $states.input.stage.retry.wait }} )
""")
RETRY_WAIT = expression("$states.input.wait")
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
