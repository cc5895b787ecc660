"""The state of callback stages: a message with the task token, and the wait for the token.

The numbers of the returned object become the stage's metrics, and its texts and flags the stage's answer.
"""

from __future__ import annotations

from stagewright.asl import Catch, State, Task, expression
from stagewright.stages.base import expressions, result_states
from stagewright.stages.base.expressions import bound, with_
from stagewright.stages.base.states import Entry, Permissions

TOKEN = expression("$states.context.Task.Token")
ANSWER = with_("""
    'result': $type($states.result) = 'object'
      ? { 'metrics': $merge([{}, $sift($states.result, function($value) { $type($value) = 'number' })]),
          'answer': $merge([{}, $each($states.result, function($value, $name) {
            $type($value) in ['string', 'boolean'] ? { $name: $string($value) } : {} })]) }
      : $error('the output that was returned with the token is not a JSON object')
""")

_STATES: dict[str, State] = {
    "Call back": Task(
        "sqs:sendMessage.waitForTaskToken",
        {
            "QueueUrl": bound("Message", "queue"),
            # Step Functions sends an object as its JSON text ("Perform operations on Amazon SQS").
            "MessageBody": {
                "token": TOKEN,
                "arguments": bound("Message", "payload"),
                "run": expression(expressions.RUN),
                "stage": expression("$states.input.stage.name"),
            },
        },
        ANSWER,
        result_states.DONE,
        (),
        Catch(result_states.FAILED, expressions.LATE_OR_CAUGHT),
        expressions.TIMEOUT,
    )
}
STATES = (Entry("Call back", _STATES),)
PERMISSIONS: Permissions = {
    "Callbacks": ("sqs:SendMessage",),
}
