"""Builds the state machine: load the plan and run its waves in order, with their pages and chains in
parallel."""

from __future__ import annotations

from typing import Any

from stagewright.asl import Asl, Catch, Choice, Fail, Map, Pass, Rule, State, Task, expression
from stagewright.planner.model import PLAN_FORMAT
from stagewright.planner.pages import CHECKSUM_DIGITS
from stagewright.stages.base import expressions, retries
from stagewright.stages.base.expressions import CAUSE_LIMIT, REST, RUN, SENTENCE_LIMIT, shortened, words_of
from stagewright.state_machine import walker

CONCURRENCY = 40
"""Parallel iterations of an inline Map. AWS runs at most 40 ("Map workflow state", inline mode)."""

PLAN = "$states.context.Execution.Input.plan"

PLAN_KEY = expression(f"'plan#' & {PLAN}")
PAGE_KEY = expression(f"'page#' & {PLAN} & '#' & $states.input.page")


def _checksum(text: str) -> str:
    """Return an expression: `planner.pages.checksum` of a text."""
    return f"$substring($hash({text}, 'SHA-256'), 0, {CHECKSUM_DIGITS})"


# The table's items can be edited. The plan's name comes from the execution's input, and has the checksum of
# the list of pages. The name of a page has that of the page.
# A wave is an object, because JSONata flattens an array that contains one array.
WAVES = expression(f"""
    $states.context.Execution.Input.format != {PLAN_FORMAT}
      ? $error('this state machine reads plans of format {PLAN_FORMAT}, not '
          & $string($states.context.Execution.Input.format))
      : $not($exists($states.result.Item.waves.S))
        ? $error('plan ' & {PLAN} & ' of run ' & {RUN} & ' is not in the table')
      : $substringBefore({PLAN}, '-') != {_checksum("$states.result.Item.waves.S")}
        ? $error('plan ' & {PLAN} & ' of run ' & {RUN} & ' was changed in the table')
        : {{ 'failures': 0,
             'waves': [$map($parse($states.result.Item.waves.S),
                            function($pages) {{ {{ 'pages': $pages }} }})] }}
""")
CHAINS = expression(f"""
    $not($exists($states.result.Item.chains.S))
      ? $error('page ' & $states.input.page & ' of run ' & {RUN} & ' is not in the table')
    : $not($contains($states.input.page, {_checksum("$states.result.Item.chains.S")}))
      ? $error('page ' & $states.input.page & ' of run ' & {RUN} & ' was changed in the table')
      : {{ 'chains': $parse($states.result.Item.chains.S), 'closed': [$states.input.closed] }}
""")
WAVE_PAGES = expression("[$states.input.waves[0].pages]")
PAGE_CHAINS = expression("$states.input.chains")
HAS_FAILED = expression("$states.input.fatal = true")
HAS_WAVE = expression("$not($exists($states.input.stopped)) and $count($states.input.waves) > 0")
HAS_LOST_TOO_MANY = expression("""
    $count($filter($distinct($states.input.lost.list), function($list) { (
      $lost := $states.input.lost[list = $list];
      $count($distinct($lost.item)) > ($lost.failures)[0] ) })) > 0
""")

# Chains return only what did not succeed. Results are in the runs table, because a thousand of them do not
# fit into a state. `lost`: the instances among the failures, which do not end the run. `closed`, `stopped`
# and `reason` exist only if a gate is closed.
PAGE_ENDED = expression("""
    ( $failed := $states.result.failed;
      { 'failures': $count($failed), 'failed': $failed[0],
        'lost': [$failed[$exists(list)].{ 'list': list, 'item': item, 'failures': failures }],
        'closed': $states.result.closed, 'stopped': ($states.result.stopped)[0],
        'reason': ($states.result.reason)[0] } )
""")
WAVE_ENDED = expression(f"""
    {{ 'waves': {REST.format("waves")},
       'failures': $sum($append($states.input.failures, $states.result.failures)),
       'fatal': $sum($states.result.failures) > $count($states.result.lost),
       'lost': $append($states.input.lost, $states.result.lost),
       'failed': $append($states.input.failed, $states.result.failed)[0],
       'closed': $append($states.input.closed, $states.result.closed),
       'stopped': ($states.result.stopped)[0],
       'reason': $append($states.input.reason, $states.result.reason)[0] }}
""")
CLOSED_BEFORE = expression("[$states.input.closed]")
_FAILURES = """
    $states.input.failed.stage & ': ' & $states.input.failed.cause
      & ($states.input.failures > 1 ? ' (and ' & $string($states.input.failures - 1) & ' more failed)' : '')
"""
RUN_ENDED = expression(f"""
    ( $reason := $exists($states.input.stopped) ? $states.input.stopped
        : $exists($states.input.failed) ? 'max_failures allows it: ' & {_FAILURES}
        : $states.input.reason;
      $merge([{{ 'run': {RUN} }}, $exists($reason) ? {{ 'reason': $reason }} : {{}}]) )
""")
RUN_CAUSE = expression(_FAILURES)

