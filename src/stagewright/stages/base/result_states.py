"""States that record how a stage ends: succeeded, closed or failed, in the item `stage#<name>` of the runs
table.

If a stage with `retry` fails and can be retried, the attempt is recorded as `attempt#<name>#<attempt>`,
and the stage becomes the next stage of its chain again. The walker retries because the fields of a Retry
accept no expressions ("Handling errors in Step Functions workflows"), and because each attempt needs its
own job name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stagewright.asl import Catch, Choice, Pass, Rule, State, Task, Wait, expression
from stagewright.formats import FORMAT, ITEMS
from stagewright.naming import UNSUCCESSFUL
from stagewright.stages.base import expressions, retries
from stagewright.stages.base.expressions import (
    CARRIED,
    CAUSE_LIMIT,
    ELAPSED,
    OTHER_PARTS,
    OUTCOME,
    SENTENCE_LIMIT,
    attempted,
    bound_values,
    shortened,
    words_of,
)

DONE = "Last stage?"
"""The next state of a kind's states with a `result`."""
FAILED = "Another attempt?"
"""The next state of a kind's states with an `error`."""
CLOSED = "Record closed"
"""The next state of a gate whose condition does not hold and that does not fail the run."""
CAUGHT = Catch(FAILED, expressions.CAUGHT)

ATTEMPT_NUMBER = expression("$string($states.input.stage.attempt)")
RESULT_TEXT = expression(f"$string($merge([$states.input.result, {{ 'seconds': {ELAPSED} / 1000 }}]))")
RECORDED = expression(f"""
    ( $done := [$states.input.stage.name];
      $results := {{ $states.input.stage.name: $states.input.result }};
      $merge([{{ {CARRIED} }}, {{ 'stages': [$states.input.stages],
         'known': [$states.input.known, $done],
         'values': $merge([$states.input.values, {bound_values("$done", "$results")}]) }}]) )
""")
HAS_ENDED = expression("$count($states.input.stages) = 0")

# The Cause of a failed `.sync` job is its description as JSON. People need its FailureReason; of a Glue job
# run the ErrorMessage, and of a function the errorMessage. The expression searches for it, because $parse
# raises an error for text that is cut or is not JSON.
_FOUND = r"""
    $match($cause,
      /"(FailureReason|[Ee]rrorMessage)"\s*:\s*"((?:[^"\x5c\x00-\x1f]|\x5c["\x5c\/bfnrt]|\x5cu[0-9a-fA-F]{4})*)"/,
      1)
"""
_REASON = rf"""
    ( $cause := $string($states.input.error.Cause);
      $job := {_FOUND};
      $reason := $exists($job) ? $parse('"' & $job.groups[1] & '"')
        : $contains($cause, /"JobRunState"\s*:\s*"STOPPED"/) ? 'the job was stopped'
        : $contains($cause, '"MaxRuntimeExceeded"') ? 'the job ran longer than max_runtime_seconds'
        : $contains($cause,
            /"(Training|Processing|Transform|HyperParameterTuning)JobStatus"\s*:\s*"Stopped"/)
          ? 'the job was stopped'
        : {words_of("$cause")};
      $length($reason) > 0 ? $reason : $states.input.error.Error )
"""
# Without closed gates, rejected requests, unknown kinds, failed expressions and jobs that a person stopped.
CAN_RETRY = expression(r"""
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
      $named := $parse({attempted("$states.input.stage.retry.named", "$next")});
      $again := $merge([$states.input.stage, {{ 'attempt': $next }}, $named]);
      {{ 'stages': $append([$again], $states.input.stages), 'known': [$states.input.known],
         'wait': $states.input.stage.retry.wait, {CARRIED} }} )
""")
RETRY_WAIT = expression("$states.input.wait")
ERROR = expression("$states.input.error.Error")
CAUSE = expression(shortened(_REASON, CAUSE_LIMIT))
_FAILED = """
    {{ 'stage': $states.input.stage.name, 'error': $states.input.error.Error, 'cause': {0},
       'list': $states.input.stage.list, 'item': $states.input.stage.item,
       'failures': $states.input.stage.failures }}
"""


def _ended(changes: str, stages: str = OTHER_PARTS.format("$states.input.stage")) -> str:
    """Return an expression: the chain without the rest of the stage's part, and `changes` of its outcome."""
    return expression(f"""
        ( $before := $states.input.outcome;
          {{ 'stages': {stages}, 'known': [$states.input.known], 'values': $states.input.values,
             'closed': [$states.input.closed], 'outcome': $merge([$before, {changes}]) }} )
    """)


