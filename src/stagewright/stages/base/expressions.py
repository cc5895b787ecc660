"""JSONata expressions that several parts of the state machine share.

The expressions use JSONata 2.0.6, which Step Functions implements without `$eval` and with `$parse`. So there
is no `??` and no `?:` without a middle. There is no recursion, and each expression is one line, because AWS's
language service rejects line breaks in strings.

Two rules of JSONata matter for reading. In a path, an array with one item loses its brackets, and `[...]`
restores them. `x.y[0]` takes the first item of each `x`, and `(x.y)[0]` the first item of all.

The walker's state input has these fields:

| field | content |
|---|---|
| `stage` | the stage that runs |
| `stages` | the next stages of the chain |
| `values` | dotted path -> value: `{"evaluate.metrics.r2": 0.91}` |
| `known` | the stages whose values are in `values` |
| `closed` | the gates that are closed and the instances that failed, in earlier waves |
| `outcome` | what the chain returns: `failed`, `closed`, `stopped`, `reason`; each only if there is any |
| `started` | the start of the stage, ISO 8601 |
| `result`, `error` | the end of the stage |

Kinds add fields of their own. `$string` writes numbers with 15 significant digits, so a gate compares values
and not texts.
"""

from __future__ import annotations

from stagewright.asl import expression
from stagewright.naming import ATTEMPT

CAUSE_LIMIT = 4_000
"""Characters of a cause in the stage's record."""
SENTENCE_LIMIT = 400
"""Characters of a cause in a chain's output. A page of 300 failed chains must fit into a state's 256 KiB."""
LONGEST_POLL = 40
"""Maximum seconds between two polls. With it, 4 hours of waiting cost fewer than 3,300 history events."""


RUN = "$states.context.Execution.Input.run"
KIND = "$states.input.stages[0].kind"
INPUT = expression("$states.input")
ITEM = expression("$states.context.Map.Item.Value")
RUN_KEY = expression(RUN)
TIMEOUT = expression("$states.input.stage.timeout")

REST = "[$filter($states.input.{0}, function($item, $index) {{ $index > 0 }})]"
ELAPSED = "($millis() - $toMillis($states.input.started))"

CARRIED = """
    'values': $states.input.values, 'closed': [$states.input.closed], 'outcome': $states.input.outcome
"""
"""Members of the walker's state that every stage of a chain passes on."""
TAKE = expression(f"""
    {{ 'stage': $states.input.stages[0], 'stages': {REST.format("stages")},
       'known': [$states.input.known], 'started': $now(), {CARRIED} }}
""")
OTHER_PARTS = "[$filter($states.input.stages, function($next) {{ $next.part != {0}.part }})]"
"""The stages of the chain's other parts. None, if the chain has one part: it has no number."""
OUTCOME = expression("$states.input.outcome")


def with_(fields: str) -> str:
    """Return an expression: the input with `fields` (members of a JSONata object) merged in."""
    return expression(f"$merge([$states.input, {{ {fields} }}])")


def bound_values(names: str, results: str) -> str:
    """Return an expression: the values of `results` ({{stage: result}}) that the rest of the chain refers
    to."""
    return f"""
        $merge($states.input.stages.bindings[path[0] in {names}].(
          $value := $reduce(path, function($at, $key) {{ $lookup($at, $key) }}, {results});
          $exists($value) ? {{ $join(path, '.'): $value }} : {{}} ))
    """


# Two passes over the text, however many values there are: tokens that are a whole JSON string, then those
# inside a string. $split and $join replace, because $replace interprets `$` in a value. `<<` inside a value
# becomes a JSON escape with the same meaning, so that no value is mistaken for a token. `[...]` makes $string
# quote a text. Brackets are removed by pattern: on AWS, $length counts code points and $substring cuts UTF-16
# units (measured by iwamot/sfnx, docs/design.md).
_FILL = r"""
  ( $safe := function($part) { $join($split($part, '<<'), '\\u003c<') };
    $values := $merge($map($append([], $states.input.stage.bindings), function($binding) { (
      $path := $join($binding.path, '.');
      $value := $lookup($states.input.values, $path);
      $inner := $exists($value) ? $safe($replace($string([$string($value)]), /^\["|"\]$/, ''))
        : $error($binding.path[0] & ' has no ' & $substringAfter($path, '.'));
      { $substringBefore($substringAfter($binding.token, '<<'), '>>'): {
        'inner': $inner,
        'whole': $type($value) = 'string' ? '"' & $inner & '"' : $safe($string($value)) } } ) }));
    $text := $join($map($split($join($split(TEXT, '\\"<<'), '\\u0022<<'), '"<<'), function($part, $index) { (
      $value := $lookup($values, $substringBefore($part, '>>'));
      $rest := $substringAfter($part, '>>');
      $index = 0 ? $part
        : $exists($value) and $substringBefore($rest, '"') = '' ? $value.whole & $substringAfter($rest, '"')
        : '"<<' & $part ) }));
    $parse($join($map($split($text, '<<'), function($part, $index) { (
      $value := $lookup($values, $substringBefore($part, '>>'));
      $index = 0 ? $part : $exists($value) ? $value.inner & $substringAfter($part, '>>')
        : '<<' & $part ) }))) )
"""


def shortened(text: str, limit: int) -> str:
    """Return an expression: at most `limit` characters of `text`.

    AWS's $substring fails if a text has a character outside the BMP and fewer characters than are requested.
    From the start of a text, its two units lead to the same cut.
    """
    most = f"$min([{limit}, $length($whole)])"
    return f"( $whole := {text}; $most := {most}; $substring($whole, 0, $most) )"


EVALUATION = "threw an error during evaluation. "
"""The last words of AWS before the message of a failed expression."""


def words_of(cause: str) -> str:
    """Return an expression: the message of a failed expression, otherwise the whole cause.

    AWS puts the text of the failed expression before the message, and the code D3137 before that of $error.
    """
    return f"""
        ( $cause := $string({cause});
          $words := $contains($cause, '{EVALUATION}') ? $substringAfter($cause, '{EVALUATION}') : $cause;
          $contains($words, 'D3137: ') ? $substringAfter($words, 'D3137: ') : $words )
    """


def attempted(text: str, attempt: str) -> str:
    """Return an expression: `text` with the attempt number in names and locations of a stage with `retry`."""
    return f"$join($split({text}, '{ATTEMPT}'), $string({attempt}))"


def bound(operation: str, member: str = "") -> str:
    """Return an expression: the stage's request for `operation` with all values filled in, or one member
    of it."""
    return expression(filled(operation, member))


def filled(operation: str, member: str = "") -> str:
    """Return the text of `bound`, for use in another expression."""
    request = attempted(f"$states.input.stage.requests.{operation}", "$states.input.stage.attempt")
    whole = _FILL.replace("TEXT", request)
    return f"({whole}).{member}" if member else whole


ALREADY_THERE = expression("$contains($lowercase('' & $states.input.error.Cause), 'already exist')")
IS_LATE = expression(f"{ELAPSED} > $states.input.stage.timeout * 1000")
POLL = expression(f"$min([{LONGEST_POLL}, 1 + $floor({ELAPSED} / 5000)])")
STAGE_KEY = expression("'stage#' & $states.input.stage.name")
NOW = expression("$now()")
CAUGHT = with_("'error': $states.errorOutput")
LATE_OR_CAUGHT = with_("""
    'error': $states.errorOutput.Error = 'States.Timeout'
      ? { 'Error': 'States.Timeout',
          'Cause': 'it did not end within ' & $string($states.input.stage.timeout) & ' seconds' }
      : $states.errorOutput
""")
