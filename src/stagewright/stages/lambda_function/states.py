"""A Lambda function; the numbers of its answer are the stage's metrics, its texts and flags the stage's
answer."""

from __future__ import annotations

from stagewright.asl import Catch, State, Task
from stagewright.stages.base import expressions, result_states, retries
from stagewright.stages.base.expressions import with_
from stagewright.stages.base.states import Entry, Permissions

# The class and the message of an exception are the error's name and cause ("Lambda function handler errors in
# Python"; the JSON in the cause is read where the failure is recorded).
ANSWER = with_("""
    'result': $type($states.result.Payload) = 'object'
      ? { 'metrics': $merge([{}, $sift($states.result.Payload,
            function($value) { $type($value) = 'number' })]),
          'answer': $merge([{}, $each($states.result.Payload, function($value, $name) {
            $type($value) in ['string', 'boolean'] ? { $name: $string($value) } : {} })]) }
      : $error('the function answered no JSON object, but '
          & ($exists($states.result.Payload) ? 'the ' & $type($states.result.Payload) & ' '
              & $substring($string($states.result.Payload), 0, 100) : 'nothing'))
""")

_STATES: dict[str, State] = {
    "Call function": Task(
        "lambda:invoke",
        expressions.bound("Invoke"),
        ANSWER,
        result_states.DONE,
        retries.FUNCTIONS,
        Catch(result_states.FAILED, expressions.LATE_OR_CAUGHT),
        expressions.TIMEOUT,
    )
}
STATES = (Entry("Call function", _STATES),)
PERMISSIONS: Permissions = {
    "Functions": ("lambda:InvokeFunction",),
}