def _failure(cause: str) -> str:
    """Return an expression: the chain after a failure. An instance that failed closes what depends on it."""
    return _ended(f"""
        {{ 'failed': $append($before.failed, {_FAILED.format(cause)}),
           'closed': $append($before.closed,
             $exists($states.input.stage.list) ? $states.input.stage.name : []) }}
    """)


FAILURE = _failure(shortened(_REASON, SENTENCE_LIMIT))
UNRECORDED = _failure(shortened(words_of("$states.input.error.Cause"), SENTENCE_LIMIT))
ELSE_STOP = "$states.input.stage.else = 'stop'"
# The outcome of a closed gate. `reason` becomes the run's reason. `stop` has precedence over `skip`.
CLOSED_OUTPUT = _ended(
    f"""
    {{ 'closed': $append($before.closed, $states.input.stage.name),
       ({ELSE_STOP} ? 'stopped' : 'reason'):
         ({ELSE_STOP} ? 'stopped by gate ' : 'skipped the stages that depend on gate ')
           & $states.input.stage.name & ': ' & {shortened("$states.input.error.Cause", SENTENCE_LIMIT)} }}
    """,
    f"{ELSE_STOP} ? [] : {OTHER_PARTS.format('$states.input.stage')}",
)

_ALWAYS = {
    FORMAT: {"N": str(ITEMS["stage"])},
    "started": {"S": expression("$states.input.started")},
    "ended": {"S": expressions.NOW},
    "attempt": {"N": ATTEMPT_NUMBER},
    "job": {"S": expression("$states.input.stage.job")},
    "fingerprint": {"S": expression("$states.input.stage.fingerprint")},
    "inputs": {"S": expression("$states.input.stage.inputs")},
}
_GOOD = {
    "status": {"S": "SUCCEEDED"},
    "result": {"S": RESULT_TEXT},
    "stage_key": {"S": expression("$states.input.stage.stage_key")},
    **_ALWAYS,
}
_WHY = {"error": {"S": ERROR}, "cause": {"S": CAUSE}, **_ALWAYS}
_BAD_KEY = {"stage_key": {"S": expression(f"$states.input.stage.stage_key & '{UNSUCCESSFUL}'")}}
_BAD = {"status": {"S": "FAILED"}, **_BAD_KEY, **_WHY}
_SHUT = {"status": {"S": "CLOSED"}, **_BAD_KEY, **_WHY}


def states(following: str) -> dict[str, State]:
    """Return the states. The last stage of a chain has its own Task, which saves a Choice and a Pass (four
    events)."""
    good = _update(_GOOD, remove=("error", "cause"))
    return {
        DONE: Choice((Rule(HAS_ENDED, "Record last"),), default="Record"),
        "Record": Task("dynamodb:updateItem", good, RECORDED, following, retries.TABLE, CAUGHT),
        "Record last": Task("dynamodb:updateItem", good, OUTCOME, None, retries.TABLE, CAUGHT),
        FAILED: Choice((Rule(CAN_RETRY, "Record attempt"),), default="Record failure"),
        "Record attempt": Task(
            "dynamodb:updateItem",
            _update({**_WHY, FORMAT: {"N": str(ITEMS["attempt"])}}, key=ATTEMPT_KEY),
            NEXT_ATTEMPT,
            "Wait for next attempt",
            retries.TABLE,
            Catch("Failure unrecorded", expressions.INPUT),
        ),
        "Wait for next attempt": Wait(RETRY_WAIT, following),
        # An unsuccessful stage has its own key in the index, apart from good results.
        "Record failure": _unsuccessful(_BAD, FAILURE, following),
        CLOSED: _unsuccessful(_SHUT, CLOSED_OUTPUT, following),
        "Failure unrecorded": Pass(UNRECORDED, following),
    }


def _unsuccessful(values: Mapping[str, Any], output: str, following: str) -> Task:
    arguments = _update(values, remove=("result",))
    caught = Catch("Failure unrecorded", expressions.INPUT)
    return Task("dynamodb:updateItem", arguments, output, following, retries.TABLE, caught)


def _update(
    values: Mapping[str, Any], remove: tuple[str, ...] = (), key: str = expressions.STAGE_KEY
) -> dict[str, Any]:
    """Return the arguments of UpdateItem. Names use placeholders, because some are reserved words of
    DynamoDB."""
    assignments = ", ".join(f"#{name} = :{name}" for name in values)
    removals = f" REMOVE {', '.join(f'#{name}' for name in remove)}" if remove else ""
    return {
        "TableName": "${runs_table}",
        "Key": {"run": {"S": expressions.RUN_KEY}, "item": {"S": key}},
        "UpdateExpression": f"SET {assignments}{removals}",
        "ExpressionAttributeNames": {f"#{name}": name for name in (*values, *remove)},
        "ExpressionAttributeValues": {f":{name}": value for name, value in values.items()},
    }
