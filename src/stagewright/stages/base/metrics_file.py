"""States that read the metrics file of a job when the job has ended."""

from __future__ import annotations

from stagewright.asl import Catch, Task, expression
from stagewright.stages.base import result_states, retries
from stagewright.stages.base.expressions import with_, words_of

LIMIT = 64 * 1024
"""Maximum bytes of a metrics file. The state reads one byte more to detect larger files, because a state
above 256 KiB may fail in a way that cannot be caught."""

FILE = "'s3://' & $states.input.stage.metrics.bucket & '/' & $states.input.stage.metrics.key"
VALUES = "$states.input.stage.metrics.values"
# A name of an object, or an index of a list. Anything else has nothing there.
STEP = """function($value, $step) { $type($step) = 'number'
    ? ($type($value) = 'array' ? $value[$step])
    : ($type($value) = 'object' ? $lookup($value, $step)) }"""
NAMED_METRICS = f"""
    ( $step := {STEP};
      $read := function($metric) {{ $reduce($metric.steps, $step, $body) }};
      $wrong := $map({VALUES}, function($metric) {{
          ( $value := $read($metric);
            $type($value) = 'number' ? ()
              : 'metrics.' & $metric.name & ': ' & ($exists($value)
                  ? $metric.path & ' is not a number (' & $type($value) & ')'
                  : 'there is nothing at ' & $metric.path) ) }});
      $exists($wrong)
        ? $error('metrics file ' & {FILE} & ': ' & $join($wrong, '; '))
        : $merge($map({VALUES}, function($metric) {{ {{ $metric.name: $read($metric) }} }})) )"""
TOP_LEVEL = "$merge([{}, $sift($body, function($value) { $type($value) = 'number' })])"
RESULT = expression(f"""
    ( $body := $max([$states.result.ContentLength, $length($states.result.Body)]) > {LIMIT}
        ? $error('metrics file ' & {FILE} & ' is larger than {LIMIT // 1024} KiB: '
            & 'write numbers only')
        : $parse($states.result.Body);
      $type($body) = 'object'
        ? $merge([$states.input, {{ 'result': $merge([$states.input.result, {{ 'metrics':
            $exists({VALUES}) ? {NAMED_METRICS} : {TOP_LEVEL} }}]) }}])
        : $error('metrics file ' & {FILE} & ' is not a JSON object') )
""")
# S3 rejects a range of an empty object with status 416, and its SDK has no exception class for that.
NO_METRICS = with_(f"""
    'error': {{ 'Error': $states.errorOutput.Error,
                'Cause': ( $file := 'metrics file ' & {FILE};
                  $message := {words_of("$states.errorOutput.Cause")};
                  $contains($states.errorOutput.Error, 'NoSuchKey') ? $file & ' was not written by the job'
                    : $contains($message, 'Status Code: 416') ? $file & ' is empty'
                    : $contains($message, $file) ? $message
                    : $file & ': ' & $message ) }}
""")

NAMED = "$exists($states.input.stages[0].metrics.key)"
"""Whether the next stage has a metrics file."""
READ = "Read metrics"
STATES = {
    READ: Task(
        "aws-sdk:s3:getObject",
        {
            "Bucket": expression("$states.input.stage.metrics.bucket"),
            "Key": expression("$states.input.stage.metrics.key"),
            "Range": f"bytes=0-{LIMIT}",
        },
        RESULT,
        result_states.DONE,
        retries.OBJECTS,
        Catch(result_states.FAILED, NO_METRICS),
    )
}
