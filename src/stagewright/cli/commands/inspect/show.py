"""The name of a pipeline selects its newest run."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from stagewright.api import documents, formatting, instances, tables
from stagewright.api.printable import one_line_printable
from stagewright.api.target import LOCAL, existing_session
from stagewright.cli.common import output
from stagewright.cli.common.options import Instances, Json, PipelineOrRun, TargetName

if TYPE_CHECKING:
    from stagewright.planner.model import Trigger
    from stagewright.runs.history.records import RunRecord
    from stagewright.runs.usage import RunCost, StageUsage


def command(
    run: PipelineOrRun, every: Instances = False, target: TargetName = LOCAL, as_json: Json = False
) -> None:
    with existing_session(target) as connected:
        from stagewright.runs.history import run_history

        record = run_history.show(connected.gateway, documents.run_of(connected, run))
        record = run_history.with_lineage(connected.gateway, record)
    if as_json:
        output.print_json(record)
    else:
        print_record(record, every)


def print_record(record: RunRecord, every: bool = False) -> None:
    """Print a run. `every`: a row for each instance of a list."""
    from stagewright.cli.common import summary

    output.print_line(formatting.headline(record))
    by = f" by {formatting.one_line(record.trigger.by)}" if record.trigger.by else ""
    took = f"; took {length}" if (length := formatting.duration(record.started, record.ended)) else ""
    output.print_line(
        f"trigger {record.trigger.type}{by}; created {formatting.local_time(record.created)}{took}"
    )
    print_origin(record)
    if record.partition not in ("", "default"):
        output.print_line(f"  partition {record.partition}")
    print_options(record.trigger)
    if record.trigger.resumes:
        output.print_line(f"  resumes {record.trigger.resumes}")
    for later in record.resumed_by:
        output.print_line(f"  resumed by {later}")
    if record.stages:  # a rejected run has none
        output.table(tables.STAGE_HEADER, tables.stage_rows(record.stages, every))
    summary.print_missing_metrics(record)
    print_remedies(record)
    for stage in record.stages if every else instances.listed(record.stages):
        result = summary.result_of(stage)
        if result or stage.result.get("outputs"):
            output.print_line(f"{stage.name}: {result}" if result else stage.name)
        for name, uri in stage.result.get("outputs", {}).items():
            output.print_line(f"  {name} {uri}")
    if record.cost:
        print_usage(record, record.cost, every)


def print_remedies(record: RunRecord) -> None:
    """Print what to do about each failed stage, where it is known."""
    for stage in record.stages:
        if stage.remedy:
            output.print_line(f"hint for {stage.name}: {stage.remedy}")


def print_usage(record: RunRecord, cost: RunCost, every: bool = False) -> None:
    """Print the instance time and the cost of each stage that used any, and of the run."""
    stages = record.stages if every else instances.listed(record.stages)
    rows = [(stage.name, *used(stage.used, cost.currency))
            for stage in stages if stage.used and stage.used.seconds]  # fmt: skip
    if rows:
        output.table(("stage", "instance time", "cost"), rows)
    saved = f", {formatting.format_seconds(cost.saved)} saved by Spot" if cost.saved else ""
    basis = f"prices of {cost.prices_of}" if cost.prices_of else "the document's prices"
    money = f", {formatting.format_run_cost(cost)} ({basis})" if cost.currency else ""
    output.print_line(f"used {formatting.format_seconds(cost.seconds)} of instance time{saved}{money}")


def used(usage: StageUsage, currency: str) -> tuple[str, str]:
    """Instance time and cost of a stage, as text."""
    times = ", ".join(f"{name} {formatting.format_seconds(time)}" for name, time in usage.seconds.items())
    if not currency:
        return times, ""
    missing = f"no price for {', '.join(usage.unpriced)}" if usage.unpriced else ""
    money = formatting.format_money(Decimal(usage.cost), currency) if Decimal(usage.cost) else ""
    return times, ", ".join(filter(None, (money, missing)))


def print_options(trigger: Trigger) -> None:
    """Print the parameters and stages that the run was started with, and what it bypasses."""
    for name, value in trigger.parameters.items():
        output.print_line(f"  {name} = {one_line_printable(str(value))}")
    for option, stages in (("only", trigger.only), ("from", trigger.start), ("skip", trigger.skip)):
        if stages:
            output.print_line(f"  {option} {', '.join(stages)}")
    if note := trigger.bypass_note:
        output.print_line(f"  {formatting.one_line(note)}")


def print_origin(record: RunRecord) -> None:
    """Print revision, release and commit of the run, and where its release was promoted from."""
    revision = f"revision {record.revision}" if record.revision else ""
    release = f"release {record.release[:12]}" if record.lineage else ""
    commit = f"commit {record.lineage['commit']}" if record.lineage.get("commit") else ""
    if parts := ", ".join(filter(None, (revision, release, commit))):
        output.print_line(f"  {parts}")
    if origin := record.lineage.get("promoted"):
        run = f"succeeded in {origin['run']}" if origin.get("run") else "without a successful run there"
        by = f" by {origin['by']}" if origin.get("by") else ""
        output.print_line(
            f"  promoted from {origin['from']} ({origin['installation']}), pushed there{by}, {run}"
        )
