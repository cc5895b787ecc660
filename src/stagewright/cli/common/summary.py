"""The end of a run: its results, or why it failed, and the next command."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import typer

from stagewright.api import formatting, instances
from stagewright.cli.common import live_view, output
from stagewright.cli.common.command_hints import program
from stagewright.errors import RunFailedError
from stagewright.runs.history import logs
from stagewright.runs.history.remedies import Failure, remedy
from stagewright.stages.registry import KINDS, recorded_kind

if TYPE_CHECKING:
    from stagewright.api.target import Session
    from stagewright.operator_gateway import OperatorGateway
    from stagewright.runs.history.records import RunRecord, StageRecord

LAST_LINES = 15
HINT = "HINT: "
"""Start of a line that the local SageMaker adds to the log of a failed job."""
MOST_FAILURES = 3
"""The most failed stages whose log is printed."""
WARNING = "WARNING: "
"""Prefix of a warning of the local SageMaker in a job's log."""


def follow(session: Session, run: str, again: str, *, wait: bool, as_json: bool) -> None:
    """Watch a run and print how it ended. Exits with code 6 if the run failed.

    `again` is the command that repeats the run. Without `wait`, prints only the run's id.
    """
    output.note(f"run {run}")
    if not wait:
        print_started(run, as_json)
        return
    record = live_view.watch(session, run)
    if session.is_local:
        print_warnings(session.gateway, record)
    if as_json:
        output.print_json(record)
    else:
        print_outcome(session.gateway, record, again)
    if record.status != "SUCCEEDED":
        raise typer.Exit(RunFailedError.exit_code)


def print_started(run: str, as_json: bool) -> None:
    if as_json:
        output.print_json({"run": run})
    else:
        output.print_line(f"next: {program()} show {run}")


def print_outcome(gateway: OperatorGateway, record: RunRecord, again: str) -> None:
    print_missing_metrics(record)
    if record.status == "SUCCEEDED":
        print_results(record)
    else:
        print_failure(gateway, record, again)


def print_missing_metrics(record: RunRecord) -> None:
    for stage in record.stages:
        for metric in stage.unmatched_metrics:
            output.note(f"warning: no log line of {stage.name} matches the metric {metric}")


def print_results(record: RunRecord) -> None:
    ran = sum(stage.status in ("SUCCEEDED", "CLOSED") for stage in record.stages)
    reused = sum(stage.action == "reuse" for stage in record.stages)
    took = formatting.duration(record.started or record.created, record.ended)
    output.print_line(
        f"{record.run} succeeded in {took}: {output.counted(ran, 'stage')} ran, {reused} reused"
    )
    for note in filter(None, (record.trigger.bypass_note, record.reason)):
        output.print_line(f"  {formatting.one_line(note)}")
    for stage in instances.listed(record.stages):
        result = result_of(stage)
        if result:
            output.print_line(f"  {stage.name}: {result}")
    endpoint = next((stage.result["endpoint"] for stage in record.stages if stage.result.get("endpoint")), "")
    if endpoint:
        output.print_line(f"next: {program()} predict {record.pipeline} --input FILE")
    output.print_line(f"next: {program()} show {record.run}")


def result_of(stage: StageRecord) -> str:
    parts = [formatting.format_metrics(stage.metrics)] if stage.metrics else []
    if stage.result.get("best"):
        parts.append(f"best {formatting.tuned_hyperparameters(stage.result)}")
    if stage.result.get("name"):
        parts.append(f"model {stage.result['name']}")
    if stage.result.get("package"):
        parts.append(f"model package {package_name(stage.result['package'])}")
    if stage.result.get("endpoint"):
        parts.append(f"endpoint {stage.result['endpoint']}")
    if stage.result.get("approved_by"):
        why = f": {stage.result['why']}" if stage.result.get("why") else ""
        parts.append(formatting.one_line(f"approved by {stage.result['approved_by']}{why}"))
    return ", ".join(parts)


def package_name(arn: str) -> str:
    """`arn:...:model-package/house-price/3` as `house-price version 3`."""
    group, _, version = arn.partition(":model-package/")[2].partition("/")
    return f"{group} version {version}" if version else arn


def print_warnings(gateway: OperatorGateway, record: RunRecord) -> None:
    """Print each warning of the local SageMaker in the jobs' logs once. Results may differ from AWS's."""
    since = int(datetime.fromisoformat(record.created).timestamp() * 1000)
    ran = {stage.kind for stage in record.stages if stage.action == "run"}
    written = (log for name, kind in KINDS.items() if name in ran for log in kind.schema.logs)
    groups = dict.fromkeys(log.group for log in written if log.writer != "endpoint")
    lines = [event.text for group in groups for event in gateway.logs.search(group, WARNING.strip(), since)]
    for text in dict.fromkeys(lines):
        if text.startswith(WARNING):
            output.note(f"warning: {text.removeprefix(WARNING).strip()}")


def hint_of(gateway: OperatorGateway, run: str, stage: StageRecord, log: Sequence[str]) -> str:
    """What to do about a failed stage. Empty: the log has a hint of the local SageMaker, or nothing is known.

    The log of a job on AWS has more than the stage's cause.
    """
    if any(text.startswith(HINT) for text in log):
        return ""
    if stage.remedy or not log:
        return stage.remedy
    item = gateway.runs.stage(run, stage.name)
    return remedy(Failure(stage.name, stage.kind, item.inputs if item else {}), *log)


def print_failure(gateway: OperatorGateway, record: RunRecord, again: str) -> None:
    failed = [stage for stage in record.stages if stage.status == "FAILED"]
    output.note(f"{record.run}: {record.status}" if failed else formatting.headline(record))
    for stage in failed[MOST_FAILURES:]:
        output.note(f"stage {stage.name}: {formatting.one_line(stage.cause or stage.error)}")
    for stage in failed[:MOST_FAILURES]:
        output.note(f"stage {stage.name}: {formatting.one_line(stage.cause or stage.error)}")
        lines = (
            logs.tail(gateway, record, stage.name, LAST_LINES) if recorded_kind(stage.kind).has_log else []
        )
        texts = [text for line in lines for text in line.text.split("\n")]
        for text in texts:
            output.note(f"  | {text}")
        if hint := hint_of(gateway, record.run, stage, texts):
            output.note(f"hint: {hint}")
        if recorded_kind(stage.kind).has_log:
            output.note(f"next: {program()} logs {record.run} {stage.name}")
    if any(recorded_kind(stage.kind).schema.judges for stage in failed):
        output.note(
            f"next: {program()} show {record.run} (metrics), or change the threshold (document, set, -p)"
        )
    elif record.stages and record.status != "STOPPED":
        output.note(f"next: {again} (reuses results whose inputs are unchanged)")
