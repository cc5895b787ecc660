"""The state of lambda stages.

The numbers of the function's response become the stage's metrics, and its texts and flags the stage's answer.
"""

from __future__ import annotations

from stagewright.asl import Catch, State, Task
from stagewright.stages.base import expressions, result_states, retries
from stagewright.stages.base.expressions import shortened, with_
from stagewright.stages.base.states import Entry, Permissions

# The class and message of an exception become the name and cause of the error ("Lambda function handler
# errors in Python"). The state that records the failure reads the JSON in the cause.
ANSWER = with_(
    """
    'result': $type($states.result.Payload) = 'object'
      ? { 'metrics': $merge([{}, $sift($states.result.Payload,
            function($value) { $type($value) = 'number' })]),
          'answer': $merge([{}, $each($states.result.Payload, function($value, $name) {
            $type($value) in ['string', 'boolean'] ? { $name: $string($value) } : {} })]) }
      : $error('the response of the function is not a JSON object, but '
          & ($exists($states.result.Payload) ? 'the ' & $type($states.result.Payload) & ' '
              & """
    + shortened("$string($states.result.Payload)", 100)
    + """ : 'nothing'))
"""
)

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
