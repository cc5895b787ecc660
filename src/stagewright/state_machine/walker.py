"""The walker runs the stages of a chain one after another. It is always inside a Map.

A chain may have several independent parts (`planner.lanes`). A stage that fails, or that a gate closes, ends
its part, and the walker continues with the next one.

History events per stage, as AWS counts them. A Task has 5: entered, scheduled, started, succeeded, exited. A
`.sync` Task also has submitted. Choice, Pass and Wait have 2 each, and a Map iteration 2:

| | a stage within a chain | a chain of one |
|---|---|---|
| training; processing without metrics; transform of a model | 2 + 6 + 2 + 5 = 15 | + 2 = 17 |
| processing with metrics; tuning; transform of another model | 2 + 6 + 5 + 2 + 5 = 20 | + 2 = 22 |
| model | 2 + 5 + 2 + 5 = 14 | + 2 = 16 |
| gate | 2 + 2 + 2 + 2 + 5 = 13 | + 2 = 15 |
| a stage that serves a model package, more | + 12 | + 12 |
| glue | as processing | |
| lambda | 2 + 5 + 2 + 5 = 14 | + 2 = 16 |
| approval (of a package) | 2 + 6 + 2 + 5 = 15 (+ 7) | + 2 = 17 |
| first reference to stages of an earlier wave (25 at once) | + 7 | + 7 |
| a failed stage, once per chain | + 4 | + 4 |
| a failed attempt that is not the last: job 6, choices 4, record 5, wait 2 | + 17 | + 17 |
| a stage in the same wave as a gate with `else: stop` | + 7 | + 7 |
| the first stage of a part behind a closed gate (the others cost nothing) | 4, and 4 once per chain | 10 |

A page adds 2 + 5 + 4 = 11 events, a wave 2 + 4, and the run 11. So 1,000 independent training stages on 20
pages make 17,237 events, and a chain of 1,000 makes 15,030. AWS ends an execution at 25,000 events.
"""

from __future__ import annotations

from stagewright.asl import Catch, Choice, Pass, Rule, State, Task, expression
from stagewright.stages.base import result_states, retries
from stagewright.stages.base.expressions import (
    CARRIED,
    KIND,
    OTHER_PARTS,
    OUTCOME,
    REST,
    RUN,
    bound_values,
)
from stagewright.stages.base.states import Entry
from stagewright.stages.registry import KINDS

START = "Next stage"


BATCH = 25
"""Results per request. BatchGetItem of DynamoDB accepts 100 keys, but the results must fit into 256 KiB."""

_NEXT = "$states.input.stages[0]"
HAS_ENDED = expression("$count($states.input.stages) = 0")
# How many items the stages that an entry of `gathers` names have among the closed ones.
_LOST = """
    $count($distinct($closed[$substringBefore($, '/') in {0}].$substringAfter($, '/')))
"""
_LACKS_INSTANCES = f"""
    ( $closed := $states.input.closed;
      $count($filter({_NEXT}.gathers, function($gathered) {{
        {_LOST.format("$gathered.stages")} > $gathered.failures
          or {_LOST.format("$append($gathered.stages, $gathered.skips)")} = $gathered.items }})) > 0 )
"""
# Only the first stage of a part can depend directly on a gate or an instance of an earlier wave.
IS_BEHIND_CLOSED_GATE = expression(f"""
    $exists($states.input.stopped) or $count({_NEXT}.gates[$ in $states.input.closed]) > 0
      or {_LACKS_INSTANCES}
""")
PART_SKIPPED = expression(f"""
    {{ 'stages': $exists($states.input.stopped) ? [] : {OTHER_PARTS.format(_NEXT)},
       'known': [$states.input.known], {CARRIED} }}
""")
HAS_GATES_TO_READ = expression(f"""
    $exists({_NEXT}.watch) and $not($states.input.looked = {_NEXT}.name)
""")
GATE_KEYS = expression(f"[{_NEXT}.watch.{{ 'run': {{ 'S': {RUN} }}, 'item': {{ 'S': 'stage#' & $ }} }}]")
GATES_READ = expression(f"""
    $merge([$states.input, $count($states.result.UnprocessedKeys.*) = 0 ? {{ 'looked': {_NEXT}.name }} : {{}},
      'CLOSED' in $states.result.Responses.*.status.S ? {{ 'stopped': true }} : {{}}])
""")