PAGE_LOST = expression(f"""
    {{ 'failures': 1,
       'failed': {{ 'stage': 'page ' & $states.input.page, 'error': $states.errorOutput.Error,
                    'cause': {shortened(words_of("$states.errorOutput.Cause"), SENTENCE_LIMIT)} }} }}
""")
PLAN_LOST = expression(f"{{ 'cause': {shortened(words_of('$states.errorOutput.Cause'), CAUSE_LIMIT)} }}")
PLAN_CAUSE = expression("'the plan cannot be run: ' & $states.input.cause")

_PLAN_CAUGHT = Catch("Plan failed", PLAN_LOST)
_PAGE_CAUGHT = Catch("Page failed", PAGE_LOST)


def build() -> Asl:
    """Return the state machine as JSON. Installing it replaces `${partition}` and `${runs_table}`."""
    return {
        "Comment": "Stagewright: walks the plan that its input points to",
        "QueryLanguage": "JSONata",
        "StartAt": "Load plan",
        "States": {name: state.asl() for name, state in _states().items()},
    }


def _states() -> dict[str, State]:
    return {
        "Load plan": _load(PLAN_KEY, WAVES, "More waves?", _PLAN_CAUGHT),
        "More waves?": Choice(
            (
                Rule(HAS_FAILED, "Run failed"),
                Rule(HAS_WAVE, "Wave"),
                Rule(HAS_LOST_TOO_MANY, "Run failed"),
            ),
            default="Run done",
        ),
        "Wave": _wave(),
        # A Pass instead of a Succeed, because local engines differ in the output of a Succeed.
        "Run done": Pass(RUN_ENDED, None),
        "Run failed": Fail("Stagewright.StageFailed", RUN_CAUSE),
        "Plan failed": Fail("Stagewright.PlanFailed", PLAN_CAUSE),
    }


def _wave() -> Map:
    return Map(
        items=WAVE_PAGES,
        selector={"page": expressions.ITEM, "closed": CLOSED_BEFORE},
        start="Load page",
        states={
            "Load page": _load(PAGE_KEY, CHAINS, "Chains", _PAGE_CAUGHT),
            "Chains": _chains(),
            "Page failed": Pass(expressions.INPUT, None),
        },
        output=WAVE_ENDED,
        catch=_PLAN_CAUGHT,
        next="More waves?",
        concurrency=CONCURRENCY,
    )


def _chains() -> Map:
    return Map(
        items=PAGE_CHAINS,
        selector={
            "stages": expressions.ITEM,
            "values": {},
            "known": [],
            "closed": CLOSED_BEFORE,
            "outcome": {},
        },
        start=walker.START,
        states=walker.states(),
        output=PAGE_ENDED,
        catch=_PAGE_CAUGHT,
        next=None,
        concurrency=CONCURRENCY,
    )


def _load(key: str, output: str, following: str, catch: Catch) -> Task:
    arguments: dict[str, Any] = {
        "TableName": "${runs_table}",
        "Key": {"run": {"S": expressions.RUN_KEY}, "item": {"S": key}},
        "ConsistentRead": True,
    }
    return Task("dynamodb:getItem", arguments, output, following, retries.TABLE, catch)
