"""The walker: takes a chain's stages one after another. It only ever runs inside a Map.

History events per stage, counted as AWS counts them (a Task has 5: entered, scheduled, started, succeeded,
exited; a `.sync` Task one more, submitted; Choice, Pass and Wait 2 each; a Map iteration 2):

| | a stage within a chain | a chain of one |
|---|---|---|
| training; processing without metrics; transform of a model | 2 + 6 + 2 + 5 = 15 | + 2 = 17 |
| processing with metrics; tuning; transform of anything else | 2 + 6 + 5 + 2 + 5 = 20 | + 2 = 22 |
| model | 2 + 5 + 2 + 5 = 14 | + 2 = 16 |
| gate | 2 + 2 + 2 + 2 + 5 = 13 | + 2 = 15 |
| glue | as processing | |
| lambda | 2 + 5 + 2 + 5 = 14 | + 2 = 16 |
| approval (of a package) | 2 + 6 + 2 + 5 = 15 (+ 7) | + 2 = 17 |
| first reference to stages of an earlier wave (25 at once) | + 7 | + 7 |
| a failed stage | + 2 | + 2 |
| a failed attempt that is not the last: job 6, choices 4, record 5, wait 2 | + 17 | + 17 |
| a stage beside a gate with `else: stop` | + 7 | + 7 |
| the first stage of a chain that a closed gate shuts out (the others cost nothing) | 4 | 6 |

A page adds 2 + 5 + 4 = 11, a wave 2 + 4, the run 11. So 1,000 independent trainings on 20 pages make 17,237
events, a chain of 1,000 15,030; AWS ends an execution at 25,000.
"""

from __future__ import annotations

from stagewright.asl import Catch, Choice, Pass, Rule, State, Task, expression
from stagewright.stages.base import result_states, retries
from stagewright.stages.base.expressions import KIND, RUN, bound_values
from stagewright.stages.base.states import Entry
from stagewright.stages.registry import KINDS

START = "Next stage"


BATCH = 25
"""Results fetched at once. DynamoDB's BatchGetItem takes 100 keys, but all of them must fit into 256 KiB."""

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


def _refused(error: str) -> str:
    """The next stage, taken only to be recorded as failed."""
    return expression(f"""
        {{ 'stage': $states.input.stages[0], 'stages': [], 'started': $now(), 'error': {error} }}
    """)


UNKNOWN_KIND = _refused(f"""
    {{ 'Error': 'Stagewright.UnknownKind', 'Cause': 'this state machine does not know the kind ' & {KIND} }}
""")
NO_VALUES = _refused("$states.errorOutput")

FETCH_KEYS = expression(f"[{_ASKED}.{{ 'run': {{ 'S': {RUN} }}, 'item': {{ 'S': 'stage#' & $ }} }}]")
# A name that DynamoDB left for later (UnprocessedKeys) stays unknown, and is asked for again.
FETCHED = expression(f"""
    ( $late := [$states.result.UnprocessedKeys.*.Keys.item.S];
      $names := [$filter({_ASKED}, function($name) {{ $not(('stage#' & $name) in $late) }})];
      $found := $merge($states.result.Responses.*[$exists(result.S)].{{
        $substringAfter(item.S, 'stage#'): $parse(result.S) }});
      $merge([$states.input, {{
        'known': [$states.input.known, $names],
        'values': $merge([$states.input.values, {bound_values("$names", "$found")}]) }}]) )
""")


def states() -> dict[str, State]:
    entries: list[tuple[str, Entry]] = [
        (kind.name, entry) for kind in KINDS.values() for entry in kind.states
    ]
    kinds = {name: state for _, entry in entries for name, state in entry.states.items()}
    return {
        START: Choice(
            (
                Rule(IS_SHUT_OUT, "Shut out"),
                Rule(HAS_TO_LOOK, "Look at gates"),
                Rule(HAS_UNKNOWN, "Fetch values"),
                *(entry.rule(kind) for kind, entry in entries),
            ),
            default="Unknown kind",
        ),
        # All that is left of the chain depends on its first stage, and so on the gate. What never started is
        # recorded when the run is closed.
        "Shut out": Pass({}, None),
        "Look at gates": _look(),
        "Fetch values": _fetch(),
        "Unknown kind": Pass(UNKNOWN_KIND, result_states.FAILED),
        **kinds,
        **result_states.states(following=START),
    }


def _fetch() -> Task:
    """Values of earlier waves come from the table: carried along they would outgrow a state's 256 KiB."""
    return _read(FETCH_KEYS, ("item", "result"), FETCHED)


def _look() -> Task:
    """Chains of one wave cannot see one another; what a gate beside has decided stands in the table."""
    return _read(LOOK_KEYS, ("status",), LOOKED)


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
