"""Nothing is started. On the local target the sample data is uploaded first, so that there is something to
plan over. With --json: the plan with the exact requests. A wave is what runs side by side; the next one
starts when all of it has ended.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from stagewright.cli.common import documents, output
from stagewright.cli.common.options import (
    Date,
    Document,
    Force,
    From,
    Json,
    Only,
    Parameters,
    Skip,
    TargetName,
)
from stagewright.cli.common.target import LOCAL, Session, session
from stagewright.naming import timestamp

if TYPE_CHECKING:
    from stagewright.cli.common.launch import Source
    from stagewright.document.budget import Budget
    from stagewright.document.pipeline import Pipeline
    from stagewright.planner.model import Plan, Trigger
    from stagewright.planner.release import Release
    from stagewright.planner.selection import Selection
    from stagewright.stages.base.usage import Use
    from stagewright.syntax.fields import Scalar


def command(
    place: Document,
    given: Parameters = [],  # noqa: B006 -- Typer copies it
    date: Date = None,
    force: Force = False,
    only: Only = [],  # noqa: B006
    start: From = [],  # noqa: B006
    skip: Skip = [],  # noqa: B006
    target: TargetName = LOCAL,
    as_json: Json = False,
) -> None:
    from stagewright.cli.common import launch, run_options
    from stagewright.planner.quotas import exceeded

    day = documents.parse_date(date)
    source, parameters = run_options.read(place, given, target)
    with session(target) as connected:
        pipeline, selection = run_options.selected(connected, source, only, start, skip)
        launch.upload_samples(connected, source, starting=False)
        made = make(connected, release_of(source), pipeline, manual(parameters, selection, day), force)
        refused = tuple(exceeded(made, {} if connected.is_local else connected.gateway.quotas.applied()))
    made = replace(made, warnings=(*made.warnings, *refused))
    if as_json:
        output.print_json(made.to_json())
    else:
        print_plan(made, pipeline.budget)


def make(
    connected: Session, release: Release, pipeline: Pipeline, trigger: Trigger, force: bool = False
) -> Plan:
    """What a run of this release would do now; `pipeline` is the effective document."""
    from stagewright.document.parameters import with_parameters
    from stagewright.runs.plan_inputs.load import make_plan

    document = with_parameters(pipeline, dict(trigger.parameters))
    return make_plan(connected.gateway, document, trigger, release, revision=0, force=force)


def manual(parameters: Mapping[str, Scalar], selection: Selection, date: str = "") -> Trigger:
    """Of a run that starts now."""
    from stagewright.cli.common.launch import user
    from stagewright.planner.model import Trigger

    key, now = f"manual:{uuid.uuid4()}", timestamp(datetime.now(UTC))
    return Trigger("manual", key, now, user(), parameters, date=date, **vars(selection))


def release_of(source: Source) -> Release:
    """The release that a push of these files would make; its versions are not known yet."""
    from stagewright.planner.release import CodeFile, Release

    files = {
        path: CodeFile(hashlib.sha256(body).hexdigest(), size=len(body))
        for path, body in source.files.items()
    }
    return Release(source.pipeline.name, files)


def print_plan(made: Plan, budget: Budget | None) -> None:
    rows = [(s.name, s.kind, s.action, s.reason.removeprefix(f"{s.name}: ")) for s in made.stages]
    output.table(("stage", "kind", "action", "why"), rows)
    for warning in made.warnings:
        output.note(f"warning: {warning}")
    for number, wave in enumerate(made.waves, 1):
        output.print_line(f"wave {number}: " + " | ".join(" -> ".join(chain) for chain in wave))
    print_cost([use for stage in made.stages for use in stage.uses], budget.prices if budget else {})


def print_cost(uses: Sequence[Use], prices: Mapping[str, float]) -> None:
    """The most that the run can use, and what goes on costing after it."""
    from stagewright.planner.cost import hours_by_type, money

    hours = hours_by_type(uses)
    if hours:
        told = ", ".join(f"{name} {amount:,.2f}" for name, amount in hours.items())
        priced = (
            f", {money(uses, prices):,.2f} at the document's prices" if hours.keys() <= prices.keys() else ""
        )
        output.print_line(f"at most {sum(hours.values()):,.2f} instance-hours ({told}){priced}")
    for use in uses:
        if use.hours is None:
            output.print_line(f"until it is removed: {use.instances} x {use.instance_type} ({use.purpose})")
