"""A new run with the trigger of the old one: the same date, parameters, stages and partition. What is
finished is reused; the plan says so first. Document and code are those of PIPELINE, which is pushed if it
changed; without it, on the local target, those of the document in the current folder or in `pipelines`, where
that is the run's, else as they were pushed last. Not for runs that are under way or ended well.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stagewright.cli.common import documents, local_images, output
from stagewright.cli.common.command_hints import program
from stagewright.cli.common.options import Json, TargetName, Wait
from stagewright.cli.common.plan import plan_run, print_plan, release_of
from stagewright.cli.common.run_options import pushed
from stagewright.cli.common.target import LOCAL, Session, existing_session, require_lasting_server
from stagewright.errors import NotFoundError

if TYPE_CHECKING:
    from stagewright.cli.common.source import Source
    from stagewright.document.budget import Budget
    from stagewright.planner.model import Plan
    from stagewright.store.runs import Header

Run = Annotated[
    str, typer.Argument(metavar="RUN", help="The run, or a pipeline's name: its newest run is meant.")
]
Place = Annotated[
    str | None,
    typer.Argument(metavar="PIPELINE", help="The document as it is now, or a folder with a pipeline.yaml."),
]
PlanOnly = Annotated[bool, typer.Option("--plan", help="Only show what the new run would do.")]


def command(
    run: Run,
    place: Place = None,
    plan_only: PlanOnly = False,
    wait: Wait = True,
    target: TargetName = LOCAL,
    as_json: Json = False,
) -> None:
    with existing_session(target, runs=not plan_only) as connected:
        from stagewright.cli.common import summary
        from stagewright.runs import resume

        require_lasting_server(connected, wait=wait)
        header = resume.resumable(connected.gateway, documents.run_of(connected, run))
        source = source_of(connected, header, place)
        made, budget = planned(connected, header, source)
        if plan_only and as_json:
            output.print_json(made.to_json())
            return
        tell(header, source, made, budget, quiet=as_json)
        if plan_only:
            return
        later = start(connected, header, source)
        again = f"{program()} resume {later}"
        summary.follow(connected, later, again, wait=wait, as_json=as_json)


def beside(pipeline: str) -> Path | None:
    """The pipeline's document in the current folder or in `pipelines`."""
    found = (documents.find(place) for place in (".", pipeline))
    return next((path for path in found if path and documents.read(str(path)).name == pipeline), None)


def source_of(connected: Session, header: Header, place: str | None) -> Source | None:
    """The document on this disk that the new run is to be of; None where what was pushed is."""
    from stagewright.cli.common.source import Source

    found = documents.path_of(place) if place else beside(header.pipeline) if connected.is_local else None
    if found is None:
        return None
    source = Source.read(found)
    if source.pipeline.name != header.pipeline:
        raise NotFoundError(
            f"{found} is the document of {source.pipeline.name}, and {header.run} is a run of"
            f" {header.pipeline}",
            "give the document of that pipeline",
        )
    return source


def planned(connected: Session, header: Header, source: Source | None) -> tuple[Plan, Budget | None]:
    """What the new run would do, and the document's budget."""
    from stagewright.cli.common import launch, sample_data
    from stagewright.cli.common.source import effective
    from stagewright.runs import resume

    if source:
        pipeline, release = effective(connected, source), release_of(source)
        local_images.warn(connected, pipeline)
        sample_data.upload_samples(connected, source)
    else:
        pipeline, release = pushed(connected.gateway, header.pipeline)
    key = resume.key_of(connected.gateway, header.run)
    trigger = resume.trigger_of(header, key, launch.caller(connected))
    return plan_run(connected, release, pipeline, trigger), pipeline.budget


def tell(header: Header, source: Source | None, made: Plan, budget: Budget | None, *, quiet: bool) -> None:
    what = f"as {source.path} has it" if source else "as it was pushed last"
    output.note(f"resuming {header.run} ({header.status}), {header.pipeline} {what}")
    if not quiet:
        print_plan(made, budget)


def start(connected: Session, header: Header, source: Source | None) -> str:
    """The new run's id."""
    from stagewright.cli.common import launch
    from stagewright.cli.common.source import effective
    from stagewright.runs.requests import request_resume

    key = None
    if source:
        done = launch.push(connected, source, resumes=header.run)
        launch.note_pushed(source, done)
        key = done.trigger_key
    key = key or request_resume(connected.gateway, header, launch.caller(connected))
    later = launch.wait_or_note(connected, key)
    if source and connected.is_local:
        local_images.note_builds(connected, effective(connected, source), later)
    return later
