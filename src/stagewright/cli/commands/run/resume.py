"""Starts a new run with the trigger of the old one: the same date, parameters, stages and partition. The new
run reuses finished results. The command prints its plan first. It takes document and code from PIPELINE and
pushes them if they changed. Without PIPELINE, on the local target, it uses the pipeline's document in the
current folder or in pipelines/, else the last push. You cannot resume a run that is active or succeeded.
"""

from __future__ import annotations

from typing import Annotated

import typer

from stagewright.api import documents
from stagewright.api.target import LOCAL, existing_session, require_lasting_server
from stagewright.cli.common import output
from stagewright.cli.common.command_hints import program
from stagewright.cli.common.options import Bypass, Json, Reason, TargetName, Wait
from stagewright.cli.common.plan import print_plan

Run = Annotated[
    str, typer.Argument(metavar="RUN", help="The id of a run, or a pipeline's name for its newest run.")
]
CurrentDocument = Annotated[
    str | None,
    typer.Argument(metavar="PIPELINE", help="The current document, or a folder with a pipeline.yaml."),
]
PlanOnly = Annotated[bool, typer.Option("--plan", help="Only show what the new run would do.")]


def command(
    run: Run,
    document: CurrentDocument = None,
    plan_only: PlanOnly = False,
    bypass: Bypass = [],  # noqa: B006 -- Typer copies it
    reason: Reason = "",
    wait: Wait = True,
    target: TargetName = LOCAL,
    as_json: Json = False,
) -> None:
    with existing_session(target, runs=not plan_only) as connected:
        from stagewright.api import resuming
        from stagewright.cli.common import summary
        from stagewright.planner.cost import plan_json

        require_lasting_server(connected, wait=wait)
        resumed = resuming.read(connected, documents.run_of(connected, run), document, bypass, reason)
        plan = resumed.plan()
        if plan_only and as_json:
            output.print_json(plan_json(plan))
            return
        output.note(f"resuming {resumed.description}")
        if not as_json:
            print_plan(plan)
        if plan_only:
            return
        new_run = resumed.start()
        again = f"{program()} resume {new_run}"
        summary.follow(connected, new_run, again, wait=wait, as_json=as_json)
