"""Everything that waits for a person's decision: approval stages of runs, and model versions. One list.

A version that an approval stage asks about is listed once, as that stage.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from stagewright.document.effective_diff import format_change
from stagewright.document.expansion import expanded
from stagewright.document.load import load
from stagewright.errors import StagewrightError
from stagewright.gateway import Gateway
from stagewright.naming import item_of, job_name, pipeline_of, timestamp
from stagewright.planner.approvals import version_of
from stagewright.runs import approvals, notices, versions
from stagewright.runs.documents import revisions
from stagewright.runs.history import comparison, run_history
from stagewright.runs.history.comparison import Comparison
from stagewright.runs.history.records import RunRecord
from stagewright.runs.settings import Runtime
from stagewright.runs.stored_plan import on_page
from stagewright.runs.versions import AwaitedVersion
from stagewright.stages.registry import recorded_kind
from stagewright.store.approvals import Approval
from stagewright.store.endpoints import EndpointRecord

ANNOUNCED = "announced#"
COMPARISONS = frozenset({">=", "<=", ">", "<", "==", "!="})


@dataclass(frozen=True)
class Pending:
    """One decision that waits. Times are ISO 8601 UTC text.

    `stage` is an approval stage, or the register stage of a model version. `package`: ARN of the version,
    empty if the question is about none. `version`: its number, 0 without one. `waiting`: the stages that run
    after the approval of a version. `until`: when the question times out, empty for a version.
    """

    run: str
    stage: str
    message: str
    package: str
    since: str
    until: str = ""
    version: int = 0
    waiting: tuple[str, ...] = ()

    @property
    def pipeline(self) -> str:
        return pipeline_of(self.run)

    @property
    def is_version(self) -> bool:
        """Whether the decision is about a version itself, not about an approval stage."""
        return not self.until

    @property
    def label(self) -> str:
        """`register (version 3)`, or `ok` for a stage about no version."""
        return f"{self.stage} (version {self.version})" if self.version else self.stage

    @property
    def label_in_run(self) -> str:
        return f"{self.run} {self.label}"

    @property
    def names(self) -> str:
        """The arguments of `stagewright approve` that name this decision, and no other."""
        return f"{self.run} {self.stage}"


def listed(gateway: Gateway, pipeline: str | None = None) -> list[Pending]:
    """All decisions that wait, oldest first. `pipeline`: None for all pipelines."""
    stages = [of_stage(approval) for approval in approvals.waiting(gateway, pipeline)]
    asked = {pending.package for pending in stages}
    awaited = (version for version in versions.pending(gateway, pipeline) if version.package.arn not in asked)
    return sorted([*stages, *map(of_version, awaited)], key=lambda pending: (pending.since, pending.run))


def decided(gateway: Gateway, subject: str, what: str | None, *, is_run: bool) -> list[Pending]:
    """The decisions that a run, or a pipeline and a version, name although they are not pending.

    NotFoundError: the run has no such stage that asks for approval.
    """
    if not is_run:
        version = versions.named(gateway, subject, int(what)) if what and what.isdecimal() else None
        return [of_version(version)] if version else []
    header = gateway.runs.header(subject)
    known = [of_stage(approval) for approval in gateway.approvals.of_run(subject)]
    known += [of_version(version) for version in versions.of_run(gateway, header)] if header else []
    matching = [item for item in known if what in (None, item.stage, str(item.version))]
    return matching or ([of_stage(approvals.find(gateway, subject, what))] if what else [])


def decide(gateway: Gateway, pending: Pending, *, approved: bool, by: str, why: str) -> str:
    """Record a decision and carry it out. Returns its time. NotFoundError: it does not wait any more."""
    if pending.is_version:
        return versions.decide(gateway, pending.package, approved=approved, by=by, why=why)
    return approvals.decide(gateway, pending.run, pending.stage, approved=approved, by=by, why=why).at


def of_stage(approval: Approval) -> Pending:
    return Pending(
        approval.run,
        approval.stage,
        approval.message,
        approval.package,
        approval.since,
        approval.until,
        version_of(approval.package),
    )


def of_version(version: AwaitedVersion) -> Pending:
    package, waiting = version.package, ", ".join(version.stages)
    message = f"approve version {package.version} of {package.group}?"
    return Pending(
        version.header.run,
        version.register,
        f"{message} {waiting} waits for it" if waiting else message,
        package.arn,
        timestamp(datetime.fromtimestamp(package.created, UTC)),
        version=package.version,
        waiting=version.stages,
    )


def announce(runtime: Runtime, pending: Pending) -> bool:
    """Notify people of a decision that waits, once. False: they were notified before, or no notice was sent.

    The notice comes before its record, so that a crash repeats it and never loses it.
    """
    gateway, item = runtime.gateway, f"{ANNOUNCED}{pending.stage}"
    header = gateway.runs.header(pending.run)
    if header is None or any(gateway.runs.items(pending.run, item)):
        return False
    text = "\n".join([pending.message, *evidence(gateway, pending), "", *_commands(pending)])
    if not notices.notify(runtime, header, text, "waits for approval"):
        return False
    gateway.runs.put_if_absent({"run": pending.run, "item": item})
    return True


def _commands(pending: Pending) -> list[str]:
    decisions = ("approve", "reject")
    return [f"{decision}: stagewright {decision} {pending.names} --why TEXT" for decision in decisions]


def evidence(gateway: Gateway, pending: Pending) -> tuple[str, ...]:
    """What a person decides by, a sentence each: metrics, gates, and what differs from what serves now."""
    record = run_history.recorded(gateway, pending.run)
    served = serving(gateway, pending)
    compared = None
    with suppress(StagewrightError):
        compared = comparison.compare(gateway, pending.pipeline, served.run, record.run) if served else None
    lines = [*_metrics(record), *_gates(gateway, record), *_served(pending, served)]
    return (*lines, *(_differences(compared) if compared else ()))


@dataclass(frozen=True)
class Serving:
    """The run whose deployment or approved version serves now, and its version. 0: not a registered one."""

    run: str
    version: int


LATEST_RUNS = 100
"""Newest runs of a pipeline that are searched for the one that made a restored version."""


def serving(gateway: Gateway, pending: Pending) -> Serving | None:
    """What the run's endpoints serve now; without endpoints, the newest approved version. None: nothing."""
    header = gateway.runs.header(pending.run)
    document = load(revisions.document(gateway, pending.pipeline, header.revision)) if header else None
    environment = gateway.installation.environment
    endpoints = [
        endpoint
        for name, stage in (expanded(document).stages.items() if document else ())
        if item_of(name) in ("", item_of(pending.stage))
        and (endpoint := stage.endpoint_name(pending.pipeline, environment))
    ]
    for name in endpoints:
        if (record := gateway.endpoint_records.get(name)) and record.deployed_by:
            run = _deployed_by(gateway, record)
            return Serving(run, _version_in(run_history.recorded(gateway, run)))
    group = pending.package.partition(":model-package/")[2].rpartition("/")[0]
    champion = gateway.registry.champion(group) if group and not endpoints else None
    run = champion.metadata.get("stagewright:run", "") if champion else ""
    return Serving(run, champion.version) if champion and gateway.runs.header(run) else None


