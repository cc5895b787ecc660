"""JSONata as the machine speaks it, and the expressions that several of its parts share. All others are named
once, above the states that they are of.

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

from stagewright.asl import expression
from stagewright.naming import ATTEMPT

CAUSE_LIMIT = 4_000
"""Characters of a cause kept with the stage."""
SENTENCE_LIMIT = 400
"""Characters of a cause handed up: those of a page of 300 failed chains must fit into a state's 256 KiB."""
LONGEST_POLL = 40
"""Seconds between two looks at an endpoint: 4 hours of waiting stay under 3,300 history events."""


RUN = "$states.context.Execution.Input.run"
KIND = "$states.input.stages[0].kind"
INPUT = expression("$states.input")
ITEM = expression("$states.context.Map.Item.Value")
RUN_KEY = expression(RUN)
TIMEOUT = expression("$states.input.stage.timeout")

REST = "[$filter($states.input.{0}, function($item, $index) {{ $index > 0 }})]"
ELAPSED = "($millis() - $toMillis($states.input.started))"

TAKE = expression(f"""
    {{ 'stage': $states.input.stages[0], 'stages': {REST.format("stages")},
       'values': $states.input.values, 'known': [$states.input.known], 'started': $now() }}
""")


def with_(fields: str) -> str:
    """The input with `fields` (members of a JSONata object) put over it."""
    return expression(f"$merge([$states.input, {{ {fields} }}])")


def bound_values(names: str, results: str) -> str:
    """Of `results` ({{stage: result}}) only what the rest of the chain is bound to, by dotted path."""
    return f"""
        $merge($states.input.stages.bindings[path[0] in {names}].(
          $value := $reduce(path, function($at, $key) {{ $lookup($at, $key) }}, {results});
          $exists($value) ? {{ $join(path, '.'): $value }} : {{}} ))
    """


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


def attempted(text: str, attempt: str) -> str:
    """Names and places of one attempt (only those of a stage with `retry` leave it open)."""
    return f"$join($split({text}, '{ATTEMPT}'), $string({attempt}))"


def bound(operation: str, member: str = "") -> str:
    """The stage's request for `operation` with all run-time values in; or one member of it."""
    request = attempted(f"$states.input.stage.requests.{operation}", "$states.input.stage.attempt")
    whole = f"$parse($reduce($append([], $states.input.stage.bindings), {_BIND_ONE}, {request}))"
    return expression(f"({whole}).{member}" if member else whole)


ALREADY_THERE = expression("$contains($lowercase('' & $states.input.error.Cause), 'already exist')")
IS_LATE = expression(f"{ELAPSED} > $states.input.stage.timeout * 1000")
POLL = expression(f"$min([{LONGEST_POLL}, 1 + $floor({ELAPSED} / 5000)])")
STAGE_KEY = expression("'stage#' & $states.input.stage.name")
NOW = expression("$now()")
CAUGHT = with_("'error': $states.errorOutput")
LATE_OR_CAUGHT = with_("""
    'error': $states.errorOutput.Error = 'States.Timeout'
      ? { 'Error': 'States.Timeout',
          'Cause': 'it had not ended after ' & $string($states.input.stage.timeout) & ' seconds' }
      : $states.errorOutput
""")
