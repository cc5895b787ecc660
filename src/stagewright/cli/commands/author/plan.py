"""Starts nothing. On the local target, sample data is uploaded first, so that the plan has inputs. With
--json, prints the plan with the exact requests to AWS. A wave is a set of stages that run in parallel. The
next wave starts when the whole wave has ended.
"""

from __future__ import annotations

from typing import Annotated

import typer

from stagewright.api.target import LOCAL, session
from stagewright.cli.common import output
from stagewright.cli.common.options import (
    Bypass,
    Date,
    Document,
    Force,
    From,
    Instances,
    Json,
    Only,
    Parameters,
    Reason,
    Skip,
    TargetName,
)

CHANGES_PENDING = 8
"""Exit code of `--exit-code`, next to those of `stagewright.errors`."""
ExitCode = Annotated[
    bool, typer.Option("--exit-code", help=f"Exit with {CHANGES_PENDING} if a stage would run, else with 0.")
]


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
    every: Instances = False,
    target: TargetName = LOCAL,
    as_json: Json = False,
    exit_code: ExitCode = False,
) -> None:
    from stagewright.api import run_options
    from stagewright.cli.common.plan import print_plan
    from stagewright.planner.cost import plan_json

    options = run_options.RunOptions(assignments, date, force, only, start, skip, bypass, reason)
    source, parameters = run_options.read(document, options, target)
    with session(target) as connected:
        plan = run_options.plan(connected, source, parameters, options)
    if as_json:
        output.print_json(plan_json(plan))
    else:
        print_plan(plan, every)
    if exit_code and plan.waves:
        raise typer.Exit(CHANGES_PENDING)