# Stages of earlier waves that the next stage refers to and whose values this chain does not have yet.
_UNKNOWN = """
    $filter($distinct($states.input.stages[0].bindings.path[0]),
            function($name) { $not($name in $states.input.known) })
"""
_TO_FETCH = f"[$filter([{_UNKNOWN}], function($name, $index) {{ $index < {BATCH} }})]"
HAS_UNKNOWN = expression(f"$count({_UNKNOWN}) > 0")


def _failed_stage(error: str) -> str:
    """Return an expression that takes the next stage only to record it as failed."""
    return expression(f"""
        {{ 'stage': $states.input.stages[0], 'stages': {REST.format("stages")}, 'started': $now(),
           'error': {error}, {CARRIED} }}
    """)


UNKNOWN_KIND = _failed_stage(f"""
    {{ 'Error': 'Stagewright.UnknownKind', 'Cause': 'this state machine does not know the kind ' & {KIND} }}
""")
NO_VALUES = _failed_stage("$states.errorOutput")

FETCH_KEYS = expression(f"[{_TO_FETCH}.{{ 'run': {{ 'S': {RUN} }}, 'item': {{ 'S': 'stage#' & $ }} }}]")
# A stage in UnprocessedKeys stays unknown, and the next round fetches it.
FETCHED = expression(f"""
    ( $late := [$states.result.UnprocessedKeys.*.Keys.item.S];
      $names := [$filter({_TO_FETCH}, function($name) {{ $not(('stage#' & $name) in $late) }})];
      $found := $merge($states.result.Responses.*[$exists(result.S)].{{
        $substringAfter(item.S, 'stage#'): $parse(result.S) }});
      $merge([$states.input, {{
        'known': [$states.input.known, $names],
        'values': $merge([$states.input.values, {bound_values("$names", "$found")}]) }}]) )
""")


def states() -> dict[str, State]:
    """Return the states of the walker, with those of all kinds."""
    entries: list[tuple[str, Entry]] = [
        (kind.name, entry) for kind in KINDS.values() for entry in kind.states
    ]
    kinds = {name: state for _, entry in entries for name, state in entry.states.items()}
    return {
        START: Choice(
            (
                Rule(HAS_ENDED, "Chain ended"),
                Rule(IS_BEHIND_CLOSED_GATE, "Behind closed gate"),
                Rule(HAS_GATES_TO_READ, "Read gates"),
                Rule(HAS_UNKNOWN, "Fetch values"),
                *(entry.rule(kind) for kind, entry in entries),
            ),
            default="Unknown kind",
        ),
        # The rest of the part depends on its first stage, and so on the gate. Closing the run records stages
        # that never started.
        "Behind closed gate": Pass(PART_SKIPPED, START),
        # A chain that succeeds ends with its last stage.
        "Chain ended": Pass(OUTCOME, None),
        "Read gates": _read_gates(),
        "Fetch values": _fetch(),
        "Unknown kind": Pass(UNKNOWN_KIND, result_states.FAILED),
        **kinds,
        **result_states.states(following=START),
    }


def _fetch() -> Task:
    """Fetch values of earlier waves from the runs table, because they would exceed a state's 256 KiB."""
    return _read(FETCH_KEYS, ("item", "result"), FETCHED)


def _read_gates() -> Task:
    """Read the results of gates in parallel chains from the runs table: chains share no state."""
    return _read(GATE_KEYS, ("status",), GATES_READ)


def _read(keys: str, attributes: tuple[str, ...], output: str) -> Task:
    table = {
        "Keys": keys,
        "ConsistentRead": True,
        "ProjectionExpression": ", ".join(f"#{name}" for name in attributes),
        "ExpressionAttributeNames": {f"#{name}": name for name in attributes},
    }
    return Task(
        "aws-sdk:dynamodb:batchGetItem",
        {"RequestItems": {"${runs_table}": table}},
        output,
        START,
        retries.TABLE_SDK,
        Catch(result_states.FAILED, NO_VALUES),
    )
