"""The functions of `stagewright`: each opens the target, or uses the session that is open."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stagewright.api import documents, launch, open_sessions, payloads, prediction, run_list, run_options
from stagewright.api.plan import Plan
from stagewright.api.prediction import Prediction
from stagewright.api.run import Run
from stagewright.api.run_list import Runs, Since, parse_since
from stagewright.api.run_options import RunOptions
from stagewright.api.target import is_empty, require_runs, usual_target

if TYPE_CHECKING:
    from stagewright.runs.releases.push import PushResult
    from stagewright.syntax.fields import Scalar

Names = str | Sequence[str]
"""One name, names separated by commas, or a sequence of names."""


def run(
    pipeline: str | Path,
    parameters: Mapping[str, Scalar] | None = None,
    *,
    date: str | datetime.date | None = None,
    force: bool = False,
    only: Names = (),
    start: Names = (),
    skip: Names = (),
    bypass: Names = (),
    reason: str = "",
    release: str = "",
    target: str | None = None,
) -> Run:
    """Push what changed, start a run and return it at once. `run(...).wait()` waits until it ends.

    Args:
        pipeline: A document, a folder with a pipeline.yaml, or the name of such a folder in pipelines/. With
            `release`, the name of a pipeline.
        parameters: Declared parameter -> value.
        date: The value of `${trigger.date}`. The default is today.
        force: Run every enabled stage, even if its inputs are unchanged.
        only: Run only these stages. The others reuse their last good result.
        start: Run these stages and all that depend on them, changed or not (`--from`).
        skip: Disable these stages in this run.
        bypass: Run what these gates and approvals guard without them. Needs `reason`.
        reason: Why `bypass` is needed.
        release: Run this earlier release: the first digits of its digest.
        target: `local`, or a target of stagewright.toml. The default is STAGEWRIGHT_TARGET, else `local`.

    Raises DocumentError, PlanError, ReleaseError, TargetError or NotFoundError, as the command does.
    """
    target = target or usual_target()
    options = _options(parameters, date, force, only, start, skip, bypass, reason)
    if release:
        name = documents.name_of(str(pipeline))
        session = open_sessions.connected(target, runs=True)
        started = run_options.start_release(session, name, release, options)
        return Run(session, open_sessions.stay_up_for(session, started))
    source, values = run_options.read(str(pipeline), options, target)
    session = open_sessions.connected(target, runs=True)
    started = run_options.start(session, source, values, options)
    return Run(session, open_sessions.stay_up_for(session, started))


def plan(
    pipeline: str | Path,
    parameters: Mapping[str, Scalar] | None = None,
    *,
    date: str | datetime.date | None = None,
    force: bool = False,
    only: Names = (),
    start: Names = (),
    skip: Names = (),
    bypass: Names = (),
    reason: str = "",
    target: str | None = None,
) -> Plan:
    """Return what a run would do, and why, without starting it. The arguments are those of `run`."""
    target = target or usual_target()
    options = _options(parameters, date, force, only, start, skip, bypass, reason)
    source, values = run_options.read(str(pipeline), options, target)
    return Plan(run_options.plan(open_sessions.connected(target), source, values, options))


def push(pipeline: str | Path, *, target: str | None = None) -> PushResult:
    """Push code and document. If the document has a code trigger, the push starts a run.

    `trigger_key` of the result is empty if nothing changed.
    """
    target = target or usual_target()
    source = run_options.read_source(str(pipeline), target)
    return launch.push(open_sessions.connected(target, runs=True), source)


def runs(
    pipeline: str | Path | None = None,
    *,
    since: Since = None,
    limit: int | None = None,
    target: str | None = None,
) -> Runs:
    """Return runs, newest first.

    Args:
        pipeline: Only the runs of this pipeline. The default is all.
        since: Only runs that were created at this time or later: a datetime, a date, a timedelta before now,
            or a text (`2026-01-31`, `7d`).
        limit: The most runs: 20, or 1,000 with `since`.
        target: `local`, or a target of stagewright.toml. The default is STAGEWRIGHT_TARGET, else `local`.
    """
    target = target or usual_target()
    name = documents.name_of(str(pipeline)) if pipeline else None
    created = parse_since(since)
    if is_empty(target):
        return Runs(None, ())
    return run_list.read(open_sessions.connected(target), name, created, limit)


def show(run: str | Path, *, target: str | None = None) -> Run:
    """Return a run by its id, or the newest run of a pipeline. NotFoundError: there is none."""
    target = target or usual_target()
    require_runs(target)
    session = open_sessions.connected(target)
    found = Run(session, documents.run_of(session, str(run)))
    found.record  # noqa: B018 -- NotFoundError here, not at the first use
    return found


def predict(
    pipeline: str | Path,
    data: Any,
    *,
    content_type: str | None = None,
    accept: str = "application/json",
    target: str | None = None,
) -> Prediction:
    """Send data to the endpoint of a pipeline and return its response.

    Args:
        pipeline: A pipeline (document, folder or name) or the name of an endpoint.
        data: Bytes, text, a Path, a record (dict) or records, rows (lists), a DataFrame or an array.
        content_type: By default that of the data: CSV for rows, JSON for records, the extension of a file.
        accept: Content type of the response.
        target: `local`, or a target of stagewright.toml. The default is STAGEWRIGHT_TARGET, else `local`.
    """
    payload = payloads.of_value(data, content_type)
    target = target or usual_target()
    require_runs(target)
    session = open_sessions.connected(target)
    return prediction.predict(session, documents.name_of(str(pipeline)), payload, accept)


def _options(
    parameters: Mapping[str, Scalar] | None,
    date: str | datetime.date | None,
    force: bool,
    only: Names,
    start: Names,
    skip: Names,
    bypass: Names,
    reason: str,
) -> RunOptions:
    day = date.isoformat() if isinstance(date, datetime.date) else date
    stages = [[names] if isinstance(names, str) else names for names in (only, start, skip, bypass)]
    return RunOptions(parameters or {}, day, force, stages[0], stages[1], stages[2], stages[3], reason)
