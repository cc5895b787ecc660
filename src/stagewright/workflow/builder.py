"""The whole machine: load the plan, walk wave after wave, page beside page, chain beside chain."""

from __future__ import annotations

from typing import Any

from stagewright.workflow import jsonata, retries, walker
from stagewright.workflow.states import Asl, Catch, Choice, Fail, Map, Pass, Rule, State, Task

CONCURRENCY = 40
"""Iterations side by side in an inline Map; AWS runs at most 40 ("Map workflow state", inline mode)."""

_LOST = Catch("Plan failed", jsonata.PLAN_LOST)
_PAGE_LOST = Catch("Page failed", jsonata.PAGE_LOST)


def build() -> Asl:
    """The state machine as JSON; `${partition}` and `${runs_table}` are filled in where it is installed."""
    return {
        "Comment": "Stagewright: walks the plan that its input points to",
        "QueryLanguage": "JSONata",
        "StartAt": "Load plan",
        "States": {name: state.asl() for name, state in _states().items()},
    }


def _states() -> dict[str, State]:
    return {
        "Load plan": _load(jsonata.PLAN_KEY, jsonata.WAVES, "More waves?", _LOST),
        "More waves?": Choice(
            (
                Rule(jsonata.HAS_FAILED, "Run failed"),
                Rule(jsonata.HAS_STOPPED, "Run done"),
                Rule(jsonata.HAS_WAVE, "Wave"),
            ),
            default="Run done",
        ),
        "Wave": _wave(),
        # A Pass, not a Succeed: local engines differ on what a Succeed gives.
        "Run done": Pass(jsonata.RUN_ENDED, None),
        "Run failed": Fail("Stagewright.StageFailed", jsonata.RUN_CAUSE),
        "Plan failed": Fail("Stagewright.PlanFailed", jsonata.PLAN_CAUSE),
    }


def _wave() -> Map:
    return Map(
        items=jsonata.WAVE_PAGES,
        selector={"page": jsonata.ITEM, "closed": jsonata.CLOSED_BEFORE},
        start="Load page",
        states={
            "Load page": _load(jsonata.PAGE_KEY, jsonata.CHAINS, "Chains", _PAGE_LOST),
            "Chains": _chains(),
            "Page failed": Pass(jsonata.INPUT, None),
        },
        output=jsonata.WAVE_ENDED,
        catch=_LOST,
        next="More waves?",
        concurrency=CONCURRENCY,
    )


def _chains() -> Map:
    return Map(
        items=jsonata.PAGE_CHAINS,
        selector={
            "stages": jsonata.ITEM,
            "values": {},
            "known": [],
            "closed": jsonata.CLOSED_BEFORE,
        },
        start=walker.START,
        states=walker.states(),
        output=jsonata.PAGE_ENDED,
        catch=_PAGE_LOST,
        next=None,
        concurrency=CONCURRENCY,
    )


def _load(key: str, output: str, following: str, catch: Catch) -> Task:
    arguments: dict[str, Any] = {
        "TableName": "${runs_table}",
        "Key": {"run": {"S": jsonata.RUN_KEY}, "item": {"S": key}},
        "ConsistentRead": True,
    }
    return Task("dynamodb:getItem", arguments, output, following, retries.TABLE, catch)