def _deployed_by(gateway: Gateway, record: EndpointRecord) -> str:
    """The run that made what an endpoint serves: that of its last deployment, or of the restored version."""
    if not record.restored:
        return record.deployed_by
    headers = gateway.runs.of_pipeline(pipeline_of(record.deployed_by), LATEST_RUNS)
    attempt = int(record.restored.rpartition("-")[2])
    made = (each.run for each in headers if job_name(each.run, record.stage, attempt) == record.restored)
    return next(made, record.deployed_by)


def _version_in(record: RunRecord) -> int:
    packages = (str(stage.result.get("package", "")) for stage in record.stages)
    return next((version for package in packages if (version := version_of(package))), 0)


def _metrics(record: RunRecord) -> Iterator[str]:
    for stage in record.stages:
        if stage.metrics:
            values = ", ".join(f"{name} {value:g}" for name, value in stage.metrics.items())
            yield f"metrics of {stage.name}: {values}"


def _gates(gateway: Gateway, record: RunRecord) -> Iterator[str]:
    for stage in record.stages:
        if recorded_kind(stage.kind).schema.judges:
            page = on_page(gateway, record.run, record.plan, stage.name)
            steps = json.loads(page["requests"]["Gate"]) if page else []
            condition = "; ".join(step["text"] for step in steps if step.get("op") in COMPARISONS)
            yield f"gate {stage.name}: {stage.status.lower()}{': ' + condition if condition else ''}"


def _served(pending: Pending, served: Serving | None) -> Iterator[str]:
    if served is None:
        yield "nothing serves now"
        return
    number = f"version {served.version}" if served.version else "an unregistered model"
    yield f"serves now: {number}, of run {served.run}"
    if 0 < pending.version < served.version:
        yield f"version {pending.version} is older than version {served.version}, which serves now"


def _differences(compared: Comparison) -> Iterator[str]:
    """What differs from the run that serves now."""
    for change in compared.settings:
        yield f"differs: {format_change(change)}"
    if code := [str(change.path[0]) for change in compared.code]:
        yield f"differs: code {', '.join(code)}"
    for stage in compared.stages:
        for metric in stage.metrics:
            if metric.difference:
                before, after = metric.before, metric.after
                yield f"differs: {stage.name} {metric.name} {before:g} -> {after:g} ({metric.difference:+g})"
