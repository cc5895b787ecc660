"""Starts nothing. On the local target, sample data is uploaded first, so that the plan has inputs. With
--json, prints the plan with the exact requests to AWS. A wave is a set of stages that run in parallel. The
next wave starts when the whole wave has ended.
"""

from __future__ import annotations

from dataclasses import replace

from stagewright.api import documents
from stagewright.api.target import LOCAL, session
from stagewright.cli.common import output
from stagewright.cli.common.options import (
    Bypass,
    Date,
    Document,
    Force,
    From,
    Json,
    Only,
    Parameters,
    Reason,
    Skip,
    TargetName,
)


def command(
    document: Document,
    assignments: Parameters = [],  # noqa: B006 -- Typer copies it
    date: Date = None,
    force: Force = False,
    only: Only = [],  # noqa: B006
    start: From = [],  # noqa: B006
    skip: Skip = [],  # noqa: B006
    bypass: Bypass = [],  # noqa: B006
    reason: Reason = "",
    target: TargetName = LOCAL,
    as_json: Json = False,
) -> None:
    from stagewright.api import run_options, sample_data
    from stagewright.api.planning import manual_trigger, plan_run, release_of
    from stagewright.cli.common.plan import print_plan
    from stagewright.planner.cost import plan_json
    from stagewright.planner.quotas import exceeded

    day = documents.parse_date(date)
    source, parameters = run_options.read(document, assignments, target)
    with session(target) as connected:
        effective, selection = run_options.selected(connected, source, only, start, skip, bypass, reason)
        sample_data.upload_samples(connected, source)
        trigger = manual_trigger(parameters, selection, day)
        plan = plan_run(connected, release_of(source), effective, trigger, force, source.path.parent)
        quotas = {} if connected.is_local else connected.gateway.quotas.applied()
    plan = replace(plan, warnings=(*plan.warnings, *exceeded(plan, quotas)))
    if as_json:
        output.print_json(plan_json(plan))
    else:
        print_plan(plan)
