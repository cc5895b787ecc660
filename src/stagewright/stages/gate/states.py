"""The states of gate stages. The state machine evaluates the condition without calling a service."""

from __future__ import annotations

from stagewright.asl import Choice, Pass, Rule, State, expression
from stagewright.stages.base import result_states
from stagewright.stages.base.states import Entry, Permissions

# `request.py` describes the steps. On the stack, a value is {'value': v}, or {'lack': why} if it is missing.
# A comparison is {'why': text}, and the text is empty if the comparison holds. Nothing here may raise an
# error, because a Pass state cannot catch it. Some engines raise an error on overflow, so operands have a
# limited range. Results keep only numeric metrics, so a metric of another type counts as missing. If
# `$string` writes two different numbers with the same 15 digits, the message has their difference.
_OPERAND = """
    function($operand) { (
      $path := ($states.input.stage.bindings[token = $operand].$join(path, '.'))[0];
      $value := $exists($path) ? $lookup($states.input.values, $path) : $operand;
      $exists($value) ? { 'value': $value }
        : { 'lack': $substringBefore($path, '.') & ' has no ' & $substringAfter($path, '.')
              & ($contains($path, '.metrics.') ? ' that is a number' : '') } ) }
"""
_COMPUTE = """
    function($step, $left, $right) {
      $not($type($left) = 'number' and $type($right) = 'number')
        ? { 'lack': $step.text & ' computes with a value that is not a number' }
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
      $sides := [$string($left), $string($right)];
      $apart := $alike and $sides[0] = $sides[1] and $left != $right
        ? ' (they differ by ' & $string($abs($left - $right)) & ')' : '';
      { 'why': $holds ? ''
          : $step.text & ' does not hold: ' & $sides[0] & ' ' & $step.op & ' ' & $sides[1] & $apart } ) }
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

_STATES: dict[str, State] = {
    "Check gate": Pass(GATE, "Gate closed?"),
    "Gate closed?": Choice(
        (Rule(GATE_LETS_LIVE, result_states.CLOSED), Rule(GATE_CLOSED, result_states.FAILED)),
        default=result_states.DONE,
    ),
}
STATES = (Entry("Check gate", _STATES),)
PERMISSIONS: Permissions = {}
