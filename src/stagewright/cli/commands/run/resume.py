"""Starts a new run with the trigger of the old one: the same date, parameters, stages and partition. The new
run reuses finished results. The command prints its plan first. It takes document and code from PIPELINE and
pushes them if they changed. Without PIPELINE, on the local target, it uses the pipeline's document in the
current folder or in pipelines/, else the last push. You cannot resume a run that is active or succeeded.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stagewright.api import documents, local_images, run_options
from stagewright.api.planning import plan_run, release_of
from stagewright.api.target import LOCAL, Session, existing_session, require_lasting_server
from stagewright.cli.common import output
from stagewright.cli.common.command_hints import program
from stagewright.cli.common.options import Bypass, Json, Reason, TargetName, Wait
from stagewright.cli.common.plan import print_plan
from stagewright.errors import NotFoundError

if TYPE_CHECKING:
    from stagewright.api.source import Source
    from stagewright.planner.model import Plan
    from stagewright.planner.selection import Selection
    from stagewright.store.runs import Header

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
        from stagewright.cli.common import summary
        from stagewright.planner.cost import plan_json
        from stagewright.planner.selection import Selection, parse_names
        from stagewright.runs import resume

        require_lasting_server(connected, wait=wait)
        header = resume.resumable(connected.gateway, documents.run_of(connected, run))
        source = source_of(connected, header, document)
        selection = Selection(bypass=parse_names(bypass), reason=reason.strip())
        plan = plan_resumed(connected, header, source, selection)
        if plan_only and as_json:
            output.print_json(plan_json(plan))
            return
        note_origin(header, source)
        if not as_json:
            print_plan(plan)
        if plan_only:
            return
        new_run = start(connected, header, source, selection)
        again = f"{program()} resume {new_run}"
        summary.follow(connected, new_run, again, wait=wait, as_json=as_json)


def nearby_document(pipeline: str) -> Path | None:
    """The document of a pipeline in the current folder or in pipelines/."""
    paths = (documents.find(argument) for argument in (".", pipeline))
    return next((path for path in paths if path and documents.read(str(path)).name == pipeline), None)


def source_of(connected: Session, header: Header, document: str | None) -> Source | None:
    """The document on this disk for the new run. None: the new run uses the last push."""
    from stagewright.api.source import Source

    if document:
        path: Path | None = documents.path_of(document)
    else:
        path = nearby_document(header.pipeline) if connected.is_local else None
    if path is None:
        return None
    source = Source.read(path)
    if source.pipeline.name != header.pipeline:
        raise NotFoundError(
            f"{path} is the document of {source.pipeline.name}, but {header.run} is of {header.pipeline}",
            "give the document of that pipeline",
        )
    run_options.warn_of_code(source, source.in_environment(connected.gateway.installation.environment))
    return source


def plan_resumed(connected: Session, header: Header, source: Source | None, bypass: Selection) -> Plan:
    """Plan of the new run. `bypass`: what the new run does without."""
    from stagewright.api import launch, sample_data
    from stagewright.api.source import effective
    from stagewright.runs import resume

    if source:
        document, release = effective(connected, source), release_of(source)
        local_images.warn(connected, document.pipeline)
        sample_data.upload_samples(connected, source)
    else:
        document, release = run_options.pushed(connected.gateway, header.pipeline)
    key = resume.key_of(connected.gateway, header.run)
    trigger = resume.trigger_of(header, key, launch.caller(connected), bypass)
    return plan_run(connected, release, document, trigger, folder=source.path.parent if source else None)


def note_origin(header: Header, source: Source | None) -> None:
    origin = f"from {source.path}" if source else "from the last push"
    output.note(f"resuming {header.run} ({header.status}) with {header.pipeline} {origin}")


def start(connected: Session, header: Header, source: Source | None, bypass: Selection) -> str:
    """Push the document if there is one, start the new run and return its id."""
    from stagewright.api import launch
    from stagewright.api.source import effective
    from stagewright.runs.requests import request_resume

    key = None
    if source:
        push = launch.push(connected, source, selection=bypass, resumes=header.run)
        launch.note_pushed(source, push)
        key = push.trigger_key
    key = key or request_resume(connected.gateway, header, launch.caller(connected), bypass)
    new_run = launch.wait_or_note(connected, key)
    if source and connected.is_local:
        local_images.note_builds(connected, effective(connected, source).pipeline, new_run)
    return new_run
