"""Tables of runs, stages and plans: the header and the rows, as texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from stagewright.api import formatting, instances

if TYPE_CHECKING:
    from stagewright.planner.cost import Cost
    from stagewright.planner.model import Action, Plan, StagePlan
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


def stage_rows(
    stages: Iterable[StageRecord],
    every: bool = False,
    cells: Callable[[StageRecord], StageCells] = stage_cells,
) -> list[StageCells]:
    """Rows under `STAGE_HEADER`. A long list is one row, then its instances that need attention.

    `every`: a row for each instance. `cells`: the row of a single stage.
    """
    rows: list[StageCells] = []
    for name, members in instances.grouped(stages, every):
        if len(members) == 1:
            rows.append(cells(members[0]))
            continue
        rows.append((name, instances.counts(stage.status for stage in members), "", "", ""))
        rows += map(cells, instances.needing_attention(members))
    return rows


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


def plan_table(plan: Plan, every: bool = False) -> Table:
    """A row for each stage, and one for a long list. There is a column of costs if there are prices.

    `every`: a row for each instance.
    """
    header = ("stage", "kind", "action", *(["at most"] if plan.currency else []), "why")
    return header, [_plan_row(plan, *group) for group in instances.grouped(plan.stages, every)]


def plan_summary(plan: Plan) -> str:
    """What the stages would do: `5 run, 1 reused, 2 skipped`."""
    words: dict[Action, str] = {"run": "run", "reuse": "reused", "skip": "skipped"}
    counts = Counter(stage.action for stage in plan.stages)
    return ", ".join(f"{counts[action]} {word}" for action, word in words.items() if counts[action])


def _plan_row(plan: Plan, name: str, members: list[StagePlan]) -> tuple[str, ...]:
    from stagewright.planner.cost import cost_of

    actions = [stage.action for stage in members]
    reasons = [stage.reason.removeprefix(f"{stage.name}: ") for stage in members]
    cost = format_cost(cost_of(use for stage in members for use in stage.uses), plan.currency)
    return (
        name,
        members[0].kind,
        actions[0] if len(actions) == 1 else instances.counts(actions),
        *([cost] if plan.currency else []),
        instances.one_or_many(reasons, "reasons"),
    )


def format_cost(cost: Cost, currency: str) -> str:
    """`4.10 USD, then 0.26 USD an hour`. Names the instance types without a price."""
    parts = [formatting.format_money(cost.most, currency)] if cost.most else []
    if cost.hourly:
        parts.append(f"{'then ' if parts else ''}{formatting.format_money(cost.hourly, currency)} an hour")
    if cost.unpriced:
        parts.append(f"no price for {', '.join(cost.unpriced)}")
    return ", ".join(parts)
