"""Tables of runs, stages and plans: the header and the rows, as texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from stagewright.api import formatting

if TYPE_CHECKING:
    from stagewright.planner.cost import Cost
    from stagewright.planner.model import Action, Plan
    from stagewright.runs.history.records import RunRecord, StageRecord

Table = tuple[tuple[str, ...], list[tuple[str, ...]]]
"""Header and rows."""
STAGE_HEADER = ("stage", "state", "took", "metrics", "why")
RUN_HEADER = ("run", "state", "trigger", "date", "partition", "created", "took", "cost", "why")
OPTIONAL = ("date", "partition", "cost")
"""Columns of runs that are left out if they are empty in every row."""
StageCells = tuple[str, str, str, str, str]


def run_table(records: Iterable[RunRecord]) -> Table:
    """A row for each run."""
    rows = [run_cells(record) for record in records]
    used = [n for n, name in enumerate(RUN_HEADER) if name not in OPTIONAL or any(row[n] for row in rows)]
    return tuple(RUN_HEADER[n] for n in used), [tuple(row[n] for n in used) for row in rows]


def run_cells(record: RunRecord) -> tuple[str, ...]:
    """A row under `RUN_HEADER`."""
    return (
        record.run,
        record.status,
        record.trigger.type,
        record.trigger.date,
        "" if record.partition in ("default", record.trigger.date) else record.partition,
        formatting.local_time(record.created),
        formatting.duration(record.started, record.ended),
        formatting.format_run_cost(record.cost),
        formatting.one_line("; ".join(filter(None, (record.trigger.bypass_note, record.reason)))),
    )


def stage_cells(stage: StageRecord) -> StageCells:
    """A row under `STAGE_HEADER`. A reused stage has no duration, because another run made its result."""
    return (
        stage.name,
        stage.status,
        formatting.duration(stage.started, stage.ended) if stage.action == "run" else "",
        formatting.format_metrics(stage.metrics),
        formatting.one_line(why(stage)),
    )


def why(stage: StageRecord) -> str:
    """The cause of the stage's state, else the reason of its action. After retries, one cause per attempt."""
    if stage.status == "NOT_RUN":
        return stage.cause.removeprefix("not run").removeprefix(": ")
    if not stage.failed_attempts:
        return stage.cause or stage.detail or stage.reason.removeprefix(f"{stage.name}: ")
    last = f"attempt {len(stage.failed_attempts) + 1} of {stage.attempts}"
    causes = [f"{last}: {stage.cause}" if stage.cause else last]
    causes += [f"attempt {failed.attempt}: {failed.cause}" for failed in stage.failed_attempts]
    return "; ".join(causes)


def metrics_of(record: RunRecord) -> dict[str, float]:
    """`stage.metric` -> value, of every stage of a run."""
    return {
        f"{stage.name}.{metric}": value for stage in record.stages for metric, value in stage.metrics.items()
    }


def metric_table(records: Sequence[RunRecord]) -> Table:
    """A row for each run: the parameters that it was started with, and its metrics.

    A column is left out if it is empty in every row.
    """
    parameters = dict.fromkeys(name for record in records for name in record.trigger.parameters)
    metrics = [metrics_of(record) for record in records]
    names = dict.fromkeys(name for row in metrics for name in row)
    rows = [
        (
            record.run,
            record.status,
            *(str(record.trigger.parameters.get(name, "")) for name in parameters),
            *(formatting.format_number(row[name]) if name in row else "" for name in names),
        )
        for record, row in zip(records, metrics, strict=True)
    ]
    return ("run", "state", *parameters, *names), rows


def plan_table(plan: Plan) -> Table:
    """A row for each stage. There is a column of costs if there are prices."""
    costs = stage_costs(plan)
    header = ("stage", "kind", "action", *(["at most"] if costs else []), "why")
    rows = [(stage.name, stage.kind, stage.action, *([costs[stage.name]] if costs else []),
             stage.reason.removeprefix(f"{stage.name}: ")) for stage in plan.stages]  # fmt: skip
    return header, rows


def plan_summary(plan: Plan) -> str:
    """What the stages would do: `5 run, 1 reused, 2 skipped`."""
    words: dict[Action, str] = {"run": "run", "reuse": "reused", "skip": "skipped"}
    counts = Counter(stage.action for stage in plan.stages)
    return ", ".join(f"{counts[action]} {word}" for action, word in words.items() if counts[action])


def stage_costs(plan: Plan) -> dict[str, str]:
    """Stage -> the most that it costs. Empty: there are no prices."""
    from stagewright.planner.cost import cost_of

    if not plan.currency:
        return {}
    return {stage.name: format_cost(cost_of(stage.uses), plan.currency) for stage in plan.stages}


def format_cost(cost: Cost, currency: str) -> str:
    """`4.10 USD, then 0.26 USD an hour`. Names the instance types without a price."""
    parts = [formatting.format_money(cost.most, currency)] if cost.most else []
    if cost.hourly:
        parts.append(f"{'then ' if parts else ''}{formatting.format_money(cost.hourly, currency)} an hour")
    if cost.unpriced:
        parts.append(f"no price for {', '.join(cost.unpriced)}")
    return ", ".join(parts)
